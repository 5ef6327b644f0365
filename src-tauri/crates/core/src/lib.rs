//! The engine: config, controller, snapshot, requests, and what other apps are told.

pub mod bridge;
pub mod view;
