//! The variables a child gets.
//!
//! A child gets a short list of our own variables, a `PATH`, and what its launch adds; everything
//! else that stands in our environment, tokens above all, stays with us. The list holds who and
//! where the person is, the language and the folders of the system. It leaves out on purpose: the
//! display and the session bus (a server has no window; one that needs them names them in its
//! `env`), proxies (their addresses hold passwords), agents' sockets (`SSH_AUTH_SOCK`), and what
//! changes how programs load (`LD_*`, `DYLD_*`, `NODE_OPTIONS`, `PYTHON*`).

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::os;

/// The variable that marks every process of one tree, so that it is known as ours even where the
/// guardian was killed. Its value is random and no secret.
pub(crate) const MARK: &str = "DRAWBRIDGE_TREE";

/// The environment of a child: what of `ours` is on the list, `search_path` as `PATH`, then
/// `added`, which wins.
pub(crate) fn for_child(
    ours: impl IntoIterator<Item = (OsString, OsString)>,
    search_path: &OsStr,
    added: &BTreeMap<String, String>,
) -> BTreeMap<OsString, OsString> {
    let mut env: BTreeMap<OsString, OsString> = ours
        .into_iter()
        .filter(|(name, _)| name.to_str().is_some_and(os::passes_on))
        .filter(|(name, _)| !os::same_variable(name, OsStr::new("PATH")))
        .collect();
    env.insert("PATH".into(), search_path.into());
    for (name, value) in added {
        env.retain(|other, _| !os::same_variable(other, OsStr::new(name)));
        env.insert(name.into(), value.into());
    }
    env
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_the_short_list_and_what_is_added_reaches_a_child() {
        let ours = [
            ("HOME", "/home/me"),
            ("LC_ALL", "C.UTF-8"),
            ("PATH", "/ours"),
            ("GITHUB_TOKEN", "ghp_x"),
            ("SSH_AUTH_SOCK", "/run/agent"),
            ("LD_PRELOAD", "/tmp/x.so"),
            ("HTTPS_PROXY", "http://me:secret@proxy"),
            ("LANG", "de_DE.UTF-8"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
        let added = BTreeMap::from([("LANG".to_owned(), "C".to_owned()), ("X".into(), "1".into())]);
        let env = for_child(ours, OsStr::new("/login/bin"), &added);
        let seen: Vec<_> =
            env.iter().map(|(n, v)| (n.to_str().unwrap(), v.to_str().unwrap())).collect();
        assert_eq!(
            seen,
            [
                ("HOME", "/home/me"),
                ("LANG", "C"),
                ("LC_ALL", "C.UTF-8"),
                ("PATH", "/login/bin"),
                ("X", "1"),
            ]
        );
    }
}
