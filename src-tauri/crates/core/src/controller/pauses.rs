//! The pauses a person set, and when they end by themselves.

use std::collections::BTreeMap;

use drawbridge_model::{ClientName, ServerName};
use serde::{Deserialize, Serialize};

use super::state::{Effect, Moment, State, setting_note};
use crate::view::{PauseScope, PauseView};

/// One pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pause {
    /// When it began, in milliseconds since 1970 (UTC).
    pub(crate) since: i64,
    /// When it ends by itself, in milliseconds since 1970 (UTC).
    pub(crate) until: Option<i64>,
    /// It was left over when Drawbridge started.
    #[serde(skip)]
    pub(crate) from_before: bool,
}

/// All pauses. A scope that is gone from the config keeps its pause, so that a config that is empty
/// for a moment ends none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(PauseScope, Pause)>", into = "Vec<(PauseScope, Pause)>")]
pub(crate) struct Pauses(BTreeMap<PauseScope, Pause>);

impl Pauses {
    /// Those of an earlier run that still hold.
    pub(crate) fn restored(mut self, now_ms: i64) -> Self {
        self.0.retain(|_, pause| pause.until.is_none_or(|until| until > now_ms));
        self.0.values_mut().for_each(|pause| pause.from_before = true);
        self
    }

    pub(crate) fn all(&self) -> Option<PauseView> {
        self.view(&PauseScope::All)
    }

    pub(crate) fn server(&self, server: &ServerName) -> Option<PauseView> {
        self.view(&PauseScope::Server { server: server.clone() })
    }

    pub(crate) fn client(&self, client: &ClientName) -> Option<PauseView> {
        self.view(&PauseScope::App { client: client.clone() })
    }

    pub(crate) fn clients(&self) -> impl Iterator<Item = &ClientName> {
        self.0.keys().filter_map(|scope| match scope {
            PauseScope::App { client } => Some(client),
            PauseScope::All | PauseScope::Server { .. } => None,
        })
    }

    fn view(&self, scope: &PauseScope) -> Option<PauseView> {
        let Pause { since, until, from_before } = *self.0.get(scope)?;
        Some(PauseView { since, until, from_before })
    }

    /// When the next one ends by itself.
    fn next_end(&self) -> Option<i64> {
        self.0.values().filter_map(|pause| pause.until).min()
    }
}

impl From<Vec<(PauseScope, Pause)>> for Pauses {
    fn from(list: Vec<(PauseScope, Pause)>) -> Self {
        Self(list.into_iter().collect())
    }
}

impl From<Pauses> for Vec<(PauseScope, Pause)> {
    fn from(pauses: Pauses) -> Self {
        pauses.0.into_iter().collect()
    }
}

impl State {
    pub(super) fn pause(
        &mut self,
        scope: PauseScope,
        until: Option<i64>,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let since = self.pauses.0.get(&scope).map_or(now.wall_ms, |pause| pause.since);
        let text = match until {
            Some(until) => {
                format!("{} paused for {} min", subject(&scope), minutes(until - now.wall_ms))
            }
            None => format!("{} paused", subject(&scope)),
        };
        self.pauses.0.insert(scope.clone(), Pause { since, until, from_before: false });
        self.pauses_changed(now, effects);
        effects.push(Effect::Note(Box::new(setting_note(text, server_of(&scope)))));
    }

    pub(super) fn resume(&mut self, scope: &PauseScope, now: Moment, effects: &mut Vec<Effect>) {
        if self.pauses.0.remove(scope).is_some() {
            self.pauses_changed(now, effects);
            let text = format!("{} resumed", subject(scope));
            effects.push(Effect::Note(Box::new(setting_note(text, server_of(scope)))));
        }
    }

    /// Ends the pauses whose time is over.
    pub(super) fn end_pauses(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        let over = |pause: &mut Pause| pause.until.is_some_and(|until| until <= now.wall_ms);
        let ended: Vec<_> = self.pauses.0.extract_if(.., |_, pause| over(pause)).collect();
        self.pauses_changed(now, effects);
        for (scope, _) in ended {
            let text = format!("{} resumed: the time of the pause is over", subject(&scope));
            effects.push(Effect::Note(Box::new(setting_note(text, server_of(&scope)))));
        }
    }

    fn pauses_changed(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        self.publish_policy(effects);
        effects.push(Effect::KeepPauses(self.pauses.clone()));
        effects.push(self.next_resume(now));
    }

    /// The timer for the pause that ends first.
    pub(super) fn next_resume(&self, now: Moment) -> Effect {
        Effect::ScheduleResume(self.pauses.next_end().map(|until| {
            let wait = u64::try_from(until - now.wall_ms).unwrap_or_default();
            now.instant + std::time::Duration::from_millis(wait)
        }))
    }
}

fn subject(scope: &PauseScope) -> String {
    match scope {
        PauseScope::All => "All tools".to_owned(),
        PauseScope::Server { server } => format!("\"{server}\""),
        PauseScope::App { client } => format!("App \"{client}\""),
    }
}

fn server_of(scope: &PauseScope) -> Option<ServerName> {
    match scope {
        PauseScope::Server { server } => Some(server.clone()),
        PauseScope::All | PauseScope::App { .. } => None,
    }
}

/// Whole minutes, at least one.
fn minutes(milliseconds: i64) -> i64 {
    ((milliseconds + 30_000) / 60_000).max(1)
}
