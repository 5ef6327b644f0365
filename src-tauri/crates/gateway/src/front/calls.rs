//! A request on its way to a server and back: decision, record, server, events, record.
//!
//! The order holds invariant 4, "no call runs without being on record, and none that was refused
//! runs". The policy is asked before the record, so that a refusal leaves one row, and once more
//! when the row is committed, right before the request is handed over: a switch that was turned
//! meanwhile counts. Where the connection is there already, whoever commits the row hands the
//! request over at once, and calls whose rows were committed together share one write. A call that
//! was begun always gets its end, since [`Exchange`](super::exchange::Exchange) lets this future run
//! to its end whatever the app does.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use drawbridge_audit::{
    Afterwards, Begun, CallBegan, EntryId, Excerpt, NotRecorded, Note, Recorded,
};
use drawbridge_mcp::wire::{self, Edit};
use drawbridge_mcp::{
    Call, CallEvent, Caller, Connection, PeerFeatures, Prepared, Request, SendError,
};
use drawbridge_model::{ActivityKind, Problem, RecordRule, ServerName};
use drawbridge_policy::{Fingerprint, Refusal};
use serde_json::value::RawValue;

use super::NO_MEANING;
use super::accept::Forms;
use super::consent::NotAllowed;
use super::content::Suspicious;
use super::decision::{Moment, Pass, Stop};
use super::ending::Ending;
use super::exchange::{Said, Voice};
use super::questions::Asked;
use crate::edge::Edge;
use crate::presence::now_ms;
use crate::session::{InFlight, Session, Withdrawn};

/// Longest id of an app's request that is kept on record, in bytes.
const LONGEST_ID: usize = 200;

/// A request to a server.
pub(crate) struct Crossing {
    pub(crate) server: ServerName,
    pub(crate) method: Cow<'static, str>,
    pub(crate) params: Option<Box<RawValue>>,
    /// What stands in the parameters for the app, and what the server gets in its place.
    pub(crate) edit: Option<(Range<usize>, String)>,
    pub(crate) gate: Gate,
    /// The tool, prompt, resource or method it is about, as the server names it.
    pub(crate) subject: Arc<str>,
    pub(crate) entry: Entry,
    /// What in the result names things of the server that the app knows under other names.
    pub(crate) translate: Translate,
    /// The person allowed this one call of the tool as it was then.
    pub(crate) allowed: OnceLock<Option<Fingerprint>>,
    /// How much of what it is called with is kept on record.
    pub(crate) rule: RecordRule,
    /// What was found in its arguments, if anything was.
    pub(crate) suspicious: Option<Box<Suspicious>>,
    /// What happened when its row was committed.
    pub(crate) launch: Launch,
}

/// Who decides whether a request crosses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    /// The mode of the tool it calls. Refused with a tool result.
    Tool,
    /// The switch of the server. Refused with an error.
    Server,
}

/// What a request leaves on record.
pub(crate) enum Entry {
    /// Nothing: it asks how to use something and does not use it.
    None,
    /// A call with its beginning and end.
    Call {
        /// What kind of call.
        kind: ActivityKind,
        /// What it is called with.
        arguments: Option<Excerpt>,
    },
}

