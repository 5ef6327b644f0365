//! What a server says without being asked, and what belongs to no call.

use std::future::poll_fn;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::mailbox::Mailbox;
use crate::wire;

/// A list a server offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Its tools.
    Tools,
    /// Its prompts.
    Prompts,
    /// Its resources and resource templates, which share one notification.
    Resources,
}

impl ListKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    /// The notification that says a list of this kind changed.
    #[must_use]
    pub fn notification(self) -> &'static str {
        match self {
            Self::Tools => "notifications/tools/list_changed",
            Self::Prompts => "notifications/prompts/list_changed",
            Self::Resources => "notifications/resources/list_changed",
        }
    }
}

/// How grave a log message is (RFC 5424, section 6.2.1), the least grave first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogLevel {
    /// `debug`
    Debug,
    /// `info`
    Info,
    /// `notice`
    Notice,
    /// `warning`
    Warning,
    /// `error`
    Error,
    /// `critical`
    Critical,
    /// `alert`
    Alert,
    /// `emergency`
    Emergency,
}

impl LogLevel {
    const NAMES: [(Self, &'static str); 8] = [
        (Self::Debug, "debug"),
        (Self::Info, "info"),
        (Self::Notice, "notice"),
        (Self::Warning, "warning"),
        (Self::Error, "error"),
        (Self::Critical, "critical"),
        (Self::Alert, "alert"),
        (Self::Emergency, "emergency"),
    ];

    /// Reads the protocol's word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(_, known)| *known == name).map(|(level, _)| *level)
    }

    /// The protocol's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(level, _)| *level == self).map_or("info", |(_, name)| *name)
    }
}

/// Something a server said that belongs to no call.
#[derive(Debug)]
pub enum ServerEvent {
    /// A list is not what it was.
    ListChanged(ListKind),
    /// The content of a resource somebody subscribed to changed.
    ResourceUpdated {
        /// The resource, as the server names it.
        uri: String,
        /// The notification's parameters, untouched.
        params: Box<RawValue>,
    },
    /// It logged a message (`notifications/message`).
    Logged {
        /// How grave it is; `Info` where the server's word is unknown.
        level: LogLevel,
        /// The notification's parameters, untouched.
        params: Box<RawValue>,
    },
    /// Any other notification.
    Notified {
        /// Its method.
        method: String,
        /// Its parameters, untouched.
        params: Option<Box<RawValue>>,
    },
    /// It wrote a line on standard output that is no message, cut at 1 KiB.
    Rubbish(String),
    /// The connection ended; the text says why, for a person. Nothing follows.
    Closed(String),
}

/// The events of one connection, in the order the server sent them.
///
/// At most 1,024 events or 4 MiB wait; what finds no room is dropped and counted, except that a
/// list change waits once per kind and [`ServerEvent::Closed`] always comes.
#[derive(Debug)]
pub struct ServerEvents {
    pub(crate) mailbox: Arc<Mailbox<ServerEvent>>,
}

impl ServerEvents {
    /// The next event, or `None` after [`ServerEvent::Closed`]. May be dropped and called again.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        poll_fn(|context| self.mailbox.poll(context)).await
    }

    /// How many events found no room so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.mailbox.dropped()
    }
}

/// Sorts a notification that belongs to no call.
pub(crate) fn announce(mailbox: &Mailbox<ServerEvent>, method: &str, params: Option<&RawValue>) {
    if let Some(kind) = ListKind::ALL.into_iter().find(|kind| kind.notification() == method) {
        mailbox.push_once(
            ServerEvent::ListChanged(kind),
            |event| matches!(event, ServerEvent::ListChanged(waiting) if *waiting == kind),
        );
        return;
    }
    let text_at = |key: &str| {
        let field = wire::find(params?, &[key]).ok()??;
        field.text().map(std::borrow::Cow::into_owned)
    };
    let event = match (method, params) {
        ("notifications/resources/updated", Some(params)) => ServerEvent::ResourceUpdated {
            uri: text_at("uri").unwrap_or_default(),
            params: params.to_owned(),
        },
        ("notifications/message", Some(params)) => ServerEvent::Logged {
            level: text_at("level")
                .and_then(|name| LogLevel::from_name(&name))
                .unwrap_or(LogLevel::Info),
            params: params.to_owned(),
        },
        _ => ServerEvent::Notified {
            method: method.to_owned(),
            params: params.map(ToOwned::to_owned),
        },
    };
    // What finds no room is counted by the mailbox.
    let _ = mailbox.push(event, method.len() + params.map_or(0, |params| params.get().len()));
}
