//! Embeddings: `/api/embed`, `/api/embeddings` and `/v1/embeddings`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::body::Response;
use crate::compat;
use crate::go::{self, Refusal};
use crate::infer::lenient;
use crate::loaded;
use crate::models::{Name, is_cloud};
use crate::script::Model;
use crate::server::Shared;

/// What llama-server says of a model that was not started for embeddings.
const UNSUPPORTED: &str = "This server does not support embeddings. Start it with `--embeddings`";

/// `/api/embed`.
pub(crate) async fn embed(shared: &Arc<Shared>, body: &[u8]) -> Result<Response, Refusal> {
    let began = Instant::now();
    let object = go::object(body, "EmbedRequest")?;
    let model = go::text(&object, "model");
    let missing = || Refusal::new(404, format!("model '{model}' not found"));
    if Name::parse(model).is_none() {
        return Err(missing());
    }
    let inputs = inputs(object.get("input"))?;
    let (found, lease) = used(shared, &object, missing).await?;
    if inputs.is_empty() {
        return Ok(go::json(200, &json!({"model": model, "embeddings": []})));
    }
    check(&found, 501)?;
    let vectors = vectors(shared, &found, &inputs, object.get("dimensions")).await;
    let nanos = |duration: Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let body = json!({
        "model": model,
        "embeddings": vectors,
        "total_duration": nanos(began.elapsed()),
        "load_duration": nanos(lease.load).max(1),
        "prompt_eval_count": tokens(&inputs),
    });
    Ok(go::json(200, &body))
}

/// `/api/embeddings`.
pub(crate) async fn embeddings(shared: &Arc<Shared>, body: &[u8]) -> Result<Response, Refusal> {
    let object = go::object(body, "EmbeddingRequest")?;
    let model = go::text(&object, "model");
    let missing = || Refusal::new(400, "model is required");
    if Name::parse(model).is_none() {
        return Err(missing());
    }
    let (found, _lease) = used(shared, &object, missing).await?;
    let prompt = go::text(&object, "prompt");
    if prompt.is_empty() {
        return Ok(go::json(200, &json!({"embedding": []})));
    }
    check(&found, 500)?;
    let vectors = vectors(shared, &found, &[prompt.to_owned()], None).await;
    Ok(go::json(200, &json!({"embedding": vectors[0]})))
}

/// `/v1/embeddings`.
pub(crate) async fn openai(shared: &Arc<Shared>, body: &[u8]) -> Response {
    let object = match lenient(body, "EmbedRequest") {
        Ok(object) => object,
        Err(refusal) => return compat::early(&refusal),
    };
    let format = go::text(&object, "encoding_format").to_ascii_lowercase();
    if !["", "float", "base64"].contains(&format.as_str()) {
        let message = format!(
            "Invalid value for 'encoding_format' = {}. Supported values: ['float', 'base64'].",
            go::text(&object, "encoding_format")
        );
        return compat::early(&Refusal::new(400, message));
    }
    let empty = match object.get("input") {
        None | Some(Value::Null) => true,
        Some(Value::Array(all)) => all.is_empty(),
        Some(_) => false,
    };
    if empty {
        return compat::early(&Refusal::new(400, "invalid input"));
    }
    match openai_answer(shared, &object, format == "base64").await {
        Ok(body) => go::bytes(200, "application/json", format!("{body}\n").into_bytes()),
        Err(refusal) => compat::refusal(&refusal),
    }
}

async fn openai_answer(
    shared: &Arc<Shared>,
    object: &Map<String, Value>,
    base64: bool,
) -> Result<Value, Refusal> {
    let model = go::text(object, "model");
    let missing = || Refusal::new(404, format!("model '{model}' not found"));
    let inputs = inputs(object.get("input"))?;
    let (found, _lease) = used(shared, object, missing).await?;
    check(&found, 501)?;
    let vectors = vectors(shared, &found, &inputs, object.get("dimensions")).await;
    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = if base64 { in_base64(vector).into() } else { json!(vector) };
            json!({"object": "embedding", "embedding": embedding, "index": index})
        })
        .collect();
    let count = tokens(&inputs);
    Ok(json!({
        "object": "list",
        "data": data,
        "model": model,
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }))
}

fn inputs(input: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let wrong = || Refusal::new(400, "invalid input type");
    match input {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(Value::Array(all)) => {
            all.iter().map(|one| one.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        }
        Some(_) => Err(wrong()),
    }
}

async fn used(
    shared: &Arc<Shared>,
    object: &Map<String, Value>,
    missing: impl Fn() -> Refusal,
) -> Result<(Model, loaded::Lease), Refusal> {
    let asked = go::text(object, "model");
    if is_cloud(asked) {
        return Err(crate::cloud::passing(shared, "remote model is unavailable"));
    }
    let keep_alive = loaded::keep_alive(object.get("keep_alive"))?;
    let name = Name::parse(asked).ok_or_else(missing)?;
    let found = {
        let catalog = shared.catalog.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        catalog.find(&name).cloned()
    };
    let found = found.ok_or_else(|| {
        Refusal::new(404, format!("model {asked:?} not found, try pulling it first"))
    })?;
    let options = object.get("options").and_then(Value::as_object).cloned().unwrap_or_default();
    let lease = loaded::schedule(shared, &found, &options, keep_alive).await?;
    Ok((found, lease))
}

fn check(model: &Model, status: u16) -> Result<(), Refusal> {
    if model.capabilities.iter().any(|one| one == "embedding") {
        return Ok(());
    }
    Err(Refusal::new(status, UNSUPPORTED))
}

fn tokens(inputs: &[String]) -> usize {
    inputs.iter().map(|input| input.len().div_ceil(4) + 1).sum()
}

/// One vector of length 1 for each input, the same whenever it is asked.
async fn vectors(
    shared: &Shared,
    model: &Model,
    inputs: &[String],
    dimensions: Option<&Value>,
) -> Vec<Vec<f32>> {
    let wait = Duration::from_millis(shared.script.delays.embed_ms);
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    let width = usize::try_from(model.embedding_length.max(1)).unwrap_or(1);
    let asked = dimensions.and_then(Value::as_u64).and_then(|asked| usize::try_from(asked).ok());
    let width = asked.filter(|asked| (1..width).contains(asked)).unwrap_or(width);
    inputs.iter().map(|input| vector(input, width)).collect()
}

fn vector(input: &str, width: usize) -> Vec<f32> {
    let mut state = input.bytes().fold(14_695_981_039_346_656_037_u64, |state, byte| {
        (state ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    });
    let mut vector: Vec<f32> = (0..width)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            ((state >> 40) as f32 / (1_u32 << 23) as f32) - 1.0
        })
        .collect();
    let norm = vector.iter().map(|one| one * one).sum::<f32>().sqrt().max(1e-12);
    vector.iter_mut().for_each(|one| *one /= norm);
    vector
}

fn in_base64(vector: &[f32]) -> String {
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|one| one.to_le_bytes()).collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or_default());
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            if place <= group.len() {
                let letter = bits >> (18 - 6 * place) & 63;
                text.push(char::from(letters[letter as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_of_length_one_and_the_same_each_time() {
        let one = vector("a", 32);
        assert_eq!(one, vector("a", 32));
        assert_ne!(one, vector("b", 32));
        let length: f32 = one.iter().map(|x| x * x).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }

    #[test]
    fn base64_is_padded() {
        assert_eq!(in_base64(&[1.0]), "AACAPw==");
        assert_eq!(in_base64(&[0.0, 0.0, 0.0]).len(), 16);
    }
}
