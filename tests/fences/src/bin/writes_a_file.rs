//! Breaks the fence around writing files.

#[cfg(not(feature = "lawful"))]
fn violate() {
    let _ = std::fs::write("x", "y");
}

#[cfg(feature = "lawful")]
fn violate() {}

fn main() {
    violate();
}
