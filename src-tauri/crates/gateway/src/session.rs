//! Sessions of the revisions that have them: what an app agreed on when it opened one, and what is
//! under way in it.
//!
//! A session's id is no credential. It is looked up under the client whose token the request
//! showed, so that the id of another client's session is as unknown as one that never was.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use drawbridge_mcp::{LogLevel, PeerFeatures, ServerRequest, wire};
use drawbridge_model::{ClientName, ServerName};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clients::Client;
use crate::limits::Limits;

/// A revision of MCP that is spoken with apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Revision {
    /// 2024-11-05.
    First,
    /// 2025-03-26: the only one that knows several messages in one array.
    Batches,
    /// 2025-06-18.
    Structured,
    /// 2025-11-25.
    Newest,
}

impl Revision {
    const ALL: [Self; 4] = [Self::First, Self::Batches, Self::Structured, Self::Newest];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::First => "2024-11-05",
            Self::Batches => "2025-03-26",
            Self::Structured => "2025-06-18",
            Self::Newest => "2025-11-25",
        }
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == text)
    }

    /// What is agreed on with an app that asks for `wanted` (2025-11-25, basic/lifecycle, version
    /// negotiation).
    pub(crate) fn agree(wanted: &str) -> Self {
        Self::read(wanted).unwrap_or(Self::Newest)
    }
}

/// What a session's address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All servers, under merged names.
    Merged,
    /// One server, untouched.
    Single(ServerName),
}

impl Scope {
    pub(crate) fn covers(&self, server: &str) -> bool {
        match self {
            Self::Merged => true,
            Self::Single(own) => own.as_str() == server,
        }
    }
}

/// Why a call in flight is to end early.
#[derive(Debug)]
pub(crate) enum Withdrawn {
    /// The app cancelled it, perhaps with a reason.
    ByApp(Option<Box<RawValue>>),
    /// Its session ended.
    WithSession,
    /// The person cancelled it.
    ByPerson,
    /// It took as long as a call may.
    TooLong,
}

/// Which calls in flight are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallsOf {
    /// All.
    All,
    /// Those to one server.
    Server(ServerName),
    /// Those of one app.
    Client(ClientName),
}

/// What an app said when it opened a session.
#[derive(Debug)]
pub(crate) struct Hello {
    pub(crate) client: Arc<Client>,
    pub(crate) scope: Scope,
    pub(crate) revision: Revision,
    pub(crate) features: PeerFeatures,
    /// What the app calls itself.
    pub(crate) says: Option<Arc<str>>,
}

pub(crate) struct Session {
    pub(crate) id: String,
    /// Unique among all sessions of this run.
    pub(crate) key: u64,
    pub(crate) hello: Hello,
    /// Cancelled when the session has ended.
    pub(crate) ended: CancellationToken,
    last_used: Mutex<Instant>,
    calls: Mutex<HashMap<Arc<str>, CallUnderWay>>,
    questions: Mutex<HashMap<u64, ServerRequest>>,
    next_question: AtomicU64,
    next_stream: AtomicU64,
    streams: Mutex<Streams>,
    level: Mutex<Option<LogLevel>>,
    subscriptions: Mutex<HashSet<(ServerName, String)>>,
}

struct CallUnderWay {
    server: ServerName,
    began: Instant,
    /// Tells it to end early.
    withdraw: oneshot::Sender<Withdrawn>,
}

#[derive(Default)]
struct Streams {
    /// The newest last. A message goes to one of them.
    open: VecDeque<mpsc::Sender<Bytes>>,
    /// List changes nobody was told of yet, for the next stream; each at most once.
    missed: Vec<Bytes>,
}

