//! Switching tools and servers. What is switched off counts at once, in the policy and over a
//! restart, before it is written to the config; what is allowed counts once it is written.

use drawbridge_audit::{Note, SwitchedOff};
use drawbridge_model::{Mode, Preset, RecordRule, SecretsRule, ServerName, ToolName};

use super::Engine;
use super::failure::{edit_failed, no_such_server, quitting};
use crate::bridge::CommandError;
use crate::config::edit::Edit;
use crate::controller::{Event, setting_note};

impl Engine {
    /// Sets one tool's mode.
    ///
    /// # Errors
    /// When the server is unknown or the config cannot be written. A tool that was switched off
    /// stays off all the same.
    pub async fn set_tool_mode(
        &self,
        server: ServerName,
        tool: ToolName,
        mode: Mode,
    ) -> Result<(), CommandError> {
        let edit =
            Edit::SetToolModes { server: server.clone(), modes: vec![(tool.clone(), Some(mode))] };
        let word = match mode {
            Mode::Off => "Off",
            Mode::Ask => "Ask",
            Mode::AskEveryTime => "Ask every time",
            Mode::Allow => "Allow",
        };
        self.note(format!("\"{tool}\" set to {word}"), Some(server.clone()));
        self.switch(SwitchedOff { server, tool: Some(tool) }, mode, vec![edit]).await
    }

    /// Sets the mode of all tools of a server. Off covers tools the server adds later as well;
    /// the other modes cover only those it has.
    ///
    /// # Errors
    /// As [`Engine::set_tool_mode`].
    pub async fn set_all_tools(&self, server: ServerName, mode: Mode) -> Result<(), CommandError> {
        let snapshot = self.current_snapshot();
        let Some(view) = snapshot.servers.iter().find(|view| view.name == server) else {
            return Err(no_such_server(&server));
        };
        let modes = view.tools.iter().map(|tool| (tool.name.clone(), Some(mode))).collect();
        let mut edits = vec![Edit::SetToolModes { server: server.clone(), modes }];
        if mode == Mode::Off {
            edits.push(Edit::SetPreset { server: server.clone(), preset: Preset::Off });
        }
        self.note(format!("All tools set to {mode:?}"), Some(server.clone()));
        self.switch(SwitchedOff { server, tool: None }, mode, edits).await
    }

    /// Sets the mode of a server's tools without one of their own, and then lets those run that the
    /// person confirmed: which tools only read is what the server claims, so it is asked once and
    /// written out as modes of those tools. Counts once it is written, whatever the preset: what has
    /// to be off at once is switched by [`Engine::set_tool_mode`] and [`Engine::set_all_tools`].
    ///
    /// # Errors
    /// When the server is unknown or the config cannot be written.
    pub async fn set_preset(
        &self,
        server: ServerName,
        preset: Preset,
        allowed: Vec<ToolName>,
    ) -> Result<(), CommandError> {
        self.known(&server)?;
        let word = match preset {
            Preset::Ask => "ask first",
            Preset::Read => "reading runs, the rest asks",
            Preset::Allow => "run everything",
            Preset::Off => "off",
        };
        self.note(format!("Tools without a mode of their own: {word}"), Some(server.clone()));
        let mut edits = vec![Edit::SetPreset { server: server.clone(), preset }];
        if !allowed.is_empty() {
            let modes = allowed.into_iter().map(|tool| (tool, Some(Mode::Allow))).collect();
            edits.push(Edit::SetToolModes { server, modes });
        }
        self.edit(edits).await
    }

    /// Switches a server on or off.
    ///
    /// # Errors
    /// When the server is unknown or the config cannot be written. A server that was switched off
    /// is stopped all the same.
    pub async fn set_server_enabled(
        &self,
        server: ServerName,
        enabled: bool,
    ) -> Result<(), CommandError> {
        self.known(&server)?;
        if !enabled {
            self.0.controller.tell(Event::Stop(server.clone())).await;
        }
        let word = if enabled { "switched on" } else { "switched off" };
        self.note(format!("\"{server}\" {word}"), Some(server.clone()));
        self.edit(vec![Edit::SetEnabled { server, enabled }]).await
    }

