//! Pausing all tools, one server or one app, and what is still under way then.

use std::time::Duration;

use drawbridge_gateway::CallsOf;

use super::Engine;
use crate::bridge::{CommandError, ErrorCode};
use crate::clock::now_ms;
use crate::controller::Event;
use crate::view::PauseScope;

/// The longest a pause may be set for: a week, in minutes.
const MOST_MINUTES: u32 = 7 * 24 * 60;

impl Engine {
    /// Pauses, and says how many calls are still under way. With `minutes` the pause ends by itself
    /// after that time; without, only the person ends it.
    ///
    /// # Errors
    /// When `minutes` is 0 or more than a week. The pause holds even when it cannot be kept over a
    /// restart.
    pub async fn pause(
        &self,
        scope: PauseScope,
        minutes: Option<u32>,
    ) -> Result<u32, CommandError> {
        if minutes.is_some_and(|minutes| minutes == 0 || minutes > MOST_MINUTES) {
            return Err(CommandError::new(
                ErrorCode::InvalidInput,
                "A pause with an end lasts between a minute and a week.",
                "",
            ));
        }
        let until = minutes.map(|minutes| {
            let time = Duration::from_secs(u64::from(minutes) * 60).as_millis();
            now_ms().saturating_add(i64::try_from(time).unwrap_or(i64::MAX))
        });
        self.0.controller.tell(Event::Pause { scope: scope.clone(), until }).await;
        self.kept_is_written().await;
        Ok(count(self.0.gateway.count_calls(&calls_of(&scope))))
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// None at present.
    pub async fn resume(&self, scope: PauseScope) -> Result<(), CommandError> {
        self.0.controller.tell(Event::Resume(scope)).await;
        self.kept_is_written().await;
        Ok(())
    }

    /// Cancels the calls under way, and says how many there were.
    ///
    /// # Errors
    /// None; commands share one shape.
    pub async fn cancel_calls(&self, scope: PauseScope) -> Result<u32, CommandError> {
        Ok(count(self.0.gateway.cancel_calls(&calls_of(&scope))))
    }
}

fn calls_of(scope: &PauseScope) -> CallsOf {
    match scope {
        PauseScope::All => CallsOf::All,
        PauseScope::Server { server } => CallsOf::Server(server.clone()),
        PauseScope::App { client } => CallsOf::Client(client.clone()),
    }
}

fn count(calls: usize) -> u32 {
    u32::try_from(calls).unwrap_or(u32::MAX)
}
