//! What was seen when a model ran here corrects the estimate of the next answer.

use serde::{Deserialize, Serialize};

use crate::sizing::CacheType;

/// What a measurement holds for: another value of any of these is another load.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The digest of the model's file.
    pub digest: String,
    /// The conversation limit, in tokens.
    pub num_ctx: u64,
    /// Conversations at once.
    pub parallel: u64,
    /// How the conversation memory is stored.
    pub cache: CacheType,
    /// The graphics card, by its own id.
    pub gpu: String,
    /// The version of Ollama.
    pub ollama: String,
}

/// What `/api/ps` shows of a loaded model, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ran {
    /// All of it (`size`).
    pub size: u64,
    /// Its share of the graphics card (`size_vram`).
    pub size_vram: u64,
    /// The size of its file. Ollama shows it in place of what it could not read from its log.
    pub file: u64,
}

/// What a load taught.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Learned {
    /// Nothing: Ollama showed the size of the file, or nothing on a card.
    Nothing,
    /// It did not lie wholly on the card, so its need there was not seen.
    Partly {
        /// The share on the processor, from 0 to 1.
        on_processor: f64,
    },
    /// What it takes.
    Measured {
        /// So many times the estimate, within [`LEAST`] and [`MOST`].
        factor: f64,
        /// How far the estimate was off, in percent of what was seen: above 0 it was too high.
        off: f64,
    },
}

/// The least factor that is believed.
pub const LEAST: f64 = 0.8;
/// The greatest factor that is believed.
pub const MOST: f64 = 1.3;
/// Within this share of the file's size, a size is the file's.
const SAME: f64 = 0.001;

/// What a load teaches about an estimate of `size_vram`, in bytes.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^53")]
pub fn learn(estimate: u64, ran: Ran) -> Learned {
    let (size, on_card, file) = (ran.size as f64, ran.size_vram as f64, ran.file as f64);
    let is_file = ran.file > 0 && (size - file).abs() <= file * SAME;
    if estimate == 0 || ran.size == 0 || is_file {
        return Learned::Nothing;
    }
    if ran.size_vram < ran.size {
        return Learned::Partly { on_processor: 1.0 - on_card / size };
    }
    let factor = (on_card / estimate as f64).clamp(LEAST, MOST);
    Learned::Measured { factor, off: (estimate as f64 / on_card - 1.0) * 100.0 }
}

/// What was learned so far. It is kept by whoever holds the data folder.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Measurements {
    factors: Vec<Measurement>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Measurement {
    key: Key,
    factor: f64,
    /// How far the estimate was off, in percent.
    off: f64,
}

/// As many are kept; the oldest goes first.
const KEPT: usize = 500;

impl Measurements {
    /// Remembers what a load taught, in place of what an earlier one did.
    pub fn remember(&mut self, key: Key, learned: Learned) {
        let Learned::Measured { factor, off } = learned else { return };
        self.factors.retain(|known| known.key != key);
        let over = (self.factors.len() + 1).saturating_sub(KEPT);
        self.factors.drain(..over);
        self.factors.push(Measurement { key, factor, off });
    }

    /// The factor for a load, where it was measured. What was read from a file is not believed
    /// beyond its bounds.
    #[must_use]
    pub fn factor(&self, key: &Key) -> Option<f64> {
        let known = self.factors.iter().find(|known| known.key == *key)?;
        known.factor.is_finite().then(|| known.factor.clamp(LEAST, MOST))
    }

    /// How far the estimate for a load was off, in percent.
    #[must_use]
    pub fn off(&self, key: &Key) -> Option<f64> {
        self.factors.iter().find(|known| known.key == *key).map(|known| known.off)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(num_ctx: u64) -> Key {
        Key {
            digest: "sha256:1".to_owned(),
            num_ctx,
            parallel: 1,
            cache: CacheType::F16,
            gpu: "GPU-1".to_owned(),
            ollama: "0.33.0".to_owned(),
        }
    }

    fn ran(size: u64, size_vram: u64) -> Ran {
        Ran { size, size_vram, file: 4_683_000_000 }
    }

    #[test]
    fn a_full_load_teaches_a_factor_within_bounds() {
        let Learned::Measured { factor, off } = learn(5_000, ran(5_500, 5_500)) else {
            panic!("a load that lies wholly on the card is a measurement");
        };
        assert!((factor - 1.1).abs() < 1e-9, "{factor}");
        assert!((off + 9.0909).abs() < 1e-3, "the estimate was too low: {off}");
        for (seen, bound) in [(50_000, MOST), (10, LEAST)] {
            let learned = learn(5_000, ran(seen, seen));
            assert!(matches!(learned, Learned::Measured { factor, .. } if factor == bound));
        }
    }

    #[test]
    fn a_load_on_two_sides_or_without_a_size_teaches_no_factor() {
        assert_eq!(learn(5_000, ran(4_000, 1_000)), Learned::Partly { on_processor: 0.75 });
        assert_eq!(learn(5_000, ran(0, 0)), Learned::Nothing);
        assert_eq!(learn(0, ran(5_000, 5_000)), Learned::Nothing);
        let nearly = 4_683_000_000 + 4_000_000;
        assert_eq!(learn(5_000, ran(nearly, nearly)), Learned::Nothing, "that is the file's size");
        let more = 4_683_000_000 + 6_000_000;
        assert!(matches!(learn(5_000, ran(more, more)), Learned::Measured { .. }));
    }

    #[test]
    fn the_last_measurement_of_a_load_counts_and_survives_a_file() {
        let mut kept = Measurements::default();
        kept.remember(key(4096), Learned::Measured { factor: 1.1, off: -9.0 });
        kept.remember(key(4096), Learned::Measured { factor: 1.2, off: -16.0 });
        kept.remember(key(8192), Learned::Nothing);
        let text = serde_json::to_string(&kept).expect("it can be written");
        let read: Measurements = serde_json::from_str(&text).expect("and read");
        assert_eq!(read.factor(&key(4096)), Some(1.2));
        assert_eq!(read.off(&key(4096)), Some(-16.0));
        assert_eq!(read.factor(&key(8192)), None);
        let other = Key { ollama: "0.34.0".to_owned(), ..key(4096) };
        assert_eq!(read.factor(&other), None, "another version is another load");
    }

    #[test]
    fn old_measurements_make_room() {
        let mut kept = Measurements::default();
        for num_ctx in 0..=KEPT as u64 {
            kept.remember(key(num_ctx), Learned::Measured { factor: 1.0, off: 0.0 });
        }
        assert_eq!(kept.factor(&key(0)), None);
        assert_eq!(kept.factors.len(), KEPT);
    }
}
