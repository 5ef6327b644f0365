//! What the person has looked at: tools that are new or changed, and starts that were changed
//! outside the panel.

use std::path::Path;

use drawbridge_model::{ServerName, ToolName};
use drawbridge_policy::Fingerprint;

use super::Engine;
use super::failure::no_such_server;
use crate::bridge::{CommandError, ErrorCode};
use crate::config::edit::Edit;
use crate::controller::{Event, shown, start_of};
use crate::view::{
    DiffKind, DiffPiece, DraftTransport, SeenTool, ServerView, StartReview, ToolDifference,
};
use crate::{difference, draft, snippet};

impl Engine {
    /// What is new or changed about the tools of a server that are held back.
    ///
    /// # Errors
    /// When there is no such server.
    pub async fn tool_differences(
        &self,
        server: ServerName,
    ) -> Result<Vec<ToolDifference>, CommandError> {
        let view = self.server_view(&server)?;
        let pins = self.0.controller.pins(&server).await.unwrap_or_default();
        let difference = |(name, held): (&ToolName, &drawbridge_policy::HeldTool)| {
            let tool = view.tools.iter().find(|tool| tool.name == *name)?.clone();
            let before = pins.tools.get(name).map(|pin| pin.definition.as_ref());
            Some(ToolDifference {
                tool,
                fingerprint: held.fingerprint.to_string(),
                fields: difference::fields(before, &held.definition),
            })
        };
        Ok(pins.held.iter().filter_map(difference).collect())
    }

    /// Lets apps use tools the person has looked at, each as it was shown. Counts at once.
    ///
    /// # Errors
    /// When one of them is not held back any more as it was shown: then none of them is accepted.
    pub async fn accept_tools(
        &self,
        server: ServerName,
        tools: Vec<SeenTool>,
    ) -> Result<(), CommandError> {
        self.known(&server)?;
        let held = self.0.controller.pins(&server).await.unwrap_or_default().held;
        let mut accepted = Vec::new();
        for SeenTool { name, fingerprint } in tools {
            let now = held.get(&name).map(|held| held.fingerprint);
            match fingerprint.parse::<Fingerprint>() {
                Ok(shown) if now == Some(shown) => accepted.push((name, shown)),
                _ => {
                    return Err(CommandError::new(
                        ErrorCode::Other,
                        format!("\"{name}\" changed again since it was shown. Look at it anew."),
                        "",
                    ));
                }
            }
        }
        self.0.controller.tell(Event::ToolsAccepted { server, tools: accepted }).await;
        self.kept_is_written().await;
        Ok(())
    }

    /// How a server would be started that waits for the person to agree.
    ///
    /// # Errors
    /// When there is no such server.
    pub async fn start_review(&self, server: ServerName) -> Result<StartReview, CommandError> {
        let loaded = self.0.store.loaded();
        let definition =
            loaded.config.server(server.as_str()).ok_or_else(|| no_such_server(&server))?;
        let described = snippet::describe(definition);
        let resolved = match &described.transport {
            DraftTransport::Local { command, cwd, .. } => {
                self.0.launcher.find(command, cwd.as_deref().map(Path::new)).await
            }
            DraftTransport::Remote { .. } => None,
        };
        let cautions = snippet::cautions(&described);
        let pins = self.0.controller.pins(&server).await;
        let now = shown(&definition.transport);
        let difference = match pins {
            None => Vec::new(),
            // Values are not shown, so a difference in them is told and not shown.
            Some(pins) if pins.start_shown == now => vec![
                DiffPiece { kind: DiffKind::Same, text: now },
                DiffPiece { kind: DiffKind::Added, text: "\n(values changed)".to_owned() },
            ],
            Some(pins) => difference::words(&pins.start_shown, &now),
        };
        Ok(StartReview {
            preview: draft::preview_of(described, resolved, cautions, None),
            difference,
            fingerprint: start_of(&definition.transport).to_string(),
        })
    }

    /// Starts a server as it was shown.
    ///
    /// # Errors
    /// When it was changed since then, or is gone.
    pub async fn agree_to_start(
        &self,
        server: ServerName,
        fingerprint: String,
    ) -> Result<(), CommandError> {
        let loaded = self.0.store.loaded();
        let definition =
            loaded.config.server(server.as_str()).ok_or_else(|| no_such_server(&server))?;
        let start = start_of(&definition.transport);
        if start.to_string() != fingerprint {
            return Err(CommandError::new(
                ErrorCode::Other,
                format!("How \"{server}\" is started changed again. Look at it anew."),
                "",
            ));
        }
        self.note(format!("Agreed to how \"{server}\" is started"), Some(server.clone()));
        self.0.controller.tell(Event::AgreeToStart { server, start, replaces: None }).await;
        self.kept_is_written().await;
        Ok(())
    }

    /// Writes a server whose start the person agreed to, perhaps in the place of another.
    pub(super) async fn write_agreed(
        &self,
        server: ServerName,
        start: Fingerprint,
        replaces: Option<ServerName>,
        edit: Edit,
    ) -> Result<(), CommandError> {
        let agreed = Event::AgreeToStart { server: server.clone(), start, replaces };
        self.0.controller.tell(agreed).await;
        let written = self.edit(vec![edit]).await;
        if written.is_err() {
            self.0.controller.tell(Event::StartNotWritten(server)).await;
        }
        written
    }

    pub(super) fn server_view(&self, server: &ServerName) -> Result<ServerView, CommandError> {
        let snapshot = self.current_snapshot();
        let view = snapshot.servers.iter().find(|view| view.name == *server);
        view.cloned().ok_or_else(|| no_such_server(server))
    }
}
