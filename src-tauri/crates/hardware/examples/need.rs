//! Says what models take. Each line of input is a JSON object with `show` (an answer of Ollama's
//! `POST /api/show`) or `shape`, and `setup`. Each line of output has `shape` and `need`.
//! `tests/clients/sizing/compare.py` holds this against a real llama.cpp.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::io::{BufRead as _, stdin};

use drawbridge_hardware::sizing::{Setup, Shape, need};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in stdin().lock().lines() {
        let mut asked: Value = serde_json::from_str(&line?)?;
        let shape: Shape = match asked.get("show") {
            Some(answer) => Shape::from_show(answer)?,
            None => serde_json::from_value(asked["shape"].take())?,
        };
        let setup: Setup = serde_json::from_value(asked["setup"].take())?;
        println!("{}", json!({ "shape": shape, "need": need(&shape, &setup) }));
    }
    Ok(())
}
