//! Ollama and other backends: which of their addresses may be reached and by whom, what a request
//! asks of which model, how an answer went, and Ollama's own API as far as Drawbridge uses it.
//!
//! What is passed on is passed on as bytes: a request's body is looked at for the name of its
//! model, and an answer's for what it took, and neither is changed, but for the prefix that names
//! a backend.
//!
//! Nothing here serves HTTP, starts a process or keeps a file.

pub mod answer;
pub mod api;
pub mod backend;
pub mod http;
pub mod model_name;
pub mod pull;
pub mod request;
pub mod route;