/// How a result is translated on the merged address. Everything else in it stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Translate {
    /// Not at all.
    Nothing,
    /// The URIs at these paths get the server's prefix.
    Uris(&'static [&'static [&'static str]]),
}

/// Everything a request needs on its way.
pub(crate) struct Passage {
    pub(crate) edge: Arc<Edge>,
    pub(crate) session: Arc<Session>,
    /// The id the app gave the request, as JSON text.
    pub(crate) id: Arc<str>,
    pub(crate) in_flight: InFlight,
    pub(crate) forms: Forms,
}

impl Passage {
    /// Lets a request cross and says what comes of it.
    pub(crate) fn cross(
        self,
        mut crossing: Crossing,
        voice: Voice,
    ) -> impl Future<Output = ()> + Send {
        let mut passage = self;
        let entry = std::mem::replace(&mut crossing.entry, Entry::None);
        let mut transit = Transit { began: passage.began(&crossing, entry), ..Transit::default() };
        let crossing = Arc::new(crossing);
        let counted = passage.edge.calls.token();
        // A block and not a function: what it takes with it is then kept once.
        async move {
            let _counted = counted;
            let asked = match crossing.decide(&passage.edge, &passage.session, Moment::OnArrival) {
                Err(Stop::Ask { every_time }) => {
                    let since = Instant::now();
                    let asked = Box::pin(passage.ask(&crossing, every_time, &voice)).await;
                    if let Some(began) = &mut transit.began {
                        began.waited = Some(since.elapsed());
                        crossing.keep_no_more(&passage.edge, began);
                    }
                    asked
                }
                Err(Stop::Refused(refusal)) => Err(NotAllowed::Refused(refusal)),
                Ok(pass) => Ok(pass),
            };
            let answer = match asked {
                Err(why) => {
                    Box::pin(passage.not_allowed(&crossing, transit.began.take(), why)).await
                }
                Ok(pass) => {
                    if let Some(began) = &mut transit.began {
                        began.note = crossing.note(&pass);
                        began.reason = Some(pass.reason());
                    }
                    let ending = passage.run(&crossing, &voice, &mut transit).await;
                    let since = crossing.launch.since.get().copied().unwrap_or_else(Instant::now);
                    let found = match ending.looked_through(&passage.edge.tasks) {
                        Some(looking) => Some(Box::pin(looking).await),
                        None => None,
                    };
                    let (answer, mut end) = passage.close(&crossing, ending, found, since);
                    end.upstream = transit.sent_as(&crossing);
                    // The end is queued before the answer leaves, so that whoever has the answer
                    // finds it on record.
                    if let Some(id) = transit.on_record {
                        passage.edge.shared.record.end(id, end).await;
                    }
                    answer
                }
            };
            // The place in the session comes back first: an app may use the id again as soon as it
            // has the answer.
            drop(passage.in_flight);
            voice.say(Said::Answer(answer)).await;
        }
    }

    /// Puts on record that a request was not let through, and says so.
    async fn not_allowed(
        &self,
        crossing: &Crossing,
        began: Option<CallBegan>,
        why: NotAllowed,
    ) -> Option<String> {
        let (note, answer) = match why {
            NotAllowed::Refused(refusal) => {
                self.tell_the_person(crossing, refusal);
                let sentence = refusal.sentence(crossing.server.as_str(), &crossing.subject);
                let answer = crossing.gate.refused(&self.id, &sentence);
                let reason = refusal.reason();
                (began.map(|began| Note::refused(began, reason, sentence)), Some(answer))
            }
            NotAllowed::Withdrawn(sentence, answers) => {
                let answer = answers.then(|| crossing.gate.refused(&self.id, sentence));
                (began.map(|began| Note::cancelled(began, sentence)), answer)
            }
        };
        // It did not run, so a note that cannot be written holds nothing up.
        if let Some(note) = note
            && let Err(error) = self.edge.shared.record.note(note).await
        {
            tracing::warn!(%error, "a refusal is not on record");
        }
        answer
    }

    /// Some refusals are shown to the person, who can do something about them.
    pub(super) fn tell_the_person(&self, crossing: &Crossing, refusal: Refusal) {
        if refusal == Refusal::SecretInArguments {
            crossing.arguments_stopped(&self.edge, &self.session);
        }
    }

    fn began(&self, crossing: &Crossing, entry: Entry) -> Option<CallBegan> {
        let Entry::Call { kind, arguments } = entry else { return None };
        let mut began = CallBegan::new(kind);
        began.client = Some(self.session.hello.client.name.clone());
        began.client_says.clone_from(&self.session.hello.says);
        began.server = Some(crossing.server.clone());
        began.subject = Some(Arc::clone(&crossing.subject));
        began.arguments = arguments;
        began.request = (self.id.len() <= LONGEST_ID).then(|| self.id.clone());
        began.rule = crossing.rule;
        Some(began)
    }

    async fn run(
        &mut self,
        crossing: &Arc<Crossing>,
        voice: &Voice,
        transit: &mut Transit,
    ) -> Ending {
        let grace = self.edge.limits.grace_after_loss;
        // 2025-11-25, basic/transports: a connection that is closed is no cancellation. An app
        // may be gone for a moment; after the grace nobody is going to read the answer.
        let app_gone = async {
            voice.closed().await;
            tokio::time::sleep(grace).await;
        };
        // Two futures below a kilobyte each: allocators are several times as fast with those.
        let crossed =
            Box::pin(forward(&self.edge, &self.session, self.forms, crossing, voice, transit));
        let ending = tokio::select! {
            biased;
            ending = crossed => ending,
            withdrawn = self.in_flight.withdrawn() => Ending::Withdrawn(withdrawn),
            () = app_gone => Ending::AppGone,
        };
        // First of all: from now on it is settled whether the call runs.
        if let Some(begun) = transit.begun.take() {
            transit.on_record = begun.settle();
        }
        // A call that is dropped before its outcome is cancelled at the server.
        if let (Some(call), Ending::Withdrawn(Withdrawn::ByApp(reason))) =
            (transit.call.take(), &ending)
        {
            let reason = reason.as_deref().filter(|reason| reason.get().starts_with('"'));
            call.cancel(reason);
        }
        ending
    }
}

/// How far a request has come. Whoever breaks off finds here what there is to end.
#[derive(Default)]
struct Transit {
    /// What is to be put on record before it is sent; `None` when it is, or need not be.
    began: Option<CallBegan>,
    /// What was asked of the record, until it is settled.
    begun: Option<Begun>,
    /// The row of a call that began.
    on_record: Option<EntryId>,
    call: Option<Call>,
    /// The id of the request towards the server.
    upstream_id: Option<u64>,
}

/// What happened when the row of a call was committed, by whoever committed it.
#[derive(Debug, Default)]
pub(crate) struct Launch {
    /// When the request was handed over.
    since: OnceLock<Instant>,
    /// Why it was not.
    stopped: OnceLock<Stopped>,
}

#[derive(Debug)]
enum Stopped {
    Refused(Refusal),
    NotRecorded(NotRecorded),
}

impl Crossing {
    /// Hands the request over if it is on record and still allowed.
    fn launch(
        &self,
        recorded: Recorded,
        prepared: Prepared,
        edge: &Edge,
        session: &Session,
    ) -> Option<Afterwards> {
        let allowed = recorded.map_err(Stopped::NotRecorded).and_then(|_| {
            let decided = self.decide(edge, session, Moment::BeforeSending);
            decided.map_err(|stop| Stopped::Refused(stop.refusal()))
        });
        match allowed {
            Ok(pass) => {
                if let Pass::Remembered(remembered) = pass {
                    remembered.touch(now_ms());
                }
                let _first = self.launch.since.set(Instant::now());
                let sent = prepared.send();
                Some(Box::new(move || sent.flush()))
            }
            Err(stopped) => {
                let _first = self.launch.stopped.set(stopped);
                prepared.withhold(Problem::new("The call was not sent.", ""));
                None
            }
        }
    }
}

impl Launch {
    /// The ending of a call that was not handed over.
    fn ending(&self) -> Option<Ending> {
        Some(match self.stopped.get()? {
            Stopped::Refused(refusal) => Ending::Refused(*refusal),
            Stopped::NotRecorded(error) => Ending::NotRecorded(error.problem().message),
        })
    }
}

impl Transit {
    /// The id of the request on its way to the server, if it went there.
    fn sent_as(&self, crossing: &Crossing) -> Option<u64> {
        self.upstream_id.filter(|_| crossing.launch.stopped.get().is_none())
    }

    /// Puts a call on record and waits for that.
    async fn begin(&mut self, edge: &Edge, crossing: &Crossing) -> Result<(), Ending> {
        let Some(began) = self.began.take() else { return Ok(()) };
        let id = edge.shared.record.begin(began).await;
        self.on_record = Some(id.map_err(|error| Ending::NotRecorded(error.problem().message))?);
        let _first = crossing.launch.since.set(Instant::now());
        Ok(())
    }

    /// The ending of a call that cannot be sent. It was called, so it is on record.
    async fn unsent(&mut self, edge: &Edge, crossing: &Crossing, error: SendError) -> Ending {
        if let Err(ending) = self.begin(edge, crossing).await {
            return ending;
        }
        match error {
            SendError::Params(error) => Ending::Malformed(error.to_string()),
            error => Ending::Failed(error.problem().message),
        }
    }
}

/// Puts a call on record; whoever commits its row hands the request over.
fn begin_then_launch(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    crossing: &Arc<Crossing>,
    began: CallBegan,
    prepared: Prepared,
) -> impl Future<Output = Begun> + Send {
    let (crossing, shared) = (Arc::clone(crossing), Arc::clone(edge));
    let session = Arc::clone(session);
    let then = move |recorded| crossing.launch(recorded, prepared, &shared, &session);
    edge.shared.record.begin_then(began, then)
}

/// Puts a request on record, hands it to its server and passes the events of the call on.
async fn forward(
    edge: &Arc<Edge>,
    session: &Arc<Session>,
    forms: Forms,
    crossing: &Arc<Crossing>,
    voice: &Voice,
    transit: &mut Transit,
) -> Ending {
    let upstreams = &edge.shared.upstreams;
    let connection = match upstreams.shared(crossing.server.as_str()) {
        Some(connection) => connection,
        // Opening a connection may take long, so the row comes first.
        None => {
            if let Err(ending) = Box::pin(transit.begin(edge, crossing)).await {
                return ending;
            }
            let client = &session.hello.client.name;
            let opened = Box::pin(upstreams.connection_for(crossing.server.as_str(), client));
            match opened.await {
                Ok(connection) => connection,
                Err(unavailable) => return Ending::Failed(unavailable.0.message),
            }
        }
    };
    connection.room().await;
    let (call, prepared) = match prepare(&connection, session, forms, crossing) {
        Ok(prepared) => prepared,
        Err(error) => return Box::pin(transit.unsent(edge, crossing, error)).await,
    };
    transit.upstream_id = Some(call.id());
    let call = transit.call.insert(call);
    match transit.began.take() {
        Some(began) => {
            let beginning = begin_then_launch(edge, session, crossing, began, prepared);
            transit.begun = Some(beginning.await);
        }
        None => {
            if let Err(stop) = crossing.decide(edge, session, Moment::BeforeSending) {
                return Ending::Refused(stop.refusal());
            }
            prepared.send().flush();
        }
    }
    let mut asked = Asked::by(session);
    loop {
        let event = tokio::select! {
            biased;
            event = call.next() => event,
            id = asked.withdrawn() => {
                voice.say(Said::Message(Asked::taken_back(id))).await;
                continue;
            }
        };
        match event {
            CallEvent::Done(outcome) => return Ending::Answered(outcome),
            CallEvent::Lost(lost) => {
                return crossing.launch.ending().unwrap_or(Ending::Failed(lost.0.message));
            }
            CallEvent::Notification { method, params } => {
                if forms != Forms::Json && session.wants(&method, params.as_deref()) {
                    let message = wire::notification(&method, params.as_deref());
                    voice.say(Said::Message(message)).await;
                }
            }
            CallEvent::Question(question) => {
                // Dropped, a question is refused.
                if forms != Forms::Json && !voice.is_closed() {
                    let message = asked.ask(question);
                    voice.say(Said::Message(message)).await;
                }
            }
        }
    }
}

/// Makes the request ready as its server gets it.
fn prepare(
    connection: &Connection,
    session: &Session,
    forms: Forms,
    crossing: &Crossing,
) -> Result<(Call, Prepared), SendError> {
    fn edit((span, with): &(Range<usize>, String)) -> Edit<'_> {
        Edit { span: span.clone(), with: Cow::Borrowed(with) }
    }
    let masked = crossing.suspicious.as_ref().and_then(|suspicious| suspicious.sent.as_ref());
    let name = crossing.edit.as_ref().map(edit);
    let both;
    let edits = match masked {
        None => name.as_slice(),
        Some(masked) => {
            both = name.into_iter().chain([edit(masked)]).collect::<Vec<_>>();
            &both
        }
    };
    // An app that takes nothing but the answer cannot be asked anything.
    let features = match forms {
        Forms::Json => PeerFeatures::default(),
        Forms::Either | Forms::Stream => session.hello.features,
    };
    connection.prepare(Request {
        method: &crossing.method,
        params: crossing.params.as_deref(),
        edits,
        caller: Caller { key: session.key, features },
    })
}

