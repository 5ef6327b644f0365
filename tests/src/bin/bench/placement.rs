//! Which processors the programs of a comparison run on.
//!
//! Where the system is free to choose, it keeps a lone caller, the gateway and the server on one
//! processor in some rounds and on two in others, and a call takes about twice as long in the latter.
//! Measured apart from each other, the two cases show what is the choice's doing and what is not.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
use linux::{allowed, put};
#[cfg(not(target_os = "linux"))]
use other::{allowed, put};

/// Which processors the programs run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// The app on one, what it calls on another.
    Apart,
    /// All on the same.
    Together,
    /// On those that the system chooses.
    Free,
}

impl Placement {
    /// Whether programs can be put on two processors here.
    pub(crate) fn can_be_chosen() -> bool {
        allowed().len() > 1
    }

    /// Puts the thread that asks on the processors of apps.
    pub(crate) fn put_caller(self) -> anyhow::Result<()> {
        put(None, &self.processors(0))
    }

    /// Puts programs and what they started on the processors of what apps call.
    pub(crate) fn put_programs(self, programs: &[u32]) -> anyhow::Result<()> {
        programs.iter().try_for_each(|program| put(Some(*program), &self.processors(1)))
    }

    fn processors(self, of: usize) -> Vec<usize> {
        let all = allowed();
        match self {
            Self::Free => all,
            Self::Together => all.first().copied().into_iter().collect(),
            Self::Apart => all.get(of).copied().into_iter().collect(),
        }
    }

    /// As it stands in the table.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Apart => ", app and gateway on a processor each",
            Self::Together => ", all on one processor",
            Self::Free => ", where the system puts them",
        }
    }
}
