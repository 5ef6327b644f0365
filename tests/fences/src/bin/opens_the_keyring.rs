//! Breaks the fence around the keyring.

#[cfg(not(feature = "lawful"))]
fn violate() {
    drop(keyring::v1::Entry::new("drawbridge", "x"));
}

#[cfg(feature = "lawful")]
fn violate() {}

fn main() {
    violate();
}
