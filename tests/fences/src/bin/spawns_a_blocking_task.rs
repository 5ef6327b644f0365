//! Breaks the fence around tasks without an owner.

#[cfg(not(feature = "lawful"))]
fn violate() {
    let _ = tokio::task::spawn_blocking(|| {});
}

#[cfg(feature = "lawful")]
fn violate() {}

fn main() {
    violate();
}
