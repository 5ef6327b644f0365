//! Looks up what `${secret:NAME}` and `${env:NAME}` stand for, at the moment it is needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use drawbridge_model::{Launch, Problem};
use drawbridge_secrets::SecretStore;
use drawbridge_supervisor::ResolvedLaunch;
use tokio_util::task::TaskTracker;

use crate::config::template::{self, Reference};

/// One text with its references resolved.
pub(crate) async fn resolve(
    text: &str,
    secrets: &Arc<dyn SecretStore>,
    tasks: &TaskTracker,
) -> Result<String, Problem> {
    let (resolved, _) = resolve_all(vec![text.to_owned()], secrets, tasks).await?;
    resolved.into_iter().next().ok_or_else(|| Problem::new("A value was lost on the way.", ""))
}

/// How a program is started, with all references resolved, and the secrets that are in it.
pub(crate) async fn resolve_launch(
    launch: &Launch,
    secrets: &Arc<dyn SecretStore>,
    tasks: &TaskTracker,
) -> Result<(ResolvedLaunch, Vec<String>), Problem> {
    let texts = [launch.command.clone()]
        .into_iter()
        .chain(launch.args.iter().cloned())
        .chain(launch.env.values().cloned())
        .collect();
    let (resolved, found) = resolve_all(texts, secrets, tasks).await?;
    let mut resolved = resolved.into_iter();
    let command = resolved.next().unwrap_or_default();
    let args = resolved.by_ref().take(launch.args.len()).collect();
    let env = launch.env.keys().cloned().zip(resolved).collect();
    Ok((ResolvedLaunch { command, args, env, cwd: launch.cwd.clone() }, found))
}

/// Headers with all references resolved, and the secrets that are in them.
pub(crate) async fn resolve_headers(
    headers: &BTreeMap<String, String>,
    secrets: &Arc<dyn SecretStore>,
    tasks: &TaskTracker,
) -> Result<(BTreeMap<String, String>, Vec<String>), Problem> {
    let texts = headers.values().cloned().collect();
    let (values, found) = resolve_all(texts, secrets, tasks).await?;
    Ok((headers.keys().cloned().zip(values).collect(), found))
}

async fn resolve_all(
    texts: Vec<String>,
    secrets: &Arc<dyn SecretStore>,
    tasks: &TaskTracker,
) -> Result<(Vec<String>, Vec<String>), Problem> {
    // A keyring may ask its person for a password: that wait is not for a thread that serves apps.
    if texts.iter().all(|text| !text.contains("${secret:")) {
        let resolved = texts.iter().map(|text| resolve_here(text, None, &mut Vec::new()));
        return Ok((resolved.collect::<Result<_, _>>()?, Vec::new()));
    }
    let secrets = Arc::clone(secrets);
    tasks
        .spawn_blocking(move || {
            let mut found = Vec::new();
            let keyring = Some(secrets.as_ref());
            let resolved = texts.iter().map(|text| resolve_here(text, keyring, &mut found));
            Ok((resolved.collect::<Result<_, _>>()?, found))
        })
        .await
        .map_err(|error| Problem::new("A secret could not be looked up.", error.to_string()))?
}

fn resolve_here(
    text: &str,
    secrets: Option<&dyn SecretStore>,
    found: &mut Vec<String>,
) -> Result<String, Problem> {
    template::resolve(text, |reference| match reference {
        Reference::Env(name) => Ok(std::env::var(name).ok()),
        Reference::Secret(name) => match secrets {
            Some(secrets) => secrets
                .get(name)
                .map(|secret| secret.map(|secret| secret.expose().to_owned()))
                .inspect(|secret| found.extend(secret.clone()))
                .map_err(|error| error.problem()),
            None => Ok(None),
        },
    })
    .map_err(|error| error.problem())
}