impl Crossing {
    /// What the record says beside the call.
    fn note(&self, pass: &Pass) -> Option<Cow<'static, str>> {
        match (pass.note(), &self.suspicious) {
            (note, None) => note.map(Cow::Borrowed),
            (None, Some(suspicious)) => Some(Cow::Owned(suspicious.note())),
            (Some(note), Some(suspicious)) => {
                Some(Cow::Owned(format!("{note} {}", suspicious.note())))
            }
        }
    }

    pub(super) fn translated(&self, result: &RawValue) -> Option<Box<RawValue>> {
        let Translate::Uris(paths) = self.translate else { return None };
        // Most results hold no URI of a resource; those that do are searched for.
        if !result.get().contains("\"uri\"") {
            return None;
        }
        let prefix = drawbridge_mcp::names::uri_prefix(self.server.as_str());
        let change = |_, field: &wire::Field<'_>| {
            let uri = field.text()?;
            Some(Cow::Owned(wire::raw_string(&format!("{prefix}{uri}"))))
        };
        // A result in which a key stands twice is passed on as it is.
        wire::rewrite(result, paths, change).ok().flatten()
    }
}

impl Gate {
    /// The answer to a request that does not cross: the model behind the app is told by a tool
    /// result, the app by an error.
    pub(crate) fn refused(self, id: &str, sentence: &str) -> String {
        match self {
            Self::Tool => wire::result_message(id, &tool_error(sentence)),
            Self::Server => wire::error_response(Some(id), NO_MEANING, sentence),
        }
    }
}

/// A tool result that says why there is none.
pub(crate) fn tool_error(sentence: &str) -> String {
    let text = wire::raw_string(sentence);
    format!(r#"{{"content":[{{"type":"text","text":{text}}}],"isError":true}}"#)
}
