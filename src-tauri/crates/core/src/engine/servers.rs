//! Adding, editing, removing, starting and watching servers.

use std::path::Path;

use drawbridge_model::{Preset, Problem, ServerName, ToolName, Transport};
use drawbridge_supervisor::{LogBook, LogLine as Line, LogSource as Source};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::activity::indented;
use super::failure::{draft_failed, edit_failed, no_such_server, quitting};
use crate::bridge::{CommandError, ErrorCode, PanelEvent};
use crate::config::edit::{Edit, RemovedText};
use crate::controller::{Event, Seen, start_of, tool_view};
use crate::findings::Findings;
use crate::view::{
    DraftTransport, FirstModes, LogLine, LogSource, RemovedServer, ServerDraft, Snapshot,
    StartPreview, ToolDetail,
};
use crate::{draft, snippet};

/// Lines of a log that are shown when it is opened.
const LOG_LINES: usize = 500;

impl Engine {
    /// How everything stands now.
    ///
    /// # Errors
    /// None; commands share one shape.
    pub async fn snapshot(&self) -> Result<Snapshot, CommandError> {
        Ok(self.current_snapshot().as_ref().clone())
    }

    /// Starts a server that was stopped or given up.
    ///
    /// # Errors
    /// When there is no such server, or it waits for the person to agree to its start.
    pub async fn start_server(&self, server: ServerName) -> Result<(), CommandError> {
        self.may_start(&server)?;
        self.0.controller.tell(Event::Start(server)).await;
        Ok(())
    }

    /// Stops a server until it is started again or its configuration changes.
    ///
    /// # Errors
    /// When there is no such server.
    pub async fn stop_server(&self, server: ServerName) -> Result<(), CommandError> {
        self.known(&server)?;
        self.0.controller.tell(Event::Stop(server)).await;
        Ok(())
    }

    /// Stops a server and starts it again.
    ///
    /// # Errors
    /// When there is no such server, or it waits for the person to agree to its start.
    pub async fn restart_server(&self, server: ServerName) -> Result<(), CommandError> {
        self.may_start(&server)?;
        self.0.controller.tell(Event::Restart(server)).await;
        Ok(())
    }

    /// A tool with its schemas.
    ///
    /// # Errors
    /// When the server does not offer that tool any more.
    pub async fn tool_detail(
        &self,
        server: ServerName,
        tool: ToolName,
    ) -> Result<ToolDetail, CommandError> {
        let catalog = self.0.catalog.snapshot();
        let Some((_, found)) = catalog.tool_of(server.as_str(), tool.as_str()) else {
            return Err(CommandError::new(
                ErrorCode::Other,
                format!("\"{server}\" does not offer \"{tool}\" any more."),
                "",
            ));
        };
        let snapshot = self.current_snapshot();
        let view = snapshot
            .servers
            .iter()
            .find(|view| view.name == server)
            .and_then(|view| view.tools.iter().find(|view| view.name == tool))
            .cloned()
            .unwrap_or_else(|| {
                tool_view(found, None, Seen { pins: None, findings: &Findings::default() })
            });
        Ok(ToolDetail {
            tool: view,
            input_schema: found
                .input_schema()
                .map_or_else(|| "{}".to_owned(), |schema| indented(schema.get())),
            output_schema: found.output_schema().map(|schema| indented(schema.get())),
        })
    }

    /// Reads servers out of a pasted snippet. Nothing is added.
    ///
    /// # Errors
    /// Says in which line of the snippet what is wrong.
    pub async fn read_snippet(&self, text: String) -> Result<Vec<ServerDraft>, CommandError> {
        snippet::read(&text).map_err(|error| CommandError {
            code: ErrorCode::InvalidInput,
            problem: error.problem(),
        })
    }

