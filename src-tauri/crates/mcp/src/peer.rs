//! What the other side can do for a server: the features of clients.

use serde_json::value::RawValue;

use crate::wire;

/// Who a call is for, so that a question of the server finds its way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Unique per session of a client. Two calls with the same key have the same person before
    /// them.
    pub key: u64,
    /// What that client declared.
    pub features: PeerFeatures,
}

/// What a client can do for a server, as far as Drawbridge passes it on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PeerFeatures {
    /// Shows a form (`elicitation.form`).
    pub elicitation_form: bool,
    /// Opens an address after asking (`elicitation.url`).
    pub elicitation_url: bool,
    /// Lets a server use its model (`sampling`).
    pub sampling: bool,
    /// Lets a server offer tools to that model (`sampling.tools`).
    pub sampling_tools: bool,
    /// Can add the context of servers to that model's prompt (`sampling.context`).
    pub sampling_context: bool,
    /// Says which folders matter (`roots`).
    pub roots: bool,
}

impl PeerFeatures {
    /// What is declared to a server whose process all clients share: a question can be passed on
    /// while one client alone has calls in flight; folders belong to one client and are not
    /// offered.
    #[must_use]
    pub fn shared() -> Self {
        Self { elicitation_form: true, elicitation_url: true, sampling: true, ..Self::default() }
    }

    /// Reads the parameters of a client's `initialize`. What is malformed counts as not declared.
    #[must_use]
    pub fn of_initialize(params: &RawValue) -> Self {
        let key = "capabilities";
        let paths: [&[&str]; 7] = [
            &[key, "elicitation"],
            &[key, "elicitation", "form"],
            &[key, "elicitation", "url"],
            &[key, "sampling"],
            &[key, "sampling", "tools"],
            &[key, "sampling", "context"],
            &[key, "roots"],
        ];
        let mut has = [false; 7];
        // A key that stands twice ends the search, and what was found until then is dropped.
        let read = wire::find_each(params, &paths, |index, field| {
            has[index] = field.raw.starts_with('{');
        });
        if read.is_err() {
            return Self::default();
        }
        let [elicitation, form, url, sampling, tools, context, roots] = has;
        Self {
            // An empty `elicitation` means forms, the only kind before revision 2025-11-25.
            elicitation_form: elicitation && (form || !url),
            elicitation_url: url,
            sampling,
            sampling_tools: tools,
            sampling_context: context,
            roots,
        }
    }

    /// The client capabilities to declare, as a JSON object.
    pub(crate) fn capabilities(self) -> String {
        let mut parts = Vec::new();
        if self.elicitation_form || self.elicitation_url {
            let modes: Vec<&str> =
                [(self.elicitation_form, r#""form":{}"#), (self.elicitation_url, r#""url":{}"#)]
                    .iter()
                    .filter_map(|(on, text)| on.then_some(*text))
                    .collect();
            parts.push(format!(r#""elicitation":{{{}}}"#, modes.join(",")));
        }
        if self.roots {
            parts.push(r#""roots":{}"#.to_owned());
        }
        if self.sampling {
            let modes: Vec<&str> = [
                (self.sampling_context, r#""context":{}"#),
                (self.sampling_tools, r#""tools":{}"#),
            ]
            .iter()
            .filter_map(|(on, text)| on.then_some(*text))
            .collect();
            parts.push(format!(r#""sampling":{{{}}}"#, modes.join(",")));
        }
        format!("{{{}}}", parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(capabilities: &str) -> PeerFeatures {
        let params = format!(r#"{{"capabilities":{capabilities}}}"#);
        PeerFeatures::of_initialize(&RawValue::from_string(params).expect("JSON"))
    }

    #[test]
    fn an_empty_elicitation_means_forms_only() {
        let features = read(r#"{"elicitation":{},"sampling":{"tools":{}}}"#);
        assert!(features.elicitation_form && !features.elicitation_url);
        assert!(features.sampling && features.sampling_tools && !features.roots);
        let features = read(r#"{"elicitation":{"url":{}},"roots":{"listChanged":true}}"#);
        assert!(!features.elicitation_form && features.elicitation_url && features.roots);
        assert_eq!(read("7"), PeerFeatures::default());
        assert_eq!(read(r#"{"sampling":true}"#), PeerFeatures::default());
    }

    #[test]
    fn what_is_declared_reads_back_as_the_same() {
        for bits in 0..64_u8 {
            let on = |bit: u8| bits & 1 << bit != 0;
            let features = PeerFeatures {
                elicitation_form: on(0),
                elicitation_url: on(1),
                sampling: on(2),
                sampling_tools: on(2) && on(3),
                sampling_context: on(2) && on(4),
                roots: on(5),
            };
            assert_eq!(read(&features.capabilities()), features);
        }
    }
}