/// Whether a message may wait for the next stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missable {
    /// It is dropped when nobody listens.
    Yes,
    /// It is kept once until somebody listens.
    No,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    fn new(id: String, key: u64, hello: Hello) -> Self {
        Self {
            id,
            key,
            hello,
            ended: CancellationToken::new(),
            last_used: Mutex::new(Instant::now()),
            calls: Mutex::default(),
            questions: Mutex::default(),
            next_question: AtomicU64::new(1),
            next_stream: AtomicU64::new(1),
            streams: Mutex::default(),
            level: Mutex::default(),
            subscriptions: Mutex::default(),
        }
    }

    pub(crate) fn touch(&self) {
        *lock(&self.last_used) = Instant::now();
    }

    /// When the session ends if nothing happens until then; `None` while something is under way.
    fn expires(&self, idle: Duration) -> Option<Instant> {
        let quiet = lock(&self.calls).is_empty()
            && lock(&self.streams).open.iter().all(mpsc::Sender::is_closed);
        quiet.then(|| *lock(&self.last_used) + idle)
    }

    /// Enters a call under the id the app gave it. The receiver tells when it is to end early.
    pub(crate) fn begin_call(
        self: &Arc<Self>,
        id: Arc<str>,
        server: &ServerName,
        limit: usize,
    ) -> Result<InFlight, CallRefused> {
        let (withdraw, withdrawn) = oneshot::channel();
        let mut calls = lock(&self.calls);
        if self.ended.is_cancelled() {
            return Err(CallRefused::SessionEnded);
        }
        if calls.len() >= limit {
            return Err(CallRefused::TooMany);
        }
        match calls.entry(Arc::clone(&id)) {
            std::collections::hash_map::Entry::Occupied(_) => Err(CallRefused::IdInUse),
            std::collections::hash_map::Entry::Vacant(free) => {
                let server = server.clone();
                // The request that brought it has just been noted.
                free.insert(CallUnderWay { server, began: *lock(&self.last_used), withdraw });
                Ok(InFlight { session: Arc::clone(self), id, withdrawn })
            }
        }
    }

    /// Cancels the call with this id, if it is in flight.
    pub(crate) fn cancel_call(&self, id: &str, reason: Option<&RawValue>) {
        if let Some(call) = lock(&self.calls).remove(id) {
            let _ended = call.withdraw.send(Withdrawn::ByApp(reason.map(ToOwned::to_owned)));
        }
    }

    /// How many of these calls are in flight.
    fn count_calls(&self, of: &CallsOf) -> usize {
        lock(&self.calls).values().filter(|call| self.is_of(of, &call.server)).count()
    }

    /// Cancels these calls for the person, and gives how many there were.
    fn cancel_calls(&self, of: &CallsOf) -> usize {
        let mut calls = lock(&self.calls);
        let cancelled = calls.extract_if(|_, call| self.is_of(of, &call.server));
        cancelled.map(|(_, call)| drop(call.withdraw.send(Withdrawn::ByPerson))).count()
    }

    /// Ends calls that take longer than this, and tells when the next would.
    fn end_calls_over(&self, limit: Duration) -> Option<Instant> {
        let (now, mut calls) = (Instant::now(), lock(&self.calls));
        for (_, call) in calls.extract_if(|_, call| call.began + limit <= now) {
            let _ended = call.withdraw.send(Withdrawn::TooLong);
        }
        calls.values().map(|call| call.began + limit).min()
    }

    fn is_of(&self, of: &CallsOf, server: &ServerName) -> bool {
        match of {
            CallsOf::All => true,
            CallsOf::Server(wanted) => server == wanted,
            CallsOf::Client(wanted) => self.hello.client.name == *wanted,
        }
    }

    /// Keeps a server's question until the app answers; gives the id the app sees.
    pub(crate) fn ask(&self, question: ServerRequest) -> u64 {
        let id = self.next_question.fetch_add(1, Ordering::Relaxed);
        lock(&self.questions).insert(id, question);
        id
    }

    pub(crate) fn take_question(&self, id: u64) -> Option<ServerRequest> {
        lock(&self.questions).remove(&id)
    }

    /// Opens a listening stream. The oldest one closes when there are too many.
    pub(crate) fn listen(&self, limit: usize) -> mpsc::Receiver<Bytes> {
        // When full, the stream is closed: an app that does not read for so long has to come back
        // and list again.
        let (sender, receiver) = mpsc::channel(256);
        let mut streams = lock(&self.streams);
        streams.open.retain(|stream| !stream.is_closed());
        if streams.open.len() >= limit {
            streams.open.pop_front();
        }
        for missed in streams.missed.drain(..) {
            let _room = sender.try_send(missed);
        }
        if !self.ended.is_cancelled() {
            streams.open.push_back(sender);
        }
        receiver
    }

    /// Sends an event on one of the listening streams.
    pub(crate) fn push(&self, event: Bytes, missable: Missable) {
        let mut streams = lock(&self.streams);
        while let Some(newest) = streams.open.back() {
            match newest.try_send(event.clone()) {
                Ok(()) => return,
                Err(_full_or_closed) => streams.open.pop_back(),
            };
        }
        if missable == Missable::No && !streams.missed.contains(&event) {
            streams.missed.push(event);
        }
    }

    pub(crate) fn close_streams(&self) {
        lock(&self.streams).open.clear();
    }

    /// A number for the next listening stream.
    pub(crate) fn next_stream(&self) -> u64 {
        self.next_stream.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether the session wants a notification that a server sent for one of its calls: log
    /// messages only from the level it asked for.
    pub(crate) fn wants(&self, method: &str, params: Option<&RawValue>) -> bool {
        let (Some(wanted), "notifications/message", Some(params)) = (self.level(), method, params)
        else {
            return true;
        };
        let level = wire::find(params, &["level"]).ok().flatten();
        let level = level.and_then(|level| LogLevel::from_name(&level.text()?));
        level.is_none_or(|level| level >= wanted)
    }

    pub(crate) fn level(&self) -> Option<LogLevel> {
        *lock(&self.level)
    }

    pub(crate) fn set_level(&self, level: LogLevel) {
        *lock(&self.level) = Some(level);
    }

    /// Remembers a subscription. `false` when there are too many.
    pub(crate) fn subscribe(&self, server: &ServerName, uri: &str, limit: usize) -> bool {
        let mut subscriptions = lock(&self.subscriptions);
        let key = (server.clone(), uri.to_owned());
        if subscriptions.len() >= limit && !subscriptions.contains(&key) {
            return false;
        }
        subscriptions.insert(key);
        true
    }

    pub(crate) fn unsubscribe(&self, server: &ServerName, uri: &str) -> bool {
        lock(&self.subscriptions).remove(&(server.clone(), uri.to_owned()))
    }

    pub(crate) fn is_subscribed(&self, server: &ServerName, uri: &str) -> bool {
        lock(&self.subscriptions).contains(&(server.clone(), uri.to_owned()))
    }

    pub(crate) fn subscriptions(&self) -> Vec<(ServerName, String)> {
        lock(&self.subscriptions).iter().cloned().collect()
    }

    /// Ends everything that is under way in the session. Calls are withdrawn, questions refused,
    /// streams closed.
    fn end(&self) {
        self.ended.cancel();
        for (_, call) in lock(&self.calls).drain() {
            let _ended = call.withdraw.send(Withdrawn::WithSession);
        }
        lock(&self.questions).clear();
        self.close_streams();
    }
}

