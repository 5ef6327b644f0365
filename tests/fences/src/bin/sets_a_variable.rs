//! Breaks the fence around the environment.

#[cfg(not(feature = "lawful"))]
fn violate() {
    // SAFETY: never run; clippy only reads it.
    unsafe { std::env::set_var("A", "b") };
}

#[cfg(feature = "lawful")]
fn violate() {}

fn main() {
    violate();
}