    /// What starting a drafted server would do. `replaces` is the server being edited.
    ///
    /// # Errors
    /// None: what keeps the draft from being added stands in the preview.
    pub async fn preview_start(
        &self,
        draft: ServerDraft,
        replaces: Option<ServerName>,
    ) -> Result<StartPreview, CommandError> {
        let resolved = match &draft.transport {
            DraftTransport::Local { command, cwd, .. } if !command.trim().is_empty() => {
                self.0.launcher.find(command.trim(), cwd.as_deref().map(Path::new)).await
            }
            _ => None,
        };
        let problem = self.draft_problem(&draft, replaces.as_ref());
        let cautions = snippet::cautions(&draft);
        Ok(draft::preview_of(draft, resolved, cautions, problem))
    }

    /// Adds a server the person agreed to start.
    ///
    /// # Errors
    /// When the draft is not whole, the name is taken, or the config cannot be written.
    pub async fn add_server(
        &self,
        draft: ServerDraft,
        first_modes: FirstModes,
    ) -> Result<(), CommandError> {
        let loaded = self.0.store.loaded();
        let taken = |name: &str| loaded.config.server(name).is_some();
        let mut definition = snippet::check(&draft, taken, None).map_err(draft_failed)?;
        definition.preset = match first_modes {
            FirstModes::KeepOff => Preset::Off,
            FirstModes::LetRun => Preset::Allow,
        };
        let name = definition.name.clone();
        let start = start_of(&definition.transport);
        self.write_agreed(name.clone(), start, None, Edit::AddServer(definition)).await?;
        self.note(format!("Server \"{name}\" added"), Some(name));
        Ok(())
    }

    /// A configured server as a draft to edit, values left out.
    ///
    /// # Errors
    /// When there is no such server, or it is built in.
    pub async fn server_draft(&self, server: ServerName) -> Result<ServerDraft, CommandError> {
        let loaded = self.0.store.loaded();
        let definition =
            loaded.config.server(server.as_str()).ok_or_else(|| no_such_server(&server))?;
        match definition.transport {
            Transport::BuiltIn => Err(CommandError::new(
                ErrorCode::Other,
                format!("\"{server}\" is built in. It can be switched off, but not edited."),
                "",
            )),
            _ => Ok(snippet::describe(definition)),
        }
    }

    /// Changes a server the person agreed to start. It is started afresh.
    ///
    /// # Errors
    /// As [`Engine::add_server`].
    pub async fn edit_server(
        &self,
        server: ServerName,
        draft: ServerDraft,
    ) -> Result<(), CommandError> {
        let loaded = self.0.store.loaded();
        let stored =
            loaded.config.server(server.as_str()).ok_or_else(|| no_such_server(&server))?;
        let taken = |name: &str| loaded.config.server(name).is_some();
        let definition = snippet::check(&draft, taken, Some(stored)).map_err(draft_failed)?;
        let (name, start) = (definition.name.clone(), start_of(&definition.transport));
        let edit = Edit::ReplaceServer { server: server.clone(), with: Box::new(definition) };
        self.write_agreed(name, start, Some(server.clone()), edit).await?;
        self.note(format!("Server \"{server}\" changed"), Some(server));
        Ok(())
    }

    /// Removes a server.
    ///
    /// # Errors
    /// When there is no such server, it is built in, or the config cannot be written.
    pub async fn remove_server(&self, server: ServerName) -> Result<RemovedServer, CommandError> {
        let loaded = self.0.store.loaded();
        let definition =
            loaded.config.server(server.as_str()).ok_or_else(|| no_such_server(&server))?;
        let start = start_of(&definition.transport);
        let engine = self.clone();
        let name = server.clone();
        let removed = self.0.edits.run(async move {
            let (_, removed) = engine.0.store.remove_server(name).await.map_err(edit_failed)?;
            engine.0.controller.reload().await;
            Ok::<RemovedText, CommandError>(removed)
        });
        let removed = removed.await.unwrap_or_else(|| Err(quitting()))?;
        self.0.controller.tell(Event::ServerRemoved(server.clone())).await;
        self.note(format!("Server \"{server}\" removed"), Some(server.clone()));
        Ok(RemovedServer { name: server, undo: self.0.removed.put((removed, start)) })
    }