/// Why a call is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CallRefused {
    #[error("a request with this id is still in flight")]
    IdInUse,
    #[error("too many requests are in flight in this session")]
    TooMany,
    #[error("the session has ended")]
    SessionEnded,
}

/// A call's place in its session; given back when dropped.
pub(crate) struct InFlight {
    session: Arc<Session>,
    id: Arc<str>,
    withdrawn: oneshot::Receiver<Withdrawn>,
}

impl InFlight {
    /// Waits until the call is to end early. Cancel-safe; not to be called again after it ended.
    pub(crate) async fn withdrawn(&mut self) -> Withdrawn {
        (&mut self.withdrawn).await.unwrap_or(Withdrawn::WithSession)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        lock(&self.session.calls).remove(&self.id);
        self.session.touch();
    }
}

/// All sessions, under the client each belongs to.
#[derive(Default)]
pub(crate) struct Sessions {
    next_key: AtomicU64,
    open: RwLock<HashMap<ClientName, HashMap<String, Arc<Session>>>>,
}

impl Sessions {
    /// Opens a session. When the client has too many, the one idle for longest ends; it is given
    /// back for what it leaves to tidy.
    pub(crate) fn open(
        &self,
        hello: Hello,
        limit: usize,
    ) -> Result<(Arc<Session>, Option<Arc<Session>>), getrandom::Error> {
        let mut random = [0_u8; 24];
        getrandom::fill(&mut random)?;
        let id = URL_SAFE_NO_PAD.encode(random);
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let client = hello.client.name.clone();
        let session = Arc::new(Session::new(id.clone(), key, hello));
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let own = open.entry(client).or_default();
        let evicted = if own.len() >= limit {
            let used = |session: &&Arc<Session>| *lock(&session.last_used);
            own.values()
                .filter(|session| session.expires(Duration::ZERO).is_some())
                .min_by_key(used)
                .or_else(|| own.values().min_by_key(used))
                .map(|session| session.id.clone())
                .and_then(|oldest| own.remove(&oldest))
        } else {
            None
        };
        own.insert(id, Arc::clone(&session));
        drop(open);
        if let Some(evicted) = &evicted {
            evicted.end();
        }
        Ok((session, evicted))
    }

