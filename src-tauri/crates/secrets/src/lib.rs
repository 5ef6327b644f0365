//! The operating system's keyring behind a trait, and types that never print what they hold.
