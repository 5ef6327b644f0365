//! The sockets: 127.0.0.1 and, where there is IPv6, `[::1]`, on one port and on no other interface.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use drawbridge_model::Problem;
use tokio::net::TcpListener;

#[cfg(not(target_os = "linux"))]
use crate::elsewhere::holder;
#[cfg(target_os = "linux")]
use crate::linux::holder;

/// Bound sockets that do not accept yet.
#[derive(Debug)]
pub struct Listeners {
    pub(crate) v4: TcpListener,
    pub(crate) v6: Option<TcpListener>,
    port: u16,
}

impl Listeners {
    /// The port both sockets have.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether `[::1]` is served too.
    #[must_use]
    pub fn serves_v6(&self) -> bool {
        self.v6.is_some()
    }
}

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error("port {port} is held by {}", holder.as_deref().unwrap_or("another program"))]
    InUse {
        /// The port.
        port: u16,
        /// The program, where the system tells.
        holder: Option<String>,
    },
    /// The system refused for another reason.
    #[error("listen on port {port}: {source}")]
    Other {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    /// What a person reads.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let message = match self {
            Self::InUse { port, holder: Some(holder) } => format!(
                "Port {port} is used by {holder}. Quit that program and try again, or choose \
                 another port in Settings."
            ),
            Self::InUse { port, holder: None } => format!(
                "Port {port} is used by another program. Quit it and try again, or choose another \
                 port in Settings."
            ),
            Self::Other { port, .. } => format!(
                "Drawbridge may not listen on port {port}. Choose another port in Settings."
            ),
        };
        Problem::new(message, self.to_string())
    }
}

/// Binds `port` on both loopback addresses; port 0 takes one that is free on both.
///
/// # Errors
/// Says who holds the port where that can be told. A computer without IPv6 is not an error.
pub async fn bind(port: u16) -> Result<Listeners, BindError> {
    // A port that is free on 127.0.0.1 may be taken on [::1]; a few tries find one that is not.
    let mut tries = if port == 0 { 16 } else { 1 };
    loop {
        tries -= 1;
        let v4 = listen((Ipv4Addr::LOCALHOST, port).into()).await?;
        let taken = v4.local_addr().map_err(|source| BindError::Other { port, source })?.port();
        match listen((Ipv6Addr::LOCALHOST, taken).into()).await {
            Ok(v6) => return Ok(Listeners { v4, v6: Some(v6), port: taken }),
            Err(BindError::InUse { .. }) if tries > 0 => {}
            Err(in_use @ BindError::InUse { .. }) => return Err(in_use),
            Err(BindError::Other { source, .. }) => {
                tracing::debug!(%source, "no IPv6 on this computer");
                return Ok(Listeners { v4, v6: None, port: taken });
            }
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| {
        let port = address.port();
        match source.kind() {
            // Reading /proc takes a few milliseconds, once, on the way to an error.
            io::ErrorKind::AddrInUse => BindError::InUse { port, holder: holder(port) },
            _ => BindError::Other { port, source },
        }
    })
}

/// The name of the program that listens on a port of this computer, where the system tells. Reads
/// many small files: not for a task that others wait for.
#[must_use]
pub fn port_holder(port: u16) -> Option<String> {
    holder(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_loopback_addresses_get_the_same_port_and_no_other_address_does() {
        let listeners = bind(0).await.expect("a free port");
        let v4 = listeners.v4.local_addr().expect("an address");
        assert_eq!(v4, SocketAddr::from((Ipv4Addr::LOCALHOST, listeners.port())));
        if let Some(v6) = &listeners.v6 {
            let v6 = v6.local_addr().expect("an address");
            assert_eq!(v6, SocketAddr::from((Ipv6Addr::LOCALHOST, listeners.port())));
        }
    }

    #[tokio::test]
    async fn a_busy_port_is_an_error_that_names_the_holder() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(held) = std::net::TcpListener::bind(address) else { continue };
            let port = held.local_addr().expect("an address").port();
            let error = bind(port).await.expect_err("the port is held");
            let BindError::InUse { port: named, holder } = &error else {
                panic!("{address}: {error}")
            };
            assert_eq!(*named, port);
            assert_eq!(holder.is_some(), cfg!(target_os = "linux"), "{address}");
            assert!(error.problem().message.contains(&port.to_string()));
            drop(held);
            bind(port).await.expect("the port is free again");
        }
    }
}