    /// The session of this id, if this client opened it at this address.
    pub(crate) fn find(&self, client: &Client, scope: &Scope, id: &str) -> Option<Arc<Session>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let session = open.get(&client.name)?.get(id)?;
        (session.hello.scope == *scope && session.hello.client.digest == client.digest)
            .then(|| Arc::clone(session))
    }

    /// Ends those sessions the closure picks, and gives them back for what they leave to tidy.
    pub(crate) fn end_where(&self, pick: impl Fn(&Session) -> bool) -> Vec<Arc<Session>> {
        let mut ended = Vec::new();
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        for sessions in open.values_mut() {
            ended.extend(sessions.extract_if(|_, session| pick(session)).map(|(_, gone)| gone));
        }
        open.retain(|_, sessions| !sessions.is_empty());
        drop(open);
        for session in &ended {
            session.end();
        }
        ended
    }

    /// Ends sessions that have been idle for too long and calls that take too long, and tells when
    /// to look again.
    pub(crate) fn expire(&self, limits: &Limits) -> (Vec<Arc<Session>>, Option<Instant>) {
        let (now, idle) = (Instant::now(), limits.session_idle);
        let ended = self.end_where(|session| session.expires(idle).is_some_and(|at| at <= now));
        let next = |session: Arc<Session>| {
            // What begins after this look takes too long no sooner than so.
            let call = session.end_calls_over(limits.call_time).unwrap_or(now + limits.call_time);
            // A busy session is looked at again when it could be idle for too long at the earliest.
            call.min(session.expires(idle).unwrap_or(now + idle))
        };
        (ended, self.all().into_iter().map(next).min())
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().flat_map(HashMap::values).cloned().collect()
    }

    /// How many of these calls are in flight.
    pub(crate) fn count_calls(&self, of: &CallsOf) -> usize {
        self.all().iter().map(|session| session.count_calls(of)).sum()
    }

    /// Cancels these calls for the person, and gives how many there were.
    pub(crate) fn cancel_calls(&self, of: &CallsOf) -> usize {
        self.all().iter().map(|session| session.cancel_calls(of)).sum()
    }

    pub(crate) fn count(&self, client: &ClientName) -> usize {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(client).map_or(0, HashMap::len)
    }
}
