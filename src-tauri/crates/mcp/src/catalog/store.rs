//! The merged view and where it is swapped.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use drawbridge_model::{ServerName, ToolName};
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::{Offer, Prompt, Resource, Template, Tool};
use crate::names;

/// Which part of the catalog a list shows, and in which words.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    /// All servers, with the names of the merged address.
    Merged,
    /// One server, in its own words.
    Server(&'a str),
}

/// One server's part of the catalog.
#[derive(Debug)]
pub struct ServerOffer {
    /// The server.
    pub server: ServerName,
    /// What it offers.
    pub offer: Offer,
    tools: HashMap<ToolName, usize>,
}

/// All that servers offer at one moment. Servers are in the order of their names, entries in the
/// order of their server.
#[derive(Debug, Default)]
pub struct Catalog {
    servers: BTreeMap<ServerName, Arc<ServerOffer>>,
    tools: HashMap<Arc<str>, (Arc<ServerOffer>, usize)>,
    prompts: HashMap<Arc<str>, (Arc<ServerOffer>, usize)>,
    prefixes: HashMap<String, ServerName>,
}

impl Catalog {
    fn of(servers: BTreeMap<ServerName, Arc<ServerOffer>>) -> Self {
        let mut catalog = Self { servers, ..Self::default() };
        for part in catalog.servers.values() {
            for (index, tool) in part.offer.tools.iter().enumerate() {
                let place = (Arc::clone(part), index);
                catalog.tools.entry(Arc::clone(&tool.exposed)).or_insert(place);
            }
            for (index, prompt) in part.offer.prompts.iter().enumerate() {
                let place = (Arc::clone(part), index);
                catalog.prompts.entry(Arc::clone(&prompt.exposed)).or_insert(place);
            }
            let prefix = names::uri_prefix(part.server.as_str());
            catalog.prefixes.entry(prefix).or_insert_with(|| part.server.clone());
        }
        catalog
    }

    /// The servers that answer, in the order of their names.
    pub fn servers(&self) -> impl Iterator<Item = &ServerOffer> {
        self.servers.values().map(AsRef::as_ref)
    }

    /// What one server offers.
    #[must_use]
    pub fn server(&self, server: &str) -> Option<&ServerOffer> {
        self.servers.get(server).map(AsRef::as_ref)
    }

    /// A tool by its name on the merged address.
    #[must_use]
    pub fn tool(&self, exposed: &str) -> Option<(&ServerName, &Tool)> {
        let (part, index) = self.tools.get(exposed)?;
        Some((&part.server, part.offer.tools.get(*index)?))
    }

    /// A tool by its server and its own name.
    #[must_use]
    pub fn tool_of(&self, server: &str, name: &str) -> Option<(&ServerName, &Tool)> {
        let part = self.servers.get(server)?;
        let index = part.tools.get(name)?;
        Some((&part.server, part.offer.tools.get(*index)?))
    }

    /// A prompt by its name on the merged address.
    #[must_use]
    pub fn prompt(&self, exposed: &str) -> Option<(&ServerName, &Prompt)> {
        let (part, index) = self.prompts.get(exposed)?;
        Some((&part.server, part.offer.prompts.get(*index)?))
    }

    /// A prompt by its server and its own name.
    #[must_use]
    pub fn prompt_of(&self, server: &str, name: &str) -> Option<(&ServerName, &Prompt)> {
        let part = self.servers.get(server)?;
        let prompt = part.offer.prompts.iter().find(|prompt| prompt.name == name)?;
        Some((&part.server, prompt))
    }

