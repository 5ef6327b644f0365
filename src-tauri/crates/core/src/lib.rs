//! The engine: config, controller, snapshot, requests, and what other apps are told.

pub mod atomic_write;
pub mod bridge;
pub mod config;
pub mod paths;
pub mod view;
