//! The environment of programs this crate runs: by name, never the whole of somebody's.
//!
//! SECURITY: tokens of registries and of clouds stand in environments. A program gets what is listed here, what
//! its caller names, and nothing else.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Variables of a program.
pub type Variables = BTreeMap<OsString, OsString>;

/// Where programs are, if nobody says.
const DEFAULT_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// What every program may know.
const COMMON: [&str; 9] = [
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "SHELL",
];
/// What programs that talk to others need besides.
const NETWORK: [&str; 12] = [
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
];

/// Whether programs may talk to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// They may, and know how.
    Allowed,
    /// They need not know.
    None,
}

/// What a program gets of `all`.
pub fn inherited(
    all: impl IntoIterator<Item = (OsString, OsString)>,
    network: Network,
) -> Variables {
    let wanted = |name: &OsStr| {
        let name = name.to_str().unwrap_or_default();
        COMMON.contains(&name)
            || name.starts_with("LC_")
            || (network == Network::Allowed && NETWORK.contains(&name))
    };
    let mut kept: Variables = all.into_iter().filter(|(name, _)| wanted(name)).collect();
    kept.entry("PATH".into())
        .or_insert_with(|| DEFAULT_PATH.into());
    kept
}

/// The file a name leads to, in the directories of a `PATH`; a name with a slash is the path of the file.
pub fn find_program(variables: &Variables, name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(Path::new(name).to_owned()).filter(|path| path.is_file());
    }
    let path = variables.get(OsStr::new("PATH"))?;
    std::env::split_paths(path)
        .map(|directory| directory.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

/// Puts a directory before all others that programs are looked for in.
pub(crate) fn put_first(variables: &mut Variables, directory: &Path) {
    let mut path = directory.as_os_str().to_owned();
    if let Some(rest) = variables.get(OsStr::new("PATH")) {
        path.push(":");
        path.push(rest);
    }
    variables.insert("PATH".into(), path);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tokens stay behind, also those of clouds; proxies come along only where there is a network.
    #[test]
    fn only_listed_variables_are_inherited() {
        let all = [
            "PATH",
            "LC_ALL",
            "ATTUNE_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "HTTPS_PROXY",
            "LD_PRELOAD",
            "PYTHONPATH",
        ];
        let all = || {
            all.iter()
                .map(|name| (OsString::from(name), OsString::from("x")))
        };
        let names = |network| inherited(all(), network).into_keys().collect::<Vec<_>>();
        assert_eq!(names(Network::None), ["LC_ALL", "PATH"]);
        assert_eq!(names(Network::Allowed), ["HTTPS_PROXY", "LC_ALL", "PATH"]);
        assert_eq!(
            inherited([], Network::None)[OsStr::new("PATH")],
            DEFAULT_PATH
        );
    }
}
