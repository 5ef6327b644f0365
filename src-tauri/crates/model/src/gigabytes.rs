//! Bytes as people read them: gigabytes of 2^30 bytes with one digit after the point.
//!
//! What something needs is rounded up and what is free is rounded down, so that what is said to fit
//! fits.

/// What something needs: rounded up to a tenth, without the unit.
#[must_use]
pub fn up(bytes: u64) -> String {
    tenths((u128::from(bytes) * 10).div_ceil(1 << 30))
}

/// What is free, or there: rounded down to a tenth, without the unit.
#[must_use]
pub fn down(bytes: u64) -> String {
    tenths((u128::from(bytes) * 10) >> 30)
}

fn tenths(tenths: u128) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_rounded_up_and_what_is_free_is_rounded_down() {
        const GIB: u64 = 1 << 30;
        for (bytes, needs, free) in [
            (0, "0.0", "0.0"),
            (1, "0.1", "0.0"),
            (GIB, "1.0", "1.0"),
            (GIB + 1, "1.1", "1.0"),
            (GIB + GIB / 2, "1.5", "1.5"),
            (7 * GIB, "7.0", "7.0"),
            (7 * GIB + GIB / 5, "7.2", "7.1"),
            (7 * GIB + GIB / 100, "7.1", "7.0"),
            (u64::MAX, "17179869184.0", "17179869183.9"),
        ] {
            assert_eq!((up(bytes).as_str(), down(bytes).as_str()), (needs, free), "{bytes}");
        }
    }
}
