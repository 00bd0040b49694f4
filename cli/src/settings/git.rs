//! How git repositories are fetched: `git`, `git_timeout`.

use std::ffi::OsString;

use attune_installer::{Backend, GitSettings};

use super::{Settings, variable, wrong};
use crate::failure::Failure;

/// All that git and ssh see of this program's environment: where programs and people's keys are, how to
/// get out, and nothing that could be a secret of ours or steer git itself.
const PASSED_ON: [&str; 31] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "SSH_SK_PROVIDER",
    "KRB5CCNAME",
    "KRB5_CONFIG",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSH_VARIANT",
    "GIT_EXEC_PATH",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
];

impl Settings {
    /// How git repositories are fetched; `flag` wins over the setting `git`.
    pub(crate) fn git(&self, flag: Option<Backend>) -> Result<GitSettings, Failure> {
        let defaults = GitSettings::default();
        let backend = match (flag, self.find(&["git"])?) {
            (Some(flag), _) => flag,
            (None, None) => defaults.backend,
            (None, Some(found)) => found
                .node
                .scalar()
                .and_then(|scalar| scalar.text().parse().ok())
                .ok_or_else(|| wrong(&["git"], &found, "one of `auto`, `libgit2` and `cli`"))?,
        };
        Ok(GitSettings {
            backend,
            timeout: self.seconds(&["git_timeout"], defaults.timeout)?,
            environment: environment(),
            credential_helper: self.text(&["git_credential_helper"])?,
            ..defaults
        })
    }
}

fn environment() -> Vec<(OsString, OsString)> {
    PASSED_ON
        .iter()
        .filter_map(|name| Some(((*name).into(), variable(name)?)))
        .collect()
}
