//! Keys, tokens and passwords in what crosses: found in arguments and results, and marked, masked
//! or blocked as the person chose for the server. On record they are masked in any case.

use std::ops::Range;
use std::sync::OnceLock;

use drawbridge_mcp::wire;
use drawbridge_model::SecretsRule;
use drawbridge_policy::scan::{ScanFailed, SecretHit, find_secrets, mask_secrets};
use drawbridge_policy::{Content, Direction, Fingerprint, Policy, Refusal};
use serde_json::value::RawValue;
use tokio_util::task::TaskTracker;

use super::calls::Crossing;
use crate::edge::Edge;
use crate::presence::now_ms;
use crate::session::Session;

/// Longest result that is looked through at once, in bytes.
pub(super) const AT_ONCE: usize = 64 * 1024;

/// What is to be said about arguments in which something was found, or that could not be scanned.
pub(crate) struct Suspicious {
    secrets: Option<Secrets>,
    /// They go out masked: the span in the parameters, and what takes its place.
    pub(crate) sent: Option<(Range<usize>, String)>,
    /// Without them the request means nothing, so that masking is no way out.
    indispensable: bool,
    /// The person let them through once.
    let_through: OnceLock<()>,
}

/// Secrets in a text.
struct Secrets {
    looks_like: Vec<&'static str>,
    fingerprint: Fingerprint,
}

impl Secrets {
    fn of(hits: &[SecretHit]) -> Self {
        let mut looks_like: Vec<_> = hits.iter().map(|hit| hit.kind.words()).collect();
        looks_like.sort_unstable();
        looks_like.dedup();
        let mut digests: Vec<String> = hits.iter().map(|hit| hit.digest.to_string()).collect();
        digests.sort_unstable();
        digests.dedup();
        Self { looks_like, fingerprint: Fingerprint::of(digests.iter().map(String::as_bytes)) }
    }
}

/// The arguments of a request as they go on record, and what is to be said about them.
pub(crate) struct Arguments {
    pub(crate) on_record: Option<String>,
    pub(crate) suspicious: Option<Box<Suspicious>>,
}

/// Looks through arguments, which stand at `span` of the parameters.
pub(crate) fn arguments(
    policy: &Policy,
    server: &str,
    raw: &str,
    span: &Range<usize>,
) -> Arguments {
    let suspicious = |secrets, sent| Some(Suspicious::new(secrets, sent, false));
    match find_secrets(raw) {
        Ok(hits) if hits.is_empty() => Arguments { on_record: None, suspicious: None },
        Ok(hits) => {
            let masked = mask_secrets(raw, &hits);
            let masks = rule(policy, server) == SecretsRule::Mask;
            let sent = masks.then(|| (span.clone(), masked.clone()));
            Arguments {
                on_record: Some(masked),
                suspicious: suspicious(Some(Secrets::of(&hits)), sent),
            }
        }
        // What could not be looked through is not written down either.
        Err(failed) => Arguments {
            on_record: Some(wire::raw_string(&format!("[not kept: {failed}]"))),
            suspicious: suspicious(None, None),
        },
    }
}

/// Looks through the address of a resource. Gives it as it is shown and written down.
pub(crate) fn address(uri: &str) -> (String, Option<Box<Suspicious>>) {
    let quoted = wire::raw_string(uri);
    match find_secrets(&quoted) {
        Ok(hits) if hits.is_empty() => (uri.to_owned(), None),
        Ok(hits) => {
            let masked = serde_json::from_str(&mask_secrets(&quoted, &hits));
            let found = Suspicious::new(Some(Secrets::of(&hits)), None, true);
            (masked.unwrap_or_else(|_| "[not shown]".to_owned()), Some(found))
        }
        Err(_) => ("[not shown]".to_owned(), Some(Suspicious::new(None, None, true))),
    }
}

fn rule(policy: &Policy, server: &str) -> SecretsRule {
    policy.servers.get(server).map(|rules| rules.secrets).unwrap_or_default()
}

impl Suspicious {
    fn new(
        secrets: Option<Secrets>,
        sent: Option<(Range<usize>, String)>,
        indispensable: bool,
    ) -> Box<Self> {
        Box::new(Self { secrets, sent, indispensable, let_through: OnceLock::new() })
    }

    /// What the secrets look like, each once.
    pub(crate) fn looks_like(&self) -> &[&'static str] {
        self.secrets.as_ref().map_or(&[], |secrets| &secrets.looks_like)
    }

    /// What the record says beside the call.
    pub(crate) fn note(&self) -> String {
        let verb = if self.sent.is_some() { "held" } else { "hold" };
        let masked = if self.sent.is_some() { ", which was masked" } else { "" };
        format!("Its arguments {verb} what looks like {}{masked}.", listed(self.looks_like()))
    }
}

