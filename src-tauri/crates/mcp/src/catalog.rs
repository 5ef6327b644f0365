//! What servers offer, merged.
//!
//! The [`Catalog`] is immutable and swapped as a whole, so that a reader sees one state and takes
//! no lock. Lists are rendered by joining the raw text of entries; nothing is parsed again.

mod offer;
mod store;

use std::sync::Arc;

use drawbridge_model::ToolName;
use serde_json::value::RawValue;

pub use offer::{read_list, read_offer};
pub use store::{Catalog, CatalogStore, Scope, ServerOffer};

use crate::wire;

/// Everything one server offers, in its order.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// Its tools.
    pub tools: Arc<Vec<Tool>>,
    /// Its prompts.
    pub prompts: Arc<Vec<Prompt>>,
    /// Its resources.
    pub resources: Arc<Vec<Resource>>,
    /// Its resource templates.
    pub templates: Arc<Vec<Template>>,
}

/// A tool. Its raw text is kept once as the server wrote it and once with its name on the merged
/// address.
#[derive(Debug, Clone)]
pub struct Tool {
    /// Its name as the server gives it.
    pub name: ToolName,
    /// Its name on the merged address.
    pub exposed: Arc<str>,
    /// The entry as the server wrote it.
    pub raw: Box<RawValue>,
    /// The entry with `name` exchanged.
    pub exposed_raw: Box<RawValue>,
    /// A title for people: `title`, else `annotations.title`.
    pub title: Option<String>,
    /// What the server says it does.
    pub description: Option<String>,
    /// What the server claims about it.
    pub annotations: ToolAnnotations,
    /// SHA-256 of what a person looks at before letting it run: name, title, description, schemas
    /// and annotations, each as the server wrote it.
    pub digest: [u8; 32],
}

impl Tool {
    /// Its `inputSchema`, untouched. Looked up in the raw text at each call.
    #[must_use]
    pub fn input_schema(&self) -> Option<&RawValue> {
        value_at(&self.raw, "inputSchema")
    }

    /// Its `outputSchema`, untouched.
    #[must_use]
    pub fn output_schema(&self) -> Option<&RawValue> {
        value_at(&self.raw, "outputSchema")
    }
}

/// What a server claims about a tool. Claims are shown, never relied on; `None` where it says
/// nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ToolAnnotations {
    /// `readOnlyHint`
    pub read_only: Option<bool>,
    /// `destructiveHint`
    pub destructive: Option<bool>,
    /// `idempotentHint`
    pub idempotent: Option<bool>,
    /// `openWorldHint`
    pub open_world: Option<bool>,
}

/// A prompt.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Its name as the server gives it.
    pub name: String,
    /// Its name on the merged address.
    pub exposed: Arc<str>,
    /// The entry as the server wrote it.
    pub raw: Box<RawValue>,
    /// The entry with `name` exchanged.
    pub exposed_raw: Box<RawValue>,
    /// A title for people.
    pub title: Option<String>,
    /// What the server says it does.
    pub description: Option<String>,
}

/// A resource.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its URI as the server gives it.
    pub uri: String,
    /// Its URI on the merged address.
    pub exposed: String,
    /// The entry as the server wrote it.
    pub raw: Box<RawValue>,
    /// The entry with `uri` exchanged.
    pub exposed_raw: Box<RawValue>,
}

/// A resource template.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its URI template as the server gives it.
    pub uri_template: String,
    /// Its URI template on the merged address.
    pub exposed: String,
    /// The entry as the server wrote it.
    pub raw: Box<RawValue>,
    /// The entry with `uriTemplate` exchanged.
    pub exposed_raw: Box<RawValue>,
}

fn value_at<'a>(raw: &'a RawValue, key: &str) -> Option<&'a RawValue> {
    wire::find(raw, &[key]).ok()??.value()
}
