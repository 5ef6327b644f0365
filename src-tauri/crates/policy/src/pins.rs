//! Which tools of a server the person has seen.
//!
//! The tools a server has when it first answers are taken as seen, since the person agreed to start
//! it. What comes or changes later is held back until the person has looked at it, and so is, from
//! the start, what holds a severe finding. "Seen" is always about one definition: a tool that comes
//! back as it was is known again. Agreeing to another start lets in tools of new names, and nothing
//! that differs from what was seen under the start before, or was held back then.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_model::ToolName;
use serde::{Deserialize, Serialize};

use crate::{Fingerprint, Known};

/// Most tools that are remembered of one server: twice what a list may have. A server that names
/// more is forgotten, and all its tools are held back.
const MOST: usize = 20_000;

/// What is remembered of one server. Kept over restarts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerPins {
    /// How the server is started, as agreed to.
    pub start: Fingerprint,
    /// The same in words, to be compared with by a person.
    pub start_shown: String,
    /// Whether its tools were looked at once.
    pub met: bool,
    /// The tools that were seen.
    pub tools: BTreeMap<ToolName, Pin>,
    /// The tools that are held back now.
    pub held: BTreeMap<ToolName, HeldTool>,
}

/// A tool that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// Stands for the definition.
    pub fingerprint: Fingerprint,
    /// The definition as the server wrote it.
    pub definition: Box<str>,
    /// The person looked at it, rather than at the server as a whole. Then findings do not hold it.
    pub looked_at: bool,
}

/// A tool that is held back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldTool {
    /// Stands for the definition.
    pub fingerprint: Fingerprint,
    /// The definition as the server wrote it.
    pub definition: Box<str>,
    /// Why it is held back.
    pub why: Why,
}

/// Why a tool is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// It came after the server's tools were first seen.
    New,
    /// It is no longer what it was when it was seen.
    Changed,
    /// Its definition holds a severe finding.
    Found,
}

/// A tool as its server lists it.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    /// Its name.
    pub name: &'a ToolName,
    /// Stands for its definition.
    pub fingerprint: Fingerprint,
    /// Its definition as the server wrote it.
    pub definition: &'a str,
    /// Whether the scan found something severe in it.
    pub severe: bool,
}

impl ServerPins {
    /// The same server with a start the person agreed to, and whose tools are still to be looked
    /// at.
    #[must_use]
    pub fn agreed(self, start: Fingerprint, start_shown: String) -> Self {
        Self { start, start_shown, met: false, ..self }
    }