impl Crossing {
    /// Whether the rule for secrets, as it is at this moment, lets these arguments go out.
    pub(super) fn decide_content(
        &self,
        edge: &Edge,
        policy: &Policy,
        session: &Session,
    ) -> Result<(), Refusal> {
        let Some(suspicious) = &self.suspicious else { return Ok(()) };
        let Some(secrets) = &suspicious.secrets else { return Err(Refusal::Unscannable) };
        match rule(policy, self.server.as_str()) {
            SecretsRule::Mark => Ok(()),
            SecretsRule::Mask if suspicious.sent.is_some() => Ok(()),
            // The rule was changed after the request had come.
            SecretsRule::Mask if !suspicious.indispensable => Err(Refusal::Lapsed),
            SecretsRule::Mask | SecretsRule::Block if suspicious.let_through.get().is_some() => {
                Ok(())
            }
            SecretsRule::Mask | SecretsRule::Block => {
                let content = self.content(session, Direction::Arguments, secrets.fingerprint);
                if !edge.shared.blocked.lets_through(&content, now_ms()) {
                    return Err(Refusal::SecretInArguments);
                }
                let _first = suspicious.let_through.set(());
                Ok(())
            }
        }
    }

    /// Remembers for the person that these arguments were stopped.
    pub(super) fn arguments_stopped(&self, edge: &Edge, session: &Session) {
        let secrets = self.suspicious.as_ref().and_then(|suspicious| suspicious.secrets.as_ref());
        let Some(secrets) = secrets else { return };
        let content = self.content(session, Direction::Arguments, secrets.fingerprint);
        edge.shared.blocked.stopped(content, secrets.looks_like.clone(), now_ms());
    }

    fn content(&self, session: &Session, direction: Direction, secrets: Fingerprint) -> Content {
        Content {
            client: session.hello.client.name.clone(),
            server: self.server.clone(),
            subject: (*self.subject).to_owned(),
            direction,
            secrets,
        }
    }

    /// What is to become of what came back; `found` where it was looked through already.
    pub(super) fn inspect(
        &self,
        edge: &Edge,
        session: &Session,
        result: &RawValue,
        found: Option<Found>,
    ) -> Inspected {
        let hits = match found.unwrap_or_else(|| find_secrets(result.get())) {
            Ok(hits) if hits.is_empty() => return Inspected::Clean,
            Ok(hits) => hits,
            Err(failed) => return self.unscannable(&failed.to_string()),
        };
        let masked = mask_secrets(result.get(), &hits);
        let secrets = Secrets::of(&hits);
        let what = format!("what looks like {}", listed(&secrets.looks_like));
        match rule(&edge.shared.policy.load(), self.server.as_str()) {
            SecretsRule::Mark => {
                Inspected::Marked { note: format!("The result holds {what}."), on_record: masked }
            }
            SecretsRule::Mask => match RawValue::from_string(masked) {
                Ok(text) => Inspected::Masked {
                    note: format!("The result held {what}, which was masked."),
                    text,
                },
                Err(broken) => self.unscannable(&broken.to_string()),
            },
            SecretsRule::Block => {
                let content = self.content(session, Direction::Result, secrets.fingerprint);
                if edge.shared.blocked.lets_through(&content, now_ms()) {
                    return Inspected::Marked {
                        note: format!("The result holds {what}, and was let through once."),
                        on_record: masked,
                    };
                }
                edge.shared.blocked.stopped(content, secrets.looks_like, now_ms());
                let remedy = "The call has run. A person at this computer can let the same result \
                              through once in the Drawbridge panel.";
                Inspected::Withheld {
                    sentence: self.withheld(&format!("it holds {what}"), remedy),
                    on_record: masked,
                }
            }
        }
    }

    fn unscannable(&self, detail: &str) -> Inspected {
        let why = "it could not be looked through for keys and tokens";
        Inspected::Withheld {
            sentence: self.withheld(why, "The call has run."),
            on_record: wire::raw_string(&format!("[not kept: {detail}]")),
        }
    }

    fn withheld(&self, why: &str, remedy: &str) -> String {
        let (server, subject) = (self.server.as_str(), &self.subject);
        format!("Drawbridge withheld the result of {subject:?} of {server:?}: {why}. {remedy}")
    }
}

/// What was found in a text.
pub(super) type Found = Result<Vec<SecretHit>, ScanFailed>;

/// Looks through a long text elsewhere, since it may be made to take long and other calls do not
/// wait for it.
pub(super) async fn look_elsewhere(tasks: &TaskTracker, text: String) -> Found {
    let looking = tasks.spawn_blocking(move || find_secrets(&text));
    looking.await.unwrap_or(Err(ScanFailed::Rules))
}

/// What came back, looked through.
pub(super) enum Inspected {
    /// Nothing was found.
    Clean,
    /// It crosses as it is.
    Marked {
        /// What the record says beside it.
        note: String,
        /// What is kept of it.
        on_record: String,
    },
    /// It crosses masked.
    Masked {
        /// What the record says beside it.
        note: String,
        /// What crosses, and is kept.
        text: Box<RawValue>,
    },
    /// It does not cross.
    Withheld {
        /// What the app is told, and the record.
        sentence: String,
        /// What is kept of it.
        on_record: String,
    },
}

/// "a GitHub token", "a GitHub token and a private key".
fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
