//! The life of Ollama as a pure function: what is known of it, and what follows from what happens.
//! Whoever runs already is used and never stopped; ours has the life of any child.
//!
//! It is looked for before each start, so that two never fight for one port: on some systems the
//! Ollama app ends every rival once, and starts its own a moment later.

use std::path::PathBuf;
use std::time::Duration;

use drawbridge_llm::api::{Loaded, Probed};
use drawbridge_model::{ActivityKind, Problem};
use drawbridge_supervisor::lifecycle::{self, AfterStop, Happening};
use tokio::time::Instant;

use super::events::{Effect, Event, Exited, Looked, Wanted};
use crate::controller::Moment;
use crate::view::{OllamaRunBy, OllamaState};

/// How long it may take connections and say nothing while it starts: it looks for graphics cards
/// first, and an antivirus may look over its shoulder (Ollama, discover/runner.go).
const STARTS_WITHIN: Duration = Duration::from_secs(120);
/// Looks without an answer after which it counts as hung.
const SILENT_LOOKS: u32 = 3;
/// How long after it ended unasked another one may turn up in its place.
const RIVAL_WITHIN: Duration = Duration::from_secs(3);
/// How long whoever ran it has to bring it back before ours is started.
const AWAY_FOR: Duration = Duration::from_secs(15);
/// Below this its figures and addresses differ from what is known here.
const OLDEST_KNOWN: (u32, u32) = (0, 30);

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    Off,
    Looking,
    NotInstalled,
    Stopped,
    PortTaken(Option<String>),
    Theirs(Theirs),
    Ours(lifecycle::State),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theirs {
    Starting,
    Ready,
    Offline,
}

/// All that is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Life {
    phase: Phase,
    wanted: Wanted,
    /// When the present phase began.
    since: Moment,
    /// When ours is started again, on the person's clock.
    retry_at: i64,
    run: u64,
    /// Looks in a row without an answer, and when the first of them was, on the person's clock.
    silent: u32,
    silent_since: i64,
    /// It runs in place of ours, which another program ended.
    took_over: bool,
    quitting: bool,
    /// Somebody wants to know now.
    hurry: bool,
    pub(crate) program: Option<PathBuf>,
    pub(crate) version: Option<String>,
    pub(crate) run_by: Option<OllamaRunBy>,
    pub(crate) problem: Option<Problem>,
    pub(crate) loaded: Vec<Loaded>,
}

impl Life {
    pub(crate) fn new(wanted: Wanted, now: Moment) -> Self {
        Self {
            phase: if wanted.enabled { Phase::Looking } else { Phase::Off },
            wanted,
            since: now,
            retry_at: 0,
            run: 0,
            silent: 0,
            silent_since: 0,
            took_over: false,
            quitting: false,
            hurry: false,
            program: None,
            version: None,
            run_by: None,
            problem: None,
            loaded: Vec::new(),
        }
    }

    /// What is good to know while all is well.
    pub(crate) fn notice(&self) -> Option<String> {
        if self.took_over {
            return Some(
                "Another program started Ollama in place of ours. Drawbridge uses that one and \
                 leaves it running."
                    .to_owned(),
            );
        }
        let version = self.version.as_ref().filter(|version| is_old(version))?;
        Some(format!(
            "Ollama {version} is older than what Drawbridge knows. Most things work; its figures \
             may be off. Updating Ollama helps."
        ))
    }

    /// The port to look at.
    pub(crate) fn port(&self) -> u16 {
        self.wanted.port
    }

