//! What differs between operating systems: who may read the record.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

#[cfg(unix)]
pub(crate) use unix::{create_private_file, create_private_folder, write_at, write_private_file};
#[cfg(windows)]
pub(crate) use windows::{
    create_private_file, create_private_folder, write_at, write_private_file,
};
