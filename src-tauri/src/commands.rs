//! The panel's commands: one for each entry of the lists in [`drawbridge_core::bridge`], so that
//! each can be granted by name. They pass on what they are given and decide nothing.

use drawbridge_core::bridge::CommandError;
use drawbridge_core::view::*;
use drawbridge_core::{desktop_commands, engine_commands};
use drawbridge_model::{ClientName, Mode, Preset, RecordRule, SecretsRule, ServerName, ToolName};
use tauri::ipc::Invoke;
use tauri::{State, Wry};

use crate::shell::Shell;

macro_rules! commands_of_the_engine {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        mod engine {
            use super::*;
            $(
                $(#[$doc])*
                #[tauri::command]
                pub(super) async fn $name(
                    shell: State<'_, Shell>,
                    $($argument: $type),*
                ) -> Result<$result, CommandError> {
                    shell.engine().$name($($argument),*).await
                }
            )*

            pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];

            pub(super) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
                tauri::generate_handler![$($name),*]
            }
        }
    };
}

macro_rules! commands_of_the_desktop {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
        mod desktop {
            use super::*;
            $(
                $(#[$doc])*
                #[tauri::command]
                pub(super) async fn $name(
                    shell: State<'_, Shell>,
                    $($argument: $type),*
                ) -> Result<$result, CommandError> {
                    shell.$name($($argument),*).await
                }
            )*

            pub(super) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
                tauri::generate_handler![$($name),*]
            }
        }
    };
}

engine_commands!(commands_of_the_engine);
desktop_commands!(commands_of_the_desktop);

/// Answers every command the panel is granted.
pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    let (engine, desktop) = (engine::handler(), desktop::handler());
    move |invoke| {
        if engine::NAMES.contains(&invoke.message.command()) {
            engine(invoke)
        } else {
            desktop(invoke)
        }
    }
}
