use super::*;

const WANTED: Wanted = Wanted { enabled: true, start: true, port: 11434, path: None };

struct World {
    life: Life,
    now: Moment,
    done: Vec<Effect>,
}

impl World {
    fn new(wanted: Wanted) -> Self {
        let now = Moment { instant: Instant::now(), wall_ms: 1_000_000 };
        Self { life: Life::new(wanted, now), now, done: Vec::new() }
    }

    fn pass(&mut self, seconds: u64) -> &mut Self {
        self.now.instant += Duration::from_secs(seconds);
        self.now.wall_ms += seconds as i64 * 1000;
        self
    }

    fn tell(&mut self, event: Event) -> &mut Self {
        self.done = self.life.apply(event, self.now);
        self
    }

    fn see(&mut self, probed: Probed) -> &mut Self {
        let looked = Looked {
            port: self.life.port(),
            probed,
            program: Some("/usr/bin/ollama".into()),
            searched: true,
            run_by: Some(OllamaRunBy::Service),
            holder: Some("python3".to_owned()),
            loaded: Some(Vec::new()),
        };
        self.tell(Event::Looked(looked))
    }

    /// Nothing answers, and its program is not there.
    fn see_nothing(&mut self) -> &mut Self {
        self.tell(Event::Looked(Looked {
            port: self.life.port(),
            probed: Probed::Refused,
            program: None,
            searched: true,
            run_by: None,
            holder: None,
            loaded: None,
        }))
    }

    fn end(&mut self, hopeless: bool) -> &mut Self {
        let exited = Exited { problem: Problem::new("It ended.", ""), hopeless };
        self.tell(Event::Ended(self.life.run, Some(exited)))
    }

    fn launches(&self) -> bool {
        self.done.iter().any(|effect| matches!(effect, Effect::Launch(..)))
    }

    fn state(&self) -> OllamaState {
        self.life.state()
    }
}

fn answers() -> Probed {
    Probed::Answers("0.33.0".to_owned())
}

/// One that runs, started by us.
fn ours() -> World {
    let mut world = World::new(WANTED);
    world.see(Probed::Refused);
    assert!(world.launches());
    world.pass(1).see(answers());
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
    assert_eq!(world.life.run_by, Some(OllamaRunBy::Drawbridge));
    world
}

#[test]
fn what_runs_already_is_used_and_never_touched() {
    let mut world = World::new(WANTED);
    world.see(answers());
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
    assert_eq!(world.life.run_by, Some(OllamaRunBy::Service));
    for event in [Event::Restart, Event::Start, Event::Quit] {
        world.tell(event.clone());
        assert!(
            !world.done.iter().any(|effect| matches!(effect, Effect::Launch(..) | Effect::Halt)),
            "{event:?}"
        );
    }
    assert!(!world.life.runs());
}

#[test]
fn it_is_started_only_where_the_person_wants_that() {
    let mut world = World::new(Wanted { start: false, ..WANTED });
    world.see(Probed::Refused);
    assert_eq!(world.state(), OllamaState::Stopped);
    assert!(!world.launches());
    world.tell(Event::Wanted(WANTED));
    assert_eq!(world.state(), OllamaState::Looking, "somebody may have been quicker");
    world.see(Probed::Refused);
    assert!(world.launches());
}

#[test]
fn without_its_program_it_is_not_installed() {
    let mut world = World::new(WANTED);
    world.see_nothing();
    assert_eq!(world.state(), OllamaState::NotInstalled);
    assert_eq!(world.life.next_look(), None, "nothing wakes until somebody asks");
    world.tell(Event::Look);
    assert_eq!(world.life.next_look(), Some(Duration::ZERO));
    assert_eq!(world.state(), OllamaState::NotInstalled, "nothing flickers meanwhile");
    world.see(answers());
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
    assert_eq!(world.life.next_look(), Some(Duration::from_secs(5)));
}

#[test]
fn a_stranger_at_its_port_is_named_and_left_alone() {
    let mut world = World::new(WANTED);
    world.see(Probed::Stranger);
    assert_eq!(world.state(), OllamaState::PortTaken { holder: Some("python3".to_owned()) });
    assert!(world.done.is_empty());
    let told = world.life.problem.clone().map(|problem| problem.message).unwrap_or_default();
    assert!(told.contains("11434") && told.contains("python3"), "{told}");
    world.see(Probed::Refused);
    assert!(world.launches(), "it is gone");
    assert_eq!(world.life.problem, None);

    for event in [Event::Restart, Event::Start, Event::Look, Event::Quit] {
        let mut world = World::new(WANTED);
        world.see(Probed::Stranger).tell(event.clone());
        assert!(world.done.is_empty(), "{event:?}: {:?}", world.done);
    }
}

