//! What the whole engine does, seen from outside: its command line, its address, its files and the
//! processes it starts. One program, so that the tests share one link and run side by side.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where it fails")]

mod audit;
mod broken_servers;
mod calls;
mod forwarder;
mod guard;
mod headless;
mod killed;
mod model_routes;
mod models;
mod ollama_clients;
mod pins;
mod processes;
mod real_servers;
mod record;
mod reload;
mod remote;
mod sessions;
mod switches;
mod transparency;
