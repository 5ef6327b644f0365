//! Breaks the fence around starting processes.

#[cfg(not(feature = "lawful"))]
fn violate() {
    let _ = std::process::Command::new("true");
}

#[cfg(feature = "lawful")]
fn violate() {}

fn main() {
    violate();
}
