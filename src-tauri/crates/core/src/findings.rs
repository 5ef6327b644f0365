//! What the scan found in what servers say of their tools.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_mcp::CatalogStore;
use drawbridge_mcp::catalog::{Catalog, Tool};
use drawbridge_model::{BUILT_IN_COMPUTER, ServerName, ToolName};
use drawbridge_policy::scan::{Finding, FindingKind, Rules, Severity, Surroundings, scan_tool};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::controller::{Controller, Event};
use crate::os;
use crate::view::{ToolFinding, ToolFindingKind};

/// How long lists have to stay as they are before all of them are scanned again.
const SETTLE: Duration = Duration::from_millis(200);
/// How long that is waited for.
const SETTLE_AT_MOST: Duration = Duration::from_secs(2);

/// What was found in the tools of one server. A tool in which nothing was found is not in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Findings(BTreeMap<ToolName, Vec<Found>>);

/// One finding, or that there is no telling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    Finding(Finding),
    Unreadable(String),
}

#[cfg(test)]
impl<const N: usize> From<[(ToolName, Vec<Found>); N]> for Findings {
    fn from(found: [(ToolName, Vec<Found>); N]) -> Self {
        Self(found.into())
    }
}

impl Findings {
    /// Of tools that could not be looked through.
    fn unreadable(tools: &[Tool], why: &str) -> Self {
        let one = |tool: &Tool| (tool.name.clone(), vec![Found::Unreadable(why.to_owned())]);
        Self(tools.iter().map(one).collect())
    }

    pub(crate) fn of(&self, tool: &ToolName) -> &[Found] {
        self.0.get(tool).map_or(&[], Vec::as_slice)
    }

    /// Whether the tool is to be held back for what was found in it.
    pub(crate) fn is_severe(&self, tool: &ToolName) -> bool {
        self.of(tool).iter().any(Found::is_severe)
    }
}

impl Found {
    /// A scan that fails counts as the worst it could have found.
    fn is_severe(&self) -> bool {
        match self {
            Self::Finding(finding) => finding.severity == Severity::Severe,
            Self::Unreadable(_) => true,
        }
    }
}

/// A finding as a person reads it.
pub(crate) fn finding_view(found: &Found) -> ToolFinding {
    let severe = found.is_severe();
    match found {
        Found::Finding(finding) => ToolFinding {
            kind: match finding.kind {
                FindingKind::HiddenCharacters => ToolFindingKind::HiddenCharacters,
                FindingKind::InstructionsToTheModel => ToolFindingKind::InstructionsToTheModel,
                FindingKind::OtherServersTools => ToolFindingKind::OtherServersTools,
                FindingKind::ShadowedName => ToolFindingKind::ShadowedName,
                FindingKind::EncodedContent => ToolFindingKind::EncodedContent,
                FindingKind::Secret => ToolFindingKind::Secret,
            },
            severe,
            place: finding.place.clone(),
            passage: finding.passage.clone(),
        },
        Found::Unreadable(why) => ToolFinding {
            kind: ToolFindingKind::Unreadable,
            severe,
            place: String::new(),
            passage: why.clone(),
        },
    }
}

/// Scans what one server lists, beside what the catalog has of the others.
pub(crate) async fn scan(
    server: &ServerName,
    tools: &Arc<Vec<Tool>>,
    catalog: Arc<Catalog>,
    tasks: &TaskTracker,
) -> Arc<Findings> {
    let (server, listed) = (server.clone(), Arc::clone(tools));
    // Thousands of descriptions take a while, and calls wait for nobody.
    let scanning = tasks.spawn_blocking(move || findings(&server, &listed, &catalog));
    scanning.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a scan broke off");
        Arc::new(Findings::unreadable(tools, "the scan broke off"))
    })
}

/// Scans everything again whenever lists have changed, since what one server says may be about the
/// tools of another. Ends with `stop`.
pub(crate) async fn keep_scanning(
    catalog: Arc<CatalogStore>,
    controller: Controller,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut changes = catalog.changes();
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
        // A server that never settles does not keep the others from being looked at.
        let at_the_latest = tokio::time::sleep(SETTLE_AT_MOST);
        tokio::pin!(at_the_latest);
        loop {
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(SETTLE) => break,
                () = &mut at_the_latest => break,
                () = stop.cancelled() => return,
            }
        }
        let present = catalog.snapshot();
        let all: Vec<_> = present
            .servers()
            .map(|part| (part.server.clone(), Arc::clone(&part.offer.tools)))
            .filter(|(server, _)| server.as_str() != BUILT_IN_COMPUTER)
            .collect();
        if all.is_empty() {
            continue;
        }
        // Made once for all that follow, and let go after them.
        let rules = tasks.spawn_blocking(Rules::shared).await;
        for (server, tools) in all {
            let findings = scan(&server, &tools, Arc::clone(&present), &tasks).await;
            controller.report(Event::Scanned { server, tools, findings }).await;
        }
        let letting_go = tasks.spawn_blocking(move || {
            drop(rules);
            os::give_memory_back();
        });
        if let Err(error) = letting_go.await {
            tracing::debug!(%error, "memory was not given back");
        }
    }
}

fn findings(server: &ServerName, tools: &[Tool], catalog: &Catalog) -> Arc<Findings> {
    // What Drawbridge says of its own tools needs no look.
    if server.as_str() == BUILT_IN_COMPUTER {
        return Arc::default();
    }
    let rules = match Rules::shared() {
        Ok(rules) => rules,
        Err(failed) => return Arc::new(Findings::unreadable(tools, &failed.to_string())),
    };
    // Its own tools are among them, so that what it says of those is not taken for another's.
    let own = tools.iter().map(|tool| (server.as_str(), tool.name.as_str()));
    let others = catalog.servers().filter(|part| part.server != *server).flat_map(|part| {
        part.offer.tools.iter().map(|tool| (part.server.as_str(), tool.name.as_str()))
    });
    let around = Surroundings::new(own.chain(others));
    let found = tools.iter().filter_map(|tool| {
        let found = match scan_tool(&rules, server.as_str(), tool.raw.get(), &around) {
            Ok(found) => found.into_iter().map(Found::Finding).collect(),
            Err(failed) => vec![Found::Unreadable(failed.to_string())],
        };
        (!found.is_empty()).then(|| (tool.name.clone(), found))
    });
    Arc::new(Findings(found.collect()))
}
