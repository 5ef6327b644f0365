//! Looks up what `${secret:NAME}` and `${env:NAME}` stand for, at the moment it is needed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use drawbridge_model::{Launch, Problem};
use drawbridge_secrets::SecretStore;
use drawbridge_supervisor::ResolvedLaunch;
use tokio::task::JoinHandle;
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
        let mut found = Vec::new();
        let resolved = texts.iter().map(|text| resolve_here(text, None, &mut found));
        return Ok((resolved.collect::<Result<_, _>>()?, found));
    }
    let secrets = Arc::clone(secrets);
    let looking = tasks.spawn_blocking(move || {
        let mut found = Vec::new();
        let keyring = Some(secrets.as_ref());
        let resolved = texts.iter().map(|text| resolve_here(text, keyring, &mut found));
        Ok((resolved.collect::<Result<_, _>>()?, found))
    });
    keyring_answers(looking).await?
}

/// How long a keyring may take: it may be asking its person for a password.
const KEYRING: Duration = Duration::from_secs(60);

/// What a keyring answers, if it does in time.
pub(crate) async fn keyring_answers<T>(asked: JoinHandle<T>) -> Result<T, Problem> {
    let answered = tokio::time::timeout(KEYRING, asked).await.map_err(|_| {
        Problem::new(
            "The keyring of this computer did not answer within a minute. It may be asking for its \
             password: look for its window, unlock it, and try again.",
            "",
        )
    })?;
    answered.map_err(|error| Problem::new("The keyring did not answer.", error.to_string()))
}

/// Whether a variable of the environment is long enough for a key and no path.
fn may_be_secret(value: &str) -> bool {
    value.len() >= 16 && !value.contains(['/', '\\', ' '])
}

fn resolve_here(
    text: &str,
    secrets: Option<&dyn SecretStore>,
    found: &mut Vec<String>,
) -> Result<String, Problem> {
    template::resolve(text, |reference| match reference {
        Reference::Env(name) => {
            let value = std::env::var(name).ok();
            found.extend(value.clone().filter(|value| may_be_secret(value)));
            Ok(value)
        }
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
