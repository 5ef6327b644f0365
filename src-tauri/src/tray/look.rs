//! Which drawing of the bridge the tray shows.

use drawbridge_core::view::{GatewayState, Snapshot};

use super::words;

/// The tray icon: where the deck is, and whether the sign stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Where the deck is.
    pub deck: Deck,
    /// Whether the sign stands beside it.
    pub sign: Sign,
}

/// Where the deck is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deck {
    /// Tools may cross.
    Down,
    /// None may: paused, not listening yet, or quitting.
    Up,
}

/// Whether something is wrong, or waits for the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// All is well.
    Away,
    /// Something is wrong, or a question or a change waits; the menu says what.
    Standing,
}

impl Look {
    /// The look that goes with a state.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let listening = matches!(snapshot.gateway.state, GatewayState::Listening);
        let crossing = listening && snapshot.paused.is_none() && snapshot.record_problem.is_none();
        Self {
            deck: if crossing { Deck::Down } else { Deck::Up },
            sign: match words::trouble(snapshot) {
                None if snapshot.questions.is_empty() && words::to_look_at(snapshot) == 0 => {
                    Sign::Away
                }
                _ => Sign::Standing,
            },
        }
    }
}
