//! Looks at the migrations again when one is added: they are compiled in.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