    /// Says what is done about keys, tokens and passwords in a server's arguments and results.
    ///
    /// # Errors
    /// When the server is unknown or the config cannot be written.
    pub async fn set_secrets_rule(
        &self,
        server: ServerName,
        rule: SecretsRule,
    ) -> Result<(), CommandError> {
        self.known(&server)?;
        let word = match rule {
            SecretsRule::Mark => "marked",
            SecretsRule::Mask => "masked",
            SecretsRule::Block => "blocked",
        };
        self.note(format!("Keys and tokens are {word}"), Some(server.clone()));
        self.edit(vec![Edit::SetSecretsRule { server, rule }]).await
    }

    /// Says how much of the content of a server's calls is kept on record.
    ///
    /// # Errors
    /// When the server is unknown or the config cannot be written.
    pub async fn set_record_rule(
        &self,
        server: ServerName,
        rule: RecordRule,
    ) -> Result<(), CommandError> {
        self.known(&server)?;
        let kept = match rule {
            RecordRule::Content => "What its calls hold is kept on record",
            RecordRule::Shapes => "Only names and shapes of what its calls hold are kept on record",
            RecordRule::Nothing => "Nothing of what its calls hold is kept on record",
        };
        self.note(kept.to_owned(), Some(server.clone()));
        self.edit(vec![Edit::SetRecordRule { server, rule }]).await
    }

    async fn switch(
        &self,
        switch: SwitchedOff,
        mode: Mode,
        edits: Vec<Edit>,
    ) -> Result<(), CommandError> {
        self.known(&switch.server)?;
        // All places are taken before anything is waited for: of two choices that are made one
        // right after the other, the later one is written later.
        let switched = match mode {
            Mode::Off => {
                let off = Event::SwitchedOff(switch.clone());
                Some(self.0.controller.begin_to_tell(off).await)
            }
            _ => None,
        };
        let ticket = self.0.controller.ticket().await;
        let engine = self.clone();
        let written = self.0.edits.run(async move {
            let ticket = ticket.await.map_err(|_| quitting())?;
            engine.write(edits).await?;
            engine.0.controller.tell(Event::SwitchWritten(switch, ticket)).await;
            Ok(())
        });
        // The switch is kept over a restart before it is in the config, whichever is slower.
        let kept = async {
            if let Some(switched) = switched {
                let _ended = switched.await;
            }
            self.kept_is_written().await;
        };
        let (written, ()) = tokio::join!(written, kept);
        written.unwrap_or_else(|| Err(quitting()))
    }

    /// Writes changes to the config, after all that were asked for before, and puts them in force.
    pub(super) async fn edit(&self, edits: Vec<Edit>) -> Result<(), CommandError> {
        let engine = self.clone();
        let written = self.0.edits.run(async move { engine.write(edits).await }).await;
        written.unwrap_or_else(|| Err(quitting()))
    }

    async fn write(&self, edits: Vec<Edit>) -> Result<(), CommandError> {
        for edit in edits {
            self.0.store.apply(edit).await.map_err(edit_failed)?;
        }
        self.0.controller.reload().await;
        Ok(())
    }

    /// Waits until pause and switches are kept over a restart, or could not be.
    pub(super) async fn kept_is_written(&self) {
        let wanted = self.0.kept.borrow().revision;
        let mut written = self.0.kept_written.clone();
        let _ = written.wait_for(|revision| *revision >= wanted).await;
    }

    pub(super) fn known(&self, server: &ServerName) -> Result<(), CommandError> {
        match self.0.store.loaded().config.server(server.as_str()) {
            Some(_) => Ok(()),
            None => Err(no_such_server(server)),
        }
    }

    /// Puts on record that a person changed something.
    pub(super) fn note(&self, text: String, server: Option<ServerName>) {
        self.put_on_record(setting_note(text, server));
    }

    /// Puts something that a person did on record, without waiting for it.
    pub(super) fn put_on_record(&self, note: Note) {
        let record = self.0.record.clone();
        self.0.tasks.spawn(async move {
            if let Err(error) = record.note(note).await {
                tracing::warn!(%error, "what a person did was not put on record");
            }
        });
    }
}