    /// Puts a removed server back.
    ///
    /// # Errors
    /// When that was done already, or the config cannot be written.
    pub async fn restore_server(&self, undo: String) -> Result<(), CommandError> {
        let (removed, start) = self.0.removed.take(&undo).ok_or_else(|| {
            CommandError::new(ErrorCode::Other, "This cannot be undone any more.", "")
        })?;
        let name = removed.name().clone();
        let edit = Edit::RestoreServer(Box::new(removed));
        self.write_agreed(name.clone(), start, None, edit).await?;
        self.note(format!("Server \"{name}\" put back"), Some(name));
        Ok(())
    }

    /// The last lines of a server's log. While `watch` is set, later ones follow as events; one
    /// server is watched at a time.
    ///
    /// # Errors
    /// When there is no such server.
    pub async fn server_log(
        &self,
        server: ServerName,
        watch: bool,
    ) -> Result<Vec<LogLine>, CommandError> {
        self.known(&server)?;
        let log = self.0.launcher.logs.of(&server);
        let watch = watch.then_some(&self.0.log_watch);
        Ok(self.read_log(log, watch, PanelEvent::LogAppended))
    }

    /// The last lines of a log. With `watch`, later ones follow as events until that is set anew.
    pub(super) fn read_log(
        &self,
        log: LogBook,
        watch: Option<&watch::Sender<CancellationToken>>,
        event: fn(Vec<LogLine>) -> PanelEvent,
    ) -> Vec<LogLine> {
        let mut lines = log.follow();
        let tail: Vec<_> = log.tail(LOG_LINES).into_iter().map(line_view).collect();
        drop(log);
        if let Some(watch) = watch {
            let token = self.0.stop.child_token();
            watch.send_replace(token.clone()).cancel();
            let events = self.0.events.clone();
            let seen = tail.last().map_or(0, |line| line.seq);
            self.0.tasks.spawn(async move {
                loop {
                    let line = tokio::select! {
                        line = lines.recv() => line,
                        () = token.cancelled() => return,
                    };
                    let line = match line {
                        Ok(line) => line,
                        // A flood: the panel shows what comes next, and the log file has it all.
                        Err(RecvError::Lagged(_)) => continue,
                        Err(RecvError::Closed) => return,
                    };
                    let mut batch = vec![line_view(line)];
                    while let Ok(line) = lines.try_recv() {
                        batch.push(line_view(line));
                    }
                    batch.retain(|line| line.seq > seen);
                    if !batch.is_empty() {
                        let _ = events.send(event(batch));
                    }
                }
            });
        }
        tail
    }

    /// Ends watching a log.
    ///
    /// # Errors
    /// None; commands share one shape.
    pub async fn stop_log(&self) -> Result<(), CommandError> {
        self.0.log_watch.send_replace(CancellationToken::new()).cancel();
        Ok(())
    }

    fn may_start(&self, server: &ServerName) -> Result<(), CommandError> {
        self.known(server)?;
        let view = self.server_view(server)?;
        let sentence = if view.start_waits {
            format!("\"{server}\" was added or changed outside Drawbridge. Look at it first.")
        } else if !view.enabled {
            format!("\"{server}\" is switched off. Switch it on to start it.")
        } else {
            return Ok(());
        };
        Err(CommandError::new(ErrorCode::Other, sentence, ""))
    }

    fn draft_problem(&self, draft: &ServerDraft, replaces: Option<&ServerName>) -> Option<Problem> {
        let loaded = self.0.store.loaded();
        let stored = replaces.and_then(|name| loaded.config.server(name.as_str()));
        let taken = |name: &str| loaded.config.server(name).is_some();
        snippet::check(draft, taken, stored).err().map(|error| error.problem())
    }
}

fn line_view(line: Line) -> LogLine {
    LogLine {
        seq: line.seq,
        at: line.at,
        source: match line.source {
            Source::Stderr => LogSource::Stderr,
            Source::Stdout => LogSource::Stdout,
            Source::Drawbridge => LogSource::Drawbridge,
        },
        text: line.text.to_string(),
    }
}