#[test]
fn one_that_starts_is_waited_for() {
    let mut world = World::new(WANTED);
    world.see(Probed::Silent);
    assert!(matches!(world.state(), OllamaState::Starting { .. }));
    world.pass(100).see(Probed::Silent);
    assert!(matches!(world.state(), OllamaState::Starting { .. }), "its cards are looked for");
    world.pass(30).see(Probed::Silent);
    assert!(matches!(world.state(), OllamaState::NotResponding { .. }));
    world.see(answers());
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
}

#[test]
fn one_that_hangs_is_told_and_recovers() {
    for mut world in [ours(), {
        let mut world = World::new(WANTED);
        world.see(answers());
        world
    }] {
        world.pass(5).see(Probed::Silent).pass(5).see(Probed::Silent);
        assert!(matches!(world.state(), OllamaState::Ready { .. }), "a moment is no hang");
        world.pass(5).see(Probed::Silent);
        assert!(matches!(world.state(), OllamaState::NotResponding { .. }));
        assert!(world.done.is_empty(), "nobody is ended for it");
        world.pass(5).see(answers());
        assert!(matches!(world.state(), OllamaState::Ready { .. }));
    }
}

#[test]
fn one_that_is_lost_is_offline_and_taken_up_again() {
    let mut world = World::new(Wanted { start: false, ..WANTED });
    world.see(answers()).pass(5).see(Probed::Refused);
    assert_eq!(world.state(), OllamaState::Offline);
    world.pass(60).see(Probed::Refused);
    assert_eq!(world.state(), OllamaState::Offline, "it is not ours to start");
    world.see(answers());
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
    world.pass(5).see(Probed::Refused).tell(Event::Wanted(WANTED)).tell(Event::Start);
    world.see(Probed::Refused);
    assert!(world.launches(), "the person wants it at once");

    let mut world = World::new(WANTED);
    world.see(answers()).pass(5).see(Probed::Refused).pass(5).see(Probed::Refused);
    assert_eq!(world.state(), OllamaState::Offline, "a service restarts it within seconds");
    world.pass(15).see(Probed::Refused);
    assert!(world.launches(), "nobody else does");
}

#[test]
fn ours_is_started_again_after_a_pause_unless_somebody_else_did() {
    let mut world = ours();
    world.pass(100).end(false);
    assert!(matches!(world.state(), OllamaState::Waiting { attempt: 1, .. }));
    assert_eq!(world.life.problem.as_ref().map(|p| p.message.as_str()), Some("It ended."));
    world.pass(2).see(Probed::Refused);
    assert!(!world.launches(), "a rival has three seconds");
    world.pass(2).see(Probed::Refused);
    assert!(world.launches());
    assert!(matches!(world.state(), OllamaState::Starting { .. }));

    let mut world = ours();
    world.pass(100).end(false).pass(1).see(answers());
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
    assert_eq!(world.life.run_by, Some(OllamaRunBy::Service), "it is theirs");
    assert!(world.life.notice().is_some() && !world.life.runs());

    let mut world = ours();
    world.pass(100).end(false).pass(1).see(Probed::Stranger);
    assert!(matches!(world.state(), OllamaState::PortTaken { .. }));
}

#[test]
fn one_that_fails_again_and_again_is_given_up_and_one_without_hope_at_once() {
    let mut world = World::new(WANTED);
    world.see(Probed::Refused);
    for _ in 0..20 {
        world.end(false).pass(60).see(Probed::Refused);
    }
    assert_eq!(world.state(), OllamaState::Failed);
    assert!(!world.launches());
    world.tell(Event::Start);
    assert_eq!(world.life.problem, None, "the person tries again");
    world.see(Probed::Refused);
    assert!(world.launches());

    world.end(true);
    assert_eq!(world.state(), OllamaState::Failed);
}

#[test]
fn a_start_that_comes_to_nothing_is_given_up_after_two_minutes() {
    let mut world = World::new(WANTED);
    world.see(Probed::Refused).pass(119).see(Probed::Silent);
    assert!(matches!(world.state(), OllamaState::Starting { .. }));
    world.pass(2).see(Probed::Silent);
    assert!(world.done.contains(&Effect::Halt));
    assert!(matches!(world.state(), OllamaState::Waiting { .. }));
}