    /// The server of a resource URI of the merged address, and the URI that server knows. The
    /// resource need not be listed: templates make URIs that no list has.
    #[must_use]
    pub fn resource<'a>(&self, exposed: &'a str) -> Option<(&ServerName, &'a str)> {
        let (prefix, original) = names::split_uri(exposed)?;
        Some((self.prefixes.get(&prefix)?, original))
    }

    /// The result of `tools/list` with the tools that `shown` lets pass.
    pub fn list_tools(
        &self,
        scope: Scope<'_>,
        mut shown: impl FnMut(&ServerName, &Tool) -> bool,
    ) -> String {
        self.list("tools", scope, |part, merged, out| {
            let tools = part.offer.tools.iter().filter(|tool| shown(&part.server, tool));
            join(out, merged, tools.map(|Tool { raw, exposed_raw, .. }| (raw, exposed_raw)));
        })
    }

    /// The result of `prompts/list` for the servers that `shown` lets pass.
    pub fn list_prompts(
        &self,
        scope: Scope<'_>,
        mut shown: impl FnMut(&ServerName) -> bool,
    ) -> String {
        self.list("prompts", scope, |part, merged, out| {
            let prompts = part.offer.prompts.iter().take_while(|_| shown(&part.server));
            join(out, merged, prompts.map(|Prompt { raw, exposed_raw, .. }| (raw, exposed_raw)));
        })
    }

    /// The result of `resources/list` for the servers that `shown` lets pass.
    pub fn list_resources(
        &self,
        scope: Scope<'_>,
        mut shown: impl FnMut(&ServerName) -> bool,
    ) -> String {
        self.list("resources", scope, |part, merged, out| {
            let resources = part.offer.resources.iter().take_while(|_| shown(&part.server));
            join(
                out,
                merged,
                resources.map(|Resource { raw, exposed_raw, .. }| (raw, exposed_raw)),
            );
        })
    }

    /// The result of `resources/templates/list` for the servers that `shown` lets pass.
    pub fn list_templates(
        &self,
        scope: Scope<'_>,
        mut shown: impl FnMut(&ServerName) -> bool,
    ) -> String {
        self.list("resourceTemplates", scope, |part, merged, out| {
            let templates = part.offer.templates.iter().take_while(|_| shown(&part.server));
            join(
                out,
                merged,
                templates.map(|Template { raw, exposed_raw, .. }| (raw, exposed_raw)),
            );
        })
    }

    fn list(
        &self,
        key: &str,
        scope: Scope<'_>,
        mut entries: impl FnMut(&ServerOffer, bool, &mut String),
    ) -> String {
        let mut out = String::with_capacity(4096);
        out.push_str("{\"");
        out.push_str(key);
        out.push_str("\":[");
        match scope {
            Scope::Merged => {
                for part in self.servers.values() {
                    entries(part, true, &mut out);
                }
            }
            Scope::Server(server) => {
                if let Some(part) = self.servers.get(server) {
                    entries(part, false, &mut out);
                }
            }
        }
        if out.ends_with(',') {
            out.pop();
        }
        out.push_str("]}");
        out
    }
}

/// Appends each entry and a comma.
fn join<'a>(
    out: &mut String,
    merged: bool,
    entries: impl Iterator<Item = (&'a Box<RawValue>, &'a Box<RawValue>)>,
) {
    for (raw, exposed_raw) in entries {
        out.push_str(if merged { exposed_raw.get() } else { raw.get() });
        out.push(',');
    }
}

/// Where the catalog is swapped.
#[derive(Debug)]
pub struct CatalogStore {
    current: ArcSwap<Catalog>,
    changed: watch::Sender<u64>,
}

impl Default for CatalogStore {
    fn default() -> Self {
        Self::new()
    }
}

impl CatalogStore {
    /// An empty catalog.
    #[must_use]
    pub fn new() -> Self {
        Self { current: ArcSwap::default(), changed: watch::Sender::new(0) }
    }

    /// The catalog as it is, for a moment. Not to be kept across an await.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Catalog>> {
        self.current.load()
    }

    /// The catalog as it is, to keep.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Catalog> {
        self.current.load_full()
    }

    /// Puts a server's offer in the place of what it offered before.
    pub fn publish(&self, server: &ServerName, offer: Offer) {
        let tools = offer.tools.iter().enumerate();
        let tools = tools.map(|(index, tool)| (tool.name.clone(), index)).collect();
        let part = Arc::new(ServerOffer { server: server.clone(), offer, tools });
        self.swap(|servers| {
            servers.insert(server.clone(), Arc::clone(&part));
        });
    }

    /// Takes away what a server offers.
    pub fn withdraw(&self, server: &ServerName) {
        self.swap(|servers| {
            servers.remove(server);
        });
    }

    /// Grows with each change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn swap(&self, change: impl Fn(&mut BTreeMap<ServerName, Arc<ServerOffer>>)) {
        self.current.rcu(|catalog| {
            let mut servers = catalog.servers.clone();
            change(&mut servers);
            Catalog::of(servers)
        });
        self.changed.send_modify(|count| *count += 1);
    }
}
