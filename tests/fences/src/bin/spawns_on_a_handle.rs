//! Breaks the fence around tasks without an owner.

#[cfg(not(feature = "lawful"))]
fn violate() {
    let _ = tokio::runtime::Handle::current().spawn(async {});
}

#[cfg(feature = "lawful")]
fn violate() {}

fn main() {
    violate();
}