    /// Whether it answers.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.state(), OllamaState::Ready { .. })
    }

    /// Whether a process of ours is there.
    pub(crate) fn runs(&self) -> bool {
        matches!(
            self.phase,
            Phase::Ours(
                lifecycle::State::Starting { .. }
                    | lifecycle::State::Ready { .. }
                    | lifecycle::State::Stopping { .. }
            )
        )
    }

    /// The state as the person sees it.
    pub(crate) fn state(&self) -> OllamaState {
        let since = self.since.wall_ms;
        let hung = self.silent >= SILENT_LOOKS;
        match &self.phase {
            Phase::Off => OllamaState::Off,
            Phase::Looking => OllamaState::Looking,
            Phase::NotInstalled => OllamaState::NotInstalled,
            Phase::Stopped => OllamaState::Stopped,
            Phase::PortTaken(holder) => OllamaState::PortTaken { holder: holder.clone() },
            Phase::Theirs(Theirs::Ready | Theirs::Starting)
            | Phase::Ours(lifecycle::State::Ready { .. })
                if hung =>
            {
                OllamaState::NotResponding { since: self.silent_since }
            }
            Phase::Theirs(Theirs::Starting) | Phase::Ours(lifecycle::State::Starting { .. }) => {
                OllamaState::Starting { since }
            }
            Phase::Theirs(Theirs::Ready) | Phase::Ours(lifecycle::State::Ready { .. }) => {
                OllamaState::Ready { since }
            }
            Phase::Theirs(Theirs::Offline) => OllamaState::Offline,
            Phase::Ours(lifecycle::State::Waiting { failures, .. }) => {
                OllamaState::Waiting { retry_at: self.retry_at, attempt: *failures }
            }
            Phase::Ours(lifecycle::State::Stopping { then: AfterStop::Retry { failures } }) => {
                OllamaState::Waiting { retry_at: since, attempt: *failures }
            }
            Phase::Ours(lifecycle::State::Stopping { .. }) => OllamaState::Stopping,
            Phase::Ours(lifecycle::State::Failed) => OllamaState::Failed,
            Phase::Ours(lifecycle::State::Stopped) => OllamaState::Stopped,
        }
    }

    /// Somebody waits for what the next look finds.
    pub(crate) fn is_asked(&self) -> bool {
        self.hurry
    }

    /// How long until the next look; `None` where nothing changes by itself, or only with an app
    /// that asks or a person who looks.
    pub(crate) fn next_look(&self) -> Option<Duration> {
        let millis = |millis| Some(Duration::from_millis(millis));
        match &self.phase {
            _ if self.hurry => millis(0),
            Phase::Off | Phase::NotInstalled => None,
            Phase::Looking => millis(0),
            Phase::Stopped | Phase::PortTaken(_) => millis(15_000),
            Phase::Theirs(Theirs::Starting) => millis(1_000),
            Phase::Theirs(Theirs::Ready | Theirs::Offline) => millis(5_000),
            Phase::Ours(life) => match life {
                lifecycle::State::Starting { .. } => millis(250),
                lifecycle::State::Ready { .. } => millis(5_000),
                lifecycle::State::Waiting { .. } => millis(1_000),
                lifecycle::State::Stopping { .. } => None,
                lifecycle::State::Failed | lifecycle::State::Stopped => millis(15_000),
            },
        }
    }

    /// Takes in what happened and answers with what is to be done, in that order.
    pub(crate) fn apply(&mut self, event: Event, now: Moment) -> Vec<Effect> {
        let mut effects = Vec::new();
        match event {
            Event::Wanted(wanted) => self.want(wanted, now, &mut effects),
            Event::Looked(looked) if looked.port == self.wanted.port => {
                self.looked(looked, now, &mut effects);
            }
            Event::Looked(_) => {}
            Event::Ended(run, exited) if run == self.run => {
                self.ended(exited, now, &mut effects);
            }
            Event::Ended(..) => {}
            // Its program may be another one by now, and somebody else may have been quicker.
            Event::Start => match &self.phase {
                Phase::Ours(_) if self.runs() => {}
                Phase::Ours(_)
                | Phase::Theirs(Theirs::Offline)
                | Phase::Stopped
                | Phase::NotInstalled
                | Phase::PortTaken(_) => {
                    self.problem = None;
                    self.enter(Phase::Looking, now);
                }
                Phase::Off | Phase::Looking | Phase::Theirs(_) => {}
            },
            Event::Restart => {
                if let Phase::Ours(_) = self.phase {
                    self.step(lifecycle::Event::Restart, now, &mut effects);
                }
            }
            Event::Look => {
                self.hurry = matches!(
                    self.phase,
                    Phase::NotInstalled
                        | Phase::Stopped
                        | Phase::PortTaken(_)
                        | Phase::Theirs(_)
                        | Phase::Ours(lifecycle::State::Ready { .. })
                );
            }
            Event::Quit => {
                self.quitting = true;
                if self.runs() {
                    self.step(lifecycle::Event::Stop, now, &mut effects);
                } else {
                    self.enter(Phase::Off, now);
                }
            }
        }
        effects
    }

    fn enter(&mut self, phase: Phase, now: Moment) {
        if std::mem::discriminant(&self.phase) != std::mem::discriminant(&phase)
            || matches!((&self.phase, &phase), (Phase::Theirs(one), Phase::Theirs(other)) if one != other)
        {
            self.since = now;
            self.silent = 0;
        }
        if !matches!(phase, Phase::Theirs(Theirs::Ready) | Phase::Ours(_)) {
            self.loaded.clear();
            self.version = None;
        }
        self.took_over &= phase == Phase::Theirs(Theirs::Ready);
        if !matches!(phase, Phase::Theirs(_) | Phase::Ours(_)) {
            self.run_by = None;
        }
        self.phase = phase;
    }

    /// It did not answer a look.
    fn said_nothing(&mut self, now: Moment) {
        if self.silent == 0 {
            self.silent_since = now.wall_ms;
        }
        self.silent = self.silent.saturating_add(1);
    }

    fn want(&mut self, wanted: Wanted, now: Moment, effects: &mut Vec<Effect>) {
        let before = std::mem::replace(&mut self.wanted, wanted);
        let wanted = &self.wanted;
        if before == *wanted || self.quitting {
            return;
        }
        if let Phase::Ours(_) = self.phase
            && !(wanted.enabled && wanted.start)
        {
            self.problem = None;
            self.step(lifecycle::Event::Stop, now, effects);
            if !self.runs() {
                self.after_ours(now);
            }
            return;
        }
        if !wanted.enabled {
            return self.enter(Phase::Off, now);
        }
        let elsewhere = before.port != wanted.port;
        let another = elsewhere || before.path != wanted.path;
        match &self.phase {
            // Ours goes on where it is until it is restarted.
            Phase::Ours(lifecycle::State::Failed | lifecycle::State::Waiting { .. }) if another => {
                self.problem = None;
                self.enter(Phase::Looking, now);
            }
            Phase::Ours(_) => {}
            Phase::Theirs(_) if !elsewhere => {}
            _ => {
                self.problem = None;
                self.enter(Phase::Looking, now);
            }
        }
    }

    /// Where ours has ended for good.
    fn after_ours(&mut self, now: Moment) {
        let next = if self.wanted.enabled && !self.quitting { Phase::Looking } else { Phase::Off };
        self.enter(next, now);
    }

    fn looked(&mut self, looked: Looked, now: Moment, effects: &mut Vec<Effect>) {
        self.hurry = false;
        if looked.searched {
            self.program.clone_from(&looked.program);
        }
        match self.phase.clone() {
            Phase::Off => {}
            Phase::Ours(life) => self.looked_at_ours(life, looked, now, effects),
            phase => self.looked_at_theirs(&phase, looked, now, effects),
        }
    }

    fn looked_at_ours(
        &mut self,
        life: lifecycle::State,
        looked: Looked,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        use lifecycle::State as S;
        match (life, looked.probed) {
            (S::Starting { .. }, Probed::Answers(version)) => {
                self.problem = None;
                self.answered(&version, looked.loaded);
                self.run_by = Some(OllamaRunBy::Drawbridge);
                self.step(lifecycle::Event::BecameReady, now, effects);
            }
            (S::Starting { .. }, _) => {
                if now.instant.saturating_duration_since(self.since.instant) > STARTS_WITHIN {
                    self.problem = Some(Problem::new(
                        "Ollama was started and did not answer within two minutes.",
                        "",
                    ));
                    self.step(lifecycle::Event::ConnectFailed, now, effects);
                }
            }
            (S::Ready { .. }, Probed::Answers(version)) => {
                self.silent = 0;
                self.answered(&version, looked.loaded);
            }
            (S::Ready { .. }, _) => self.said_nothing(now),
            (S::Waiting { .. } | S::Failed | S::Stopped, Probed::Answers(version)) => {
                effects.push(Effect::Note(
                    ActivityKind::ServerStarted,
                    "Another program runs Ollama now, and it is used.".to_owned(),
                ));
                self.adopt(&version, looked.run_by, looked.loaded, now);
                self.took_over = true;
            }
            (S::Waiting { .. }, Probed::Stranger) => self.give_way(looked.holder, now),
            // It was removed, or is being updated.
            (S::Waiting { .. }, _) if self.program.is_none() => {
                self.problem = None;
                self.enter(Phase::NotInstalled, now);
            }
            (S::Waiting { .. }, _) if now.wall_ms >= self.retry_at => {
                self.step(lifecycle::Event::RetryDue, now, effects);
            }
            (S::Waiting { .. } | S::Failed | S::Stopped | S::Stopping { .. }, _) => {}
        }
    }

    fn looked_at_theirs(
        &mut self,
        phase: &Phase,
        looked: Looked,
        now: Moment,
        effects: &mut Vec<Effect>,
    ) {
        let waited = now.instant.saturating_duration_since(self.since.instant);
        match looked.probed {
            Probed::Answers(version) => {
                if *phase != Phase::Theirs(Theirs::Ready) {
                    effects.push(Effect::Note(
                        ActivityKind::ServerStarted,
                        "Ollama was found running, and is used.".to_owned(),
                    ));
                }
                self.adopt(&version, looked.run_by, looked.loaded, now);
            }
            Probed::Silent => match phase {
                Phase::Theirs(Theirs::Ready) => self.said_nothing(now),
                Phase::Theirs(Theirs::Starting) if waited > STARTS_WITHIN => {
                    (self.silent, self.silent_since) = (SILENT_LOOKS, self.since.wall_ms);
                }
                Phase::Theirs(Theirs::Starting) => {}
                _ => self.enter(Phase::Theirs(Theirs::Starting), now),
            },
            Probed::Stranger => self.give_way(looked.holder, now),
            Probed::Refused => match phase {
                Phase::Theirs(Theirs::Offline) if !self.wanted.start || waited < AWAY_FOR => {}
                Phase::Theirs(Theirs::Ready | Theirs::Starting) => {
                    effects.push(Effect::Note(
                        ActivityKind::ServerStopped,
                        "Ollama was ended by whoever ran it.".to_owned(),
                    ));
                    self.enter(Phase::Theirs(Theirs::Offline), now);
                }
                _ if self.program.is_none() => {
                    self.problem = None;
                    self.enter(Phase::NotInstalled, now);
                }
                _ if self.wanted.start && !self.quitting => {
                    self.problem = None;
                    self.enter(Phase::Ours(lifecycle::State::Stopped), now);
                    self.step(lifecycle::Event::Start, now, effects);
                }
                _ => {
                    self.problem = None;
                    self.enter(Phase::Stopped, now);
                }
            },
        }
    }

    /// A stranger has the port.
    fn give_way(&mut self, holder: Option<String>, now: Moment) {
        let by = holder.as_deref().unwrap_or("another program");
        self.problem = Some(Problem::new(
            format!(
                "Port {} is used by {by}, which is not Ollama. Quit that program, or use another \
                 port.",
                self.wanted.port
            ),
            "",
        ));
        self.enter(Phase::PortTaken(holder), now);
    }

    fn adopt(
        &mut self,
        version: &str,
        run_by: Option<OllamaRunBy>,
        loaded: Option<Vec<Loaded>>,
        now: Moment,
    ) {
        self.problem = None;
        self.enter(Phase::Theirs(Theirs::Ready), now);
        self.silent = 0;
        self.run_by = run_by.or(self.run_by).or(Some(OllamaRunBy::Other));
        self.answered(version, loaded);
    }

    fn answered(&mut self, version: &str, loaded: Option<Vec<Loaded>>) {
        if let Some(loaded) = loaded {
            self.loaded = loaded;
        }
        self.version = Some(version.to_owned());
    }

    fn ended(&mut self, exited: Option<Exited>, now: Moment, effects: &mut Vec<Effect>) {
        let Phase::Ours(life) = self.phase else { return };
        let stopping = matches!(life, lifecycle::State::Stopping { .. });
        let was_ready = matches!(life, lifecycle::State::Ready { .. });
        match exited {
            Some(exited) if !stopping => {
                self.problem = Some(exited.problem);
                self.step(lifecycle::Event::Exited, now, effects);
                if exited.hopeless {
                    self.enter(Phase::Ours(lifecycle::State::Failed), now);
                } else if was_ready {
                    let rival_until = i64::try_from(RIVAL_WITHIN.as_millis()).unwrap_or(0);
                    self.retry_at = self.retry_at.max(now.wall_ms + rival_until);
                }
            }
            _ => self.step(lifecycle::Event::StopCompleted, now, effects),
        }
        if matches!(self.phase, Phase::Ours(lifecycle::State::Stopped)) {
            self.after_ours(now);
        }
    }

    fn step(&mut self, event: lifecycle::Event, now: Moment, effects: &mut Vec<Effect>) {
        let Phase::Ours(life) = self.phase else { return };
        if matches!(event, lifecycle::Event::Start | lifecycle::Event::Restart) {
            self.problem = None;
        }
        let (next, done) = lifecycle::step(life, event, now.instant);
        if std::mem::discriminant(&next) != std::mem::discriminant(&life) {
            self.since = now;
            self.silent = 0;
        }
        self.phase = Phase::Ours(next);
        if !matches!(next, lifecycle::State::Ready { .. }) {
            self.loaded.clear();
        }
        for effect in done {
            match effect {
                lifecycle::Effect::Launch => {
                    self.run += 1;
                    match self.program.clone() {
                        Some(program) => effects.push(Effect::Launch(self.run, program)),
                        None => self.enter(Phase::NotInstalled, now),
                    }
                }
                lifecycle::Effect::Halt => effects.push(Effect::Halt),
                // The next look after that time starts it, if nobody else has.
                lifecycle::Effect::ScheduleRetry(at) => self.retry_at = wall(at, now),
                lifecycle::Effect::CancelRetry => {}
                lifecycle::Effect::Report(happening) => effects.push(self.note(happening)),
            }
        }
    }

    fn note(&self, happening: Happening) -> Effect {
        let why = self.problem.as_ref().map(|problem| problem.message.clone());
        let (kind, sentence) = match happening {
            Happening::Started => (ActivityKind::ServerStarted, "Ollama was started.".to_owned()),
            Happening::Stopped => (ActivityKind::ServerStopped, "Ollama was stopped.".to_owned()),
            Happening::Crashed => {
                (ActivityKind::ServerCrashed, why.unwrap_or_else(|| "Ollama ended.".to_owned()))
            }
            Happening::GivenUp => (
                ActivityKind::ServerCrashed,
                "Ollama was given up after failing again and again.".to_owned(),
            ),
        };
        Effect::Note(kind, sentence)
    }
}

fn wall(at: Instant, now: Moment) -> i64 {
    let wait = at.saturating_duration_since(now.instant).as_millis();
    now.wall_ms.saturating_add(i64::try_from(wait).unwrap_or(i64::MAX))
}

/// Whether a version is from before what is known here. What is built by hand calls itself 0.0.0.
fn is_old(version: &str) -> bool {
    let mut numbers = version.split(['.', '-', '+']).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => {
            (major, minor) != (0, 0) && (major, minor) < OLDEST_KNOWN
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "life_tests.rs"]
mod tests;
