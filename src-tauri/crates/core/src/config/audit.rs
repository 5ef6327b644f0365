//! The section `audit`.

use std::ops::RangeInclusive;

use jsonc_parser::ast::{Object, Value};

use super::AuditSettings;
use super::jsonc::start_of;
use super::read::{Fault, Key, Reading, wrong_kind};

/// Days that entries may be kept: up to a hundred years.
const DAYS: RangeInclusive<u32> = 1..=36_500;
/// Megabytes that the record may take: from what a few thousand calls need up to a terabyte.
const MEGABYTES: RangeInclusive<u32> = 10..=1_000_000;

pub(super) fn read(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &Reading,
) -> Result<AuditSettings, Fault> {
    reading.only_known(section, key, &["keepDays", "keepMegabytes"])?;
    let days = |_: &Reading, value: &Value<'_>, key: &Key<'_>| whole(value, key, DAYS, "days");
    let megabytes =
        |_: &Reading, value: &Value<'_>, key: &Key<'_>| whole(value, key, MEGABYTES, "megabytes");
    let only = |found: Option<(u32, _)>| found.map(|(number, _)| number);
    Ok(AuditSettings {
        keep_days: only(reading.optional(section, key, "keepDays", days)?),
        keep_megabytes: only(reading.optional(section, key, "keepMegabytes", megabytes)?),
    })
}

fn whole(
    value: &Value<'_>,
    key: &Key<'_>,
    within: RangeInclusive<u32>,
    unit: &str,
) -> Result<u32, Fault> {
    let expected = format!("a number of {unit} from {} to {}", within.start(), within.end());
    let Value::NumberLit(literal) = value else {
        return Err(wrong_kind(value, key, &expected));
    };
    literal.value.parse().ok().filter(|number| within.contains(number)).ok_or_else(|| {
        let sentence = format!("Expected {expected}, found {}.", literal.value);
        Fault::new(start_of(value), key, sentence)
    })
}
