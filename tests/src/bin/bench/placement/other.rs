//! Where no processor is chosen for a program.

pub(super) fn allowed() -> Vec<usize> {
    Vec::new()
}

pub(super) fn put(_program: Option<u32>, _processors: &[usize]) -> anyhow::Result<()> {
    Ok(())
}
