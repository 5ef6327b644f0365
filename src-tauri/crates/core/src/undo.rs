//! What can be undone while Drawbridge runs: removed servers and written files, each under a
//! token that is good for one use.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Undos that are kept; the oldest goes first.
const KEPT: usize = 32;

/// A shelf of undos.
pub(crate) struct UndoShelf<T> {
    shelf: Mutex<Shelf<T>>,
}

struct Shelf<T> {
    next: u64,
    items: VecDeque<(u64, T)>,
}

impl<T> Default for UndoShelf<T> {
    fn default() -> Self {
        Self { shelf: Mutex::new(Shelf { next: 1, items: VecDeque::new() }) }
    }
}

impl<T> UndoShelf<T> {
    /// Keeps something and gives its token.
    pub(crate) fn put(&self, item: T) -> String {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let number = shelf.next;
        shelf.next += 1;
        if shelf.items.len() == KEPT {
            shelf.items.pop_front();
        }
        shelf.items.push_back((number, item));
        number.to_string()
    }

    /// Takes back what a token stands for; `None` when it was used or is too old.
    pub(crate) fn take(&self, token: &str) -> Option<T> {
        let number: u64 = token.parse().ok()?;
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let place = shelf.items.iter().position(|(kept, _)| *kept == number)?;
        shelf.items.remove(place).map(|(_, item)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, UndoShelf};

    #[test]
    fn a_token_is_good_once_and_the_oldest_go_first() {
        let shelf = UndoShelf::default();
        let first = shelf.put("first");
        let second = shelf.put("second");
        assert_eq!(shelf.take(&second), Some("second"));
        assert_eq!(shelf.take(&second), None);
        for _ in 0..KEPT {
            shelf.put("another");
        }
        assert_eq!(shelf.take(&first), None);
    }
}
