//! The section `gateway`: where we listen, and which names and pages we answer.

use jsonc_parser::ast::{Object, Value};

use super::GatewaySettings;
use super::jsonc::start_of;
use super::read::{Fault, Key, Reading, wrong_kind};

/// The keys of the section.
pub(super) const GATEWAY_KEYS: &[&str] = &["port", "hosts", "origins"];

pub(super) fn read(
    section: &Object<'_>,
    key: &Key<'_>,
    reading: &mut Reading,
) -> Result<GatewaySettings, Fault> {
    reading.only_known(section, key, GATEWAY_KEYS)?;
    let port = reading.optional(section, key, "port", port)?.map(|(port, _)| port);
    let hosts = reading.optional(section, key, "hosts", Reading::texts)?;
    let origins = reading.optional(section, key, "origins", Reading::texts)?;
    let mut settings = GatewaySettings { port, ..GatewaySettings::default() };
    for (index, (host, at)) in hosts.into_iter().flat_map(|(list, _)| list).enumerate() {
        let host = host.to_ascii_lowercase();
        check_host(&host)
            .map_err(|expected| Fault::new(at, &key.child("hosts").index(index), expected))?;
        settings.hosts.push(host);
    }
    for (index, (origin, at)) in origins.into_iter().flat_map(|(list, _)| list).enumerate() {
        check_origin(&origin)
            .map_err(|expected| Fault::new(at, &key.child("origins").index(index), expected))?;
        settings.origins.push(origin);
    }
    Ok(settings)
}

fn port(_: &Reading, value: &Value<'_>, key: &Key<'_>) -> Result<u16, Fault> {
    const EXPECTED: &str = "a port, a whole number from 1 to 65535";
    let Value::NumberLit(number) = value else {
        return Err(wrong_kind(value, key, EXPECTED));
    };
    match number.value.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Fault::new(
            start_of(value),
            key,
            format!("Expected {EXPECTED}, found {}.", number.value),
        )),
    }
}

/// A host name is compared as text with the `Host` line of a request, so only what can stand there
/// helps.
fn check_host(host: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "Expected a host name, such as \"host.docker.internal\", with its port if it is not ours: \
         no *, no http:// and no path.";
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name_fits = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.chars().all(letters) && !name.ends_with('.'),
    };
    let port_fits = port.is_none_or(|port| port.parse().is_ok_and(|port: u16| port > 0));
    if name_fits && port_fits { Ok(()) } else { Err(EXPECTED) }
}

/// An origin is compared as text with the `Origin` line of a request (RFC 6454, section 6.2).
fn check_origin(origin: &str) -> Result<(), &'static str> {
    const EXPECTED: &str = "Expected an origin, such as \"http://localhost:3000\": scheme, host and \
                            port only, without a path and without a / at the end.";
    match origin {
        "null" => return Err("\"null\" cannot be listed: every sandboxed page calls itself that."),
        "*" => return Err("\"*\" cannot be listed: each origin is listed by itself."),
        _ => {}
    }
    let (scheme, rest) = origin.split_once("://").ok_or(EXPECTED)?;
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    let rest_fits = !rest.contains(['/', '?', '#', '@', '\\', '*', ','])
        && rest.chars().all(|c| c.is_ascii_graphic());
    if !(scheme_fits && rest_fits) {
        return Err(EXPECTED);
    }
    let scheme = scheme.to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "http" => ":80",
        "https" => ":443",
        _ => return Ok(()),
    };
    check_host(&rest.to_ascii_lowercase()).map_err(|_| EXPECTED)?;
    if rest.ends_with(usual) {
        return Err("Browsers leave out the usual port, so leave it out here too.");
    }
    Ok(())
}