    /// Takes in all that the server lists now. With `accept`, what is new or changed counts as
    /// seen, unless it holds a severe finding. Tells whether anything is to be kept.
    pub fn look<'a>(
        &mut self,
        offered: impl IntoIterator<Item = Offered<'a>>,
        accept: bool,
    ) -> bool {
        let first = !self.met;
        let mut changed = !std::mem::replace(&mut self.met, true);
        let mut held = BTreeMap::new();
        for tool in offered {
            let pin = self.tools.get(tool.name);
            let same = pin.is_some_and(|pin| pin.fingerprint == tool.fingerprint);
            if same && (!tool.severe || pin.is_some_and(|pin| pin.looked_at)) {
                continue;
            }
            let unheard_of = pin.is_none() && !self.held.contains_key(tool.name);
            if !same && !tool.severe && (accept || (first && unheard_of)) {
                let pin = Pin {
                    fingerprint: tool.fingerprint,
                    definition: tool.definition.into(),
                    looked_at: false,
                };
                self.tools.insert(tool.name.clone(), pin);
                changed = true;
                continue;
            }
            let why = match pin {
                Some(_) if !same => Why::Changed,
                None if !tool.severe => Why::New,
                _ => Why::Found,
            };
            let tool_held =
                HeldTool { fingerprint: tool.fingerprint, definition: tool.definition.into(), why };
            held.insert(tool.name.clone(), tool_held);
        }
        changed |= held != self.held;
        self.held = held;
        changed | self.forget_some()
    }

    /// Where changes are accepted, a server could make up names for ever.
    fn forget_some(&mut self) -> bool {
        let too_many = self.tools.len() > MOST;
        if too_many {
            self.tools.clear();
        }
        too_many
    }

    /// The person has looked at a tool that is held back. `false` when it is not, or no longer with
    /// this definition.
    pub fn accept(&mut self, tool: &str, fingerprint: Fingerprint) -> bool {
        if self.held.get(tool).is_none_or(|held| held.fingerprint != fingerprint) {
            return false;
        }
        let Some((name, held)) = self.held.remove_entry(tool) else { return false };
        let HeldTool { fingerprint, definition, .. } = held;
        self.tools.insert(name, Pin { fingerprint, definition, looked_at: true });
        true
    }

    /// The tools apps may use, as far as the person has seen them.
    #[must_use]
    pub fn known(&self) -> Known {
        let seen = self.tools.iter().filter(|(name, pin)| {
            self.held.get(*name).is_none_or(|held| held.fingerprint != pin.fingerprint)
        });
        let seen = seen.map(|(name, pin)| (name.clone(), pin.fingerprint)).collect();
        Known::Only(Arc::new(seen))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> ToolName {
        ToolName::new(text).expect("a plain name")
    }

    fn print(text: &str) -> Fingerprint {
        Fingerprint::of([text.as_bytes()])
    }

    /// Tools as `(name, definition, severe)`.
    fn look(pins: &mut ServerPins, tools: &[(&str, &str, bool)], accept: bool) -> bool {
        let named: Vec<_> = tools.iter().map(|tool| (name(tool.0), tool.1, tool.2)).collect();
        let offered = named.iter().map(|(name, definition, severe)| Offered {
            name,
            fingerprint: print(definition),
            definition,
            severe: *severe,
        });
        pins.look(offered, accept)
    }

    fn held(pins: &ServerPins) -> Vec<(&str, Why)> {
        pins.held.iter().map(|(name, held)| (name.as_str(), held.why)).collect()
    }

    #[test]
    fn what_is_there_at_first_sight_is_known_and_what_comes_later_is_held() {
        let mut pins = ServerPins::default().agreed(print("npx"), "npx".into());
        assert!(!pins.known().has("read", Some(print("r1"))), "nothing is known before");
        assert!(look(&mut pins, &[("read", "r1", false), ("write", "w1", false)], false));
        assert!(held(&pins).is_empty());
        assert!(pins.known().has("read", Some(print("r1"))));
        assert!(!pins.known().has("read", None), "one that is not listed is not known");
        assert!(!look(&mut pins, &[("read", "r1", false)], false), "one that goes is no change");

        let now = [("read", "r2", false), ("write", "w1", false), ("new", "n1", false)];
        assert!(look(&mut pins, &now, false));
        assert_eq!(held(&pins), [("new", Why::New), ("read", Why::Changed)]);
        assert!(!pins.known().has("read", Some(print("r2"))));
        assert!(pins.known().has("write", Some(print("w1"))));
        assert!(!look(&mut pins, &now, false), "the same again");

        assert!(!pins.accept("read", print("r3")), "only what was shown");
        assert!(!pins.known().has("read", Some(print("r2"))));
        assert!(pins.accept("read", print("r2")));
        assert!(!pins.accept("read", print("r2")), "once");
        assert!(!pins.accept("write", print("w1")), "it is not held");
        assert!(pins.known().has("read", Some(print("r2"))));
        assert!(!pins.known().has("read", Some(print("r1"))), "what it was before is another tool");
        assert!(!look(&mut pins, &now, false));
        assert_eq!(held(&pins), [("new", Why::New)]);

        assert!(look(&mut pins, &[("read", "r2", false)], false), "a held one goes");
        assert!(held(&pins).is_empty());
    }

    #[test]
    fn a_tool_that_comes_back_as_it_was_is_known() {
        let mut pins = ServerPins::default();
        look(&mut pins, &[("read", "r1", false)], false);
        look(&mut pins, &[("read", "r2", false)], false);
        look(&mut pins, &[("read", "r1", false)], false);
        assert!(pins.known().has("read", Some(print("r1"))));
        assert!(held(&pins).is_empty());
    }

    #[test]
    fn a_severe_finding_holds_from_the_start_until_the_person_looked_at_it() {
        let mut pins = ServerPins::default();
        for accept in [false, true] {
            look(&mut pins, &[("read", "r1", true), ("write", "w1", false)], accept);
            assert_eq!(held(&pins), [("read", Why::Found)]);
            assert!(!pins.known().has("read", Some(print("r1"))));
        }
        assert!(pins.accept("read", print("r1")));
        look(&mut pins, &[("read", "r1", true), ("write", "w1", false)], false);
        assert!(held(&pins).is_empty());
        assert!(pins.known().has("read", Some(print("r1"))));
        // Another server made it suspicious: nobody has looked at this one by itself.
        look(&mut pins, &[("read", "r1", true), ("write", "w1", true)], false);
        assert_eq!(held(&pins), [("write", Why::Found)]);
        assert!(!pins.known().has("write", Some(print("w1"))));
        look(&mut pins, &[("read", "r1", true), ("write", "w1", false)], false);
        assert!(pins.known().has("write", Some(print("w1"))));
    }

    #[test]
    fn where_changes_are_accepted_only_severe_ones_are_held() {
        let mut pins = ServerPins::default();
        look(&mut pins, &[("read", "r1", false)], true);
        look(&mut pins, &[("read", "r2", false), ("new", "n1", false), ("bad", "b1", true)], true);
        assert_eq!(held(&pins), [("bad", Why::Found)]);
        assert!(pins.known().has("read", Some(print("r2"))));
        assert!(pins.known().has("new", Some(print("n1"))));
    }

    #[test]
    fn another_start_lets_in_new_names_and_nothing_that_changed_or_was_held() {
        let mut pins = ServerPins::default().agreed(print("one"), "one".into());
        look(&mut pins, &[("read", "r1", false), ("write", "w1", false)], false);
        look(&mut pins, &[("read", "r1", false), ("late", "l1", false)], false);
        let mut pins = pins.agreed(print("two"), "two".into());
        let now = [
            ("read", "r1", false),
            ("write", "w2", false),
            ("late", "l1", false),
            ("other", "o1", false),
        ];
        assert!(look(&mut pins, &now, false));
        assert_eq!(held(&pins), [("late", Why::New), ("write", Why::Changed)]);
        assert!(pins.known().has("other", Some(print("o1"))));
        assert!(pins.known().has("read", Some(print("r1"))));
    }

    #[test]
    fn it_is_written_and_read() {
        let mut pins = ServerPins::default().agreed(print("npx"), "npx -y files".into());
        look(&mut pins, &[("read", "r1", false)], false);
        look(&mut pins, &[("read", "r2", true)], false);
        let text = serde_json::to_string(&pins).expect("it is written");
        assert_eq!(serde_json::from_str::<ServerPins>(&text).expect("it is read"), pins);
    }

    proptest! {
        /// Told once more: a tool is usable if some earlier look at this definition was a first
        /// one, or the person accepted it, and nothing severe speaks against the former.
        #[test]
        fn a_tool_is_known_only_if_this_definition_was_seen(
            steps in prop::collection::vec(
                (prop::collection::btree_map("[ab]", ("[12]", any::<bool>()), 0..3), any::<bool>()),
                1..12,
            ),
        ) {
            let mut pins = ServerPins::default();
            let mut seen: BTreeMap<String, (String, bool)> = BTreeMap::new();
            for (step, (offer, accepts)) in steps.into_iter().enumerate() {
                let tools: Vec<_> = offer
                    .iter()
                    .map(|(name, (body, severe))| (name.as_str(), body.as_str(), *severe))
                    .collect();
                look(&mut pins, &tools, false);
                for (name, body, severe) in tools {
                    let by_itself = seen.get(name) == Some(&(body.to_owned(), true));
                    if step == 0 && !severe {
                        seen.insert(name.to_owned(), (body.to_owned(), false));
                    }
                    let as_a_whole = seen.get(name) == Some(&(body.to_owned(), false));
                    let known = by_itself || (as_a_whole && !severe);
                    prop_assert_eq!(pins.known().has(name, Some(print(body))), known);
                    prop_assert_eq!(!known, pins.held.contains_key(name));
                    if !known && accepts {
                        prop_assert!(pins.accept(name, print(body)));
                        seen.insert(name.to_owned(), (body.to_owned(), true));
                    }
                }
            }
        }
    }
}