#[test]
fn it_ends_with_us_and_when_it_is_not_wanted() {
    let mut world = ours();
    world.tell(Event::Quit);
    assert_eq!(world.done, [Effect::Halt]);
    assert!(world.life.runs());
    let run = world.life.run;
    world.tell(Event::Ended(run, None));
    assert!(!world.life.runs());
    assert_eq!(world.state(), OllamaState::Off);

    let mut world = ours();
    world.tell(Event::Wanted(Wanted { start: false, ..WANTED }));
    assert_eq!(world.state(), OllamaState::Stopping);
    let run = world.life.run;
    world.tell(Event::Ended(run, None)).see(Probed::Refused);
    assert_eq!(world.state(), OllamaState::Stopped);

    let mut world = ours();
    world.tell(Event::Wanted(Wanted { enabled: false, ..WANTED }));
    let run = world.life.run;
    world.tell(Event::Ended(run, None));
    assert_eq!(world.state(), OllamaState::Off);
}

#[test]
fn what_was_seen_of_another_port_or_an_earlier_run_counts_for_nothing() {
    let mut world = World::new(WANTED);
    world.tell(Event::Wanted(Wanted { port: 5, ..WANTED }));
    let late = Looked {
        port: 11434,
        probed: answers(),
        program: None,
        searched: true,
        run_by: None,
        holder: None,
        loaded: None,
    };
    world.tell(Event::Looked(late));
    assert_eq!(world.state(), OllamaState::Looking);

    let mut world = ours();
    let exited = Exited { problem: Problem::new("x", ""), hopeless: false };
    world.tell(Event::Ended(0, Some(exited)));
    assert!(matches!(world.state(), OllamaState::Ready { .. }));
}

#[test]
fn an_old_version_is_told() {
    for (version, old) in [
        ("0.33.0", false),
        ("0.30.0-rc1", false),
        ("1.0.0", false),
        ("0.29.9", true),
        ("0.5.7", true),
        ("0.0.0", false),
        ("dev", false),
    ] {
        assert_eq!(is_old(version), old, "{version}");
    }
    let mut world = World::new(WANTED);
    world.see(Probed::Answers("0.5.7".to_owned()));
    assert!(world.life.notice().is_some_and(|notice| notice.contains("0.5.7")));
}

#[test]
fn a_program_that_vanished_is_told_and_taken_up_when_it_is_back() {
    let mut world = ours();
    world.end(false);
    assert!(matches!(world.state(), OllamaState::Waiting { .. }));
    world.pass(60).see_nothing();
    assert_eq!(world.state(), OllamaState::NotInstalled);
    assert!(!world.life.runs() && !world.launches());
    world.tell(Event::Start).see(Probed::Refused);
    assert!(world.launches());
}

#[test]
fn another_program_is_looked_for_where_none_runs() {
    let another = Wanted { path: Some("/opt/ollama".to_owned()), ..WANTED };
    let mut world = ours();
    world.tell(Event::Wanted(another.clone()));
    assert!(matches!(world.state(), OllamaState::Ready { .. }), "it waits for the restart");
    let mut world = ours();
    world.end(true);
    assert_eq!(world.state(), OllamaState::Failed);
    world.tell(Event::Wanted(another)).see(Probed::Refused);
    assert!(world.launches());
}

#[test]
fn a_notice_lasts_as_long_as_what_it_is_about() {
    let mut world = World::new(WANTED);
    world.see(Probed::Answers("0.5.7".to_owned()));
    assert!(world.life.notice().is_some());
    world.pass(5).see(Probed::Answers("0.33.0".to_owned()));
    assert_eq!(world.life.notice(), None, "it was updated");
    let mut world = ours();
    world.end(false);
    world.pass(2).see(answers());
    assert!(world.life.notice().is_some_and(|notice| notice.contains("in place of ours")));
    world.pass(5).see(Probed::Refused);
    assert_eq!(world.life.notice(), None, "it is gone");
}

#[test]
fn silence_counts_from_when_it_began() {
    let mut world = ours();
    world.pass(3600).see(Probed::Silent);
    let began = world.now.wall_ms;
    world.pass(5).see(Probed::Silent).pass(5).see(Probed::Silent);
    assert_eq!(world.state(), OllamaState::NotResponding { since: began });
}
