//! Times and durations, as Go writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment as RFC 3339 with nanoseconds.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let (date, rest) = parts(at);
    let nanos = rest.subsec_nanos();
    let seconds = rest.as_secs();
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let mut text = format!("{date}T{hour:02}:{minute:02}:{second:02}");
    if nanos > 0 {
        let fraction = format!("{nanos:09}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

/// A moment as the log has it: milliseconds.
pub(crate) fn log_time(at: SystemTime) -> String {
    let (date, rest) = parts(at);
    let seconds = rest.as_secs();
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest.subsec_millis())
}

pub(crate) fn unix_seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The day, and what of it has gone.
fn parts(at: SystemTime) -> (String, Duration) {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let days = since.as_secs() / 86_400;
    // Days to a date: the Gregorian calendar repeats every 400 years, counted from a March.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let rest = Duration::new(since.as_secs() % 86_400, since.subsec_nanos());
    (format!("{year:04}-{month:02}-{day:02}"), rest)
}

/// A duration such as `5m`, `1h30m` or `300ms`; none when it cannot be read. The sign comes first.
pub(crate) fn go_duration(text: &str) -> Option<(bool, Duration)> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some((negative, Duration::ZERO));
    }
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let scale = match &rest[..unit] {
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number * scale;
        rest = &rest[unit..];
    }
    Duration::try_from_secs_f64(seconds).ok().map(|duration| (negative, duration))
}

/// A duration as Go prints it: `5m0s`.
pub(crate) fn go_text(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let rest = format!("{}s", (seconds % 60) as f64 + f64::from(duration.subsec_millis()) / 1e3);
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => rest,
        (0, minutes) => format!("{minutes}m{rest}"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_go_does() {
        let at = UNIX_EPOCH + Duration::new(1_795_225_762, 496_000_000);
        assert_eq!(rfc3339(at), "2026-11-21T01:49:22.496Z");
        assert_eq!(log_time(at), "2026-11-21T01:49:22.496Z");
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(951_782_400)), "2000-02-29T00:00:00Z");
    }

    #[test]
    fn durations_are_read_as_go_does() {
        assert_eq!(go_duration("5m"), Some((false, Duration::from_secs(300))));
        assert_eq!(go_duration("1h30m"), Some((false, Duration::from_secs(5400))));
        assert_eq!(go_duration("-1s"), Some((true, Duration::from_secs(1))));
        assert_eq!(go_duration("1.5s"), Some((false, Duration::from_millis(1500))));
        assert_eq!(go_duration("300"), None);
        assert_eq!(go_duration(""), None);
        assert_eq!(go_text(Duration::from_secs(300)), "5m0s");
        assert_eq!(go_text(Duration::from_secs(3600)), "1h0m0s");
    }
}
