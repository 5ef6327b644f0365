//! Downloads: what Ollama says of one, and how fast it is.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use serde::Deserialize;

/// How much of the past a speed is taken over.
const WINDOW: Duration = Duration::from_secs(8);
/// Samples closer to the one before than this replace it.
const SAMPLE: Duration = Duration::from_millis(250);

/// One line of what `POST /api/pull` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct PullLine {
    /// What Ollama is doing.
    #[serde(default)]
    pub status: String,
    /// The layer this is about.
    pub digest: Option<String>,
    /// Bytes of the layer.
    pub total: Option<u64>,
    /// Bytes of it that are here; absent for none.
    pub completed: Option<u64>,
    /// Why it failed, which comes after the status 200.
    pub error: Option<String>,
}

/// How far a download is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    layers: HashMap<String, (u64, u64)>,
    /// What Ollama is doing, in its words.
    pub step: String,
    /// All of it is here and checked.
    pub succeeded: bool,
}

impl Progress {
    /// Takes a line in.
    pub fn take(&mut self, line: &PullLine) {
        if let (Some(digest), Some(total)) = (&line.digest, line.total) {
            let layer = self.layers.entry(digest.clone()).or_default();
            // A layer that Ollama takes up again may go back, and is shown as it is.
            *layer = (total, line.completed.unwrap_or(0).min(total));
        }
        if !line.status.is_empty() {
            line.status.clone_into(&mut self.step);
        }
        self.succeeded |= line.status == "success";
    }

    /// Bytes that are here.
    #[must_use]
    pub fn completed(&self) -> u64 {
        self.layers.values().fold(0_u64, |sum, (_, completed)| sum.saturating_add(*completed))
    }

    /// Bytes in all, as far as is known; `None` before any layer is.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        (!self.layers.is_empty())
            .then(|| self.layers.values().fold(0_u64, |sum, (total, _)| sum.saturating_add(*total)))
    }
}

/// How fast something grows.
#[derive(Debug, Clone, Default)]
pub struct Speed {
    samples: VecDeque<(Duration, u64)>,
}

impl Speed {
    /// Takes a sample in. `at` is the time since any fixed moment.
    pub fn sample(&mut self, at: Duration, completed: u64) {
        if self.samples.back().is_some_and(|(_, before)| completed < *before) {
            // It began anew.
            self.samples.clear();
        }
        if self.samples.len() > 1
            && self.samples.get(self.samples.len() - 2).is_some_and(|(t, _)| at < *t + SAMPLE)
        {
            self.samples.pop_back();
        }
        self.samples.push_back((at, completed));
        while self.samples.len() > 2 && self.samples.front().is_some_and(|(t, _)| *t + WINDOW < at)
        {
            self.samples.pop_front();
        }
    }

    /// Bytes a second; `None` before there is something to tell it from.
    #[must_use]
    pub fn bytes_per_second(&self) -> Option<u64> {
        let (first_at, first) = self.samples.front()?;
        let (last_at, last) = self.samples.back()?;
        let seconds = last_at.checked_sub(*first_at)?.as_secs_f64();
        (seconds >= SAMPLE.as_secs_f64()).then(|| ((last - first) as f64 / seconds) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> PullLine {
        serde_json::from_str(text).expect("a line")
    }

    #[test]
    fn layers_that_interleave_are_added_up() {
        let mut progress = Progress::default();
        progress.take(&line(r#"{"status":"pulling manifest"}"#));
        assert_eq!(progress.total(), None);
        for text in [
            r#"{"status":"pulling a","digest":"sha256:a","total":100,"completed":40}"#,
            r#"{"status":"pulling b","digest":"sha256:b","total":10}"#,
            r#"{"status":"pulling a","digest":"sha256:a","total":100,"completed":60}"#,
            r#"{"status":"pulling b","digest":"sha256:b","total":10,"completed":10}"#,
        ] {
            progress.take(&line(text));
        }
        assert_eq!((progress.completed(), progress.total()), (70, Some(110)));
        assert_eq!(progress.step, "pulling b");
        progress.take(&line(r#"{"status":"verifying sha256 digest"}"#));
        assert!(!progress.succeeded);
        progress.take(&line(r#"{"status":"success"}"#));
        assert!(progress.succeeded);
        let error = line(r#"{"error":"pull model manifest: file does not exist"}"#).error;
        assert_eq!(error.as_deref(), Some("pull model manifest: file does not exist"));
    }

    #[test]
    fn a_speed_follows_the_last_seconds() {
        let at = Duration::from_millis;
        let mut speed = Speed::default();
        speed.sample(at(0), 0);
        assert_eq!(speed.bytes_per_second(), None);
        for step in 1..=100 {
            speed.sample(at(step * 100), step * 1_000);
        }
        let steady = speed.bytes_per_second().expect("there are samples");
        assert!((9_900..=10_100).contains(&steady), "{steady}");
        for step in 1..=100 {
            speed.sample(at(10_000 + step * 100), 100_000);
        }
        let stalled = speed.bytes_per_second().expect("there are samples");
        assert!(stalled < 100, "it stands still: {stalled}");
        speed.sample(at(21_000), 5);
        assert_eq!(speed.bytes_per_second(), None, "it began anew");
        assert!(speed.samples.len() < 50, "the past is forgotten");
    }
}
