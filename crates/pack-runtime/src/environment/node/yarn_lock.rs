//! Locks of yarn 1, and of yarn 2 and later, which write them otherwise.
//!
//! Yarn gets the text that was checked, so the text has to read the same for everybody: one value in a line, without
//! escapes, anchors or blocks, as yarn writes it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::place::Checked;
use super::{Manager, REGISTRY, refused};
use crate::environment::EnvironmentError;

/// What begins a lock of yarn 2 and later.
const METADATA: &str = "__metadata:";
/// Patches that yarn itself brings along.
const OWN_PATCH: &str = "#optional!builtin<compat/";

/// Which yarn wrote the lock.
pub(super) fn manager(text: &str) -> Manager {
    if text.lines().any(|line| line.trim_end() == METADATA) {
        Manager::Berry
    } else {
        Manager::Yarn
    }
}

/// Checks a lock; returns it as yarn gets it. Of yarn 1, [`REGISTRY`] stands for the registry where an entry has a hash.
pub(super) fn read(
    checked: &Checked<'_>,
    (name, text): (&str, &str),
    local: &mut BTreeSet<PathBuf>,
) -> Result<Vec<u8>, EnvironmentError> {
    let is_first = manager(text) == Manager::Yarn;
    let mut written = String::new();
    // Entries are apart by empty lines.
    for entry in text.split_inclusive("\n\n") {
        let has_hash = entry
            .lines()
            .any(|line| line.starts_with("  integrity sha"));
        for line in entry.split_inclusive('\n') {
            let tokens = tokens(name, line)?;
            let address = match tokens.as_slice() {
                // Of an entry, not of its dependencies.
                ["resolved", address] if is_first && !line.starts_with("   ") => Some(*address),
                _ => None,
            };
            if let Some(address) = address {
                written.push_str(&resolved(checked, (name, address, has_hash), local)?);
            } else {
                for token in tokens {
                    described(checked, (name, token), local)?;
                }
                written.push_str(line);
            }
        }
    }
    Ok(written.into_bytes())
}

/// The first entry of a lock of yarn 2 or later that an earlier state of it does not have; what names it may have become
/// shorter, and the entry of the pack itself may have changed.
pub(in crate::environment) fn addition(before: &str, after: &str) -> Option<String> {
    let known: BTreeSet<String> = entries(before).map(|(_, body)| body).collect();
    let mut entries = entries(after).filter(|(names, _)| !names.contains("@workspace:"));
    let new = entries.find(|(_, body)| !known.contains(body));
    new.map(|(names, _)| names)
}

/// Names and body of each entry.
fn entries(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines().map(str::trim_end) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, body)) = found.last_mut() {
                body.push_str(line);
                body.push('\n');
            }
        } else if !line.is_empty() && !line.starts_with('#') {
            let names = line.trim_end_matches(':').trim_matches('"').to_owned();
            found.push((names, String::new()));
        }
    }
    found.into_iter()
}

/// The line that says where a package of yarn 1 comes from.
fn resolved(
    checked: &Checked<'_>,
    (file, address, has_hash): (&str, &str, bool),
    local: &mut BTreeSet<PathBuf>,
) -> Result<String, EnvironmentError> {
    let place = address.split('#').next().unwrap_or_default();
    let unchanged = || format!("  resolved \"{address}\"\n");
    if place.starts_with("file:") {
        checked.place(file, place, local)?;
        return Ok(unchanged());
    }
    let is_web = place.starts_with("http://") || place.starts_with("https://");
    if let Some(path) = of_registry(address).filter(|_| has_hash && is_web) {
        return Ok(format!("  resolved \"{REGISTRY}/{path}\"\n"));
    }
    if !(is_web && checked.is_ours(place)) {
        checked.foreign(file, address)?;
    }
    Ok(unchanged())
}

/// Of the address of an archive as registries have them, what follows the registry: `@scope/name/-/name-1.0.0.tgz#…`.
fn of_registry(address: &str) -> Option<&str> {
    let separator = address.find("/-/")?;
    let before = &address[..separator];
    let name = before.rfind('/')? + 1;
    let scope = before[..name - 1].rfind('/')? + 1;
    let start = if before[scope..].starts_with('@') {
        scope
    } else {
        name
    };
    Some(&address[start..])
}

/// A word of the lock; those that say where a package comes from are checked.
fn described(
    checked: &Checked<'_>,
    (file, token): (&str, &str),
    local: &mut BTreeSet<PathBuf>,
) -> Result<(), EnvironmentError> {
    // What follows the name, which may begin with the sign that ends it.
    let spec = token
        .char_indices()
        .skip(1)
        .find(|(_, c)| *c == '@')
        .map_or(token, |(at, _)| &token[at + 1..]);
    if spec.contains("://") || spec.contains("__archiveUrl") {
        return if checked.is_ours(spec) {
            Ok(())
        } else {
            checked.foreign(file, token)
        };
    }
    let Some((scheme, rest)) = spec.split_once(':') else {
        return Ok(());
    };
    match scheme {
        "file" => {
            let path = rest.split(['#', ':']).next().unwrap_or_default();
            checked.archive(file, token, path, local)
        }
        "npm" => Ok(()),
        "workspace" if rest == "." => Ok(()),
        "workspace" | "link" | "portal" => {
            let why = "it leads to a directory, not to an archive";
            Err(refused(file, token, why, None))
        }
        "patch" if rest.contains(OWN_PATCH) && rest.contains("@npm%3A") => Ok(()),
        _ => checked.foreign(file, token),
    }
}

/// The words of a line, without their quotes; nothing of a comment.
fn tokens<'a>(file: &str, line: &'a str) -> Result<Vec<&'a str>, EnvironmentError> {
    let text = line.trim_end();
    let start = text.trim_start();
    let mut tokens = Vec::new();
    if start.starts_with('#') {
        return Ok(tokens);
    }
    let odd = || refused(file, start, "yarn does not write such a line", None);
    let is_odd = |c: char| c == '\\' || c.is_control();
    if text.contains(is_odd) || start.starts_with(['-', '?', '!', '&', '*', '{', '[', '|', '>']) {
        return Err(odd());
    }
    let mut rest = start;
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (token, after) = quoted.split_once('"').ok_or_else(odd)?;
            // Several descriptors of yarn 2 and later share one pair of quotes.
            tokens.extend(token.split(", "));
            rest = after;
        } else {
            let end = rest.find([' ', ',', '"']).unwrap_or(rest.len());
            let token = rest[..end].trim_end_matches(':');
            // Right behind its key, a value can be the head of a block.
            let is_block = tokens.len() == 1 && token.starts_with(['|', '>']);
            let is_special = token.starts_with(['!', '&', '*', '{', '[', '\'']) && token.len() > 1;
            if is_block || is_special {
                return Err(odd());
            }
            tokens.extend(Some(token).filter(|t| !t.is_empty()));
            rest = &rest[end..];
        }
        rest = rest.trim_start_matches([' ', ',', ':']);
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Allowed;

    fn read_text(text: &str) -> Result<String, EnvironmentError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("pack")).unwrap();
        std::fs::write(dir.path().join("pack/a.tgz"), "").unwrap();
        std::fs::write(dir.path().join("outside.tgz"), "").unwrap();
        let pack = dir.path().join("pack");
        let checked = Checked {
            pack: &pack,
            registry: Some("https://npm.example/r/"),
            allowed: Allowed::default(),
        };
        let bytes = read(&checked, ("yarn.lock", text), &mut BTreeSet::new())?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    /// Entries may go, and be named by fewer; none may come or change.
    #[test]
    fn locks_of_later_yarns_may_only_lose_entries() {
        let metadata = "# note\n\n__metadata:\n  version: 10\n\n";
        let own = "\"demo@workspace:.\":\n  version: 0\n  dependencies:\n    a: \"npm:^1.0.0\"\n";
        let of = |names: &str, version: &str| {
            format!("\n\"{names}\":\n  version: {version}\n  checksum: 10c0/{version}\n")
        };
        let before = format!(
            "{metadata}{own}    b: \"npm:1\"\n{}{}",
            of("a@npm:^1.0.0, a@npm:~1.2.0", "1.2.0"),
            of("b@npm:1", "1.0.0")
        );
        let fewer = format!("{metadata}{own}{}", of("a@npm:^1.0.0", "1.2.0"));
        assert_eq!(addition(&before, &fewer), None);
        assert_eq!(addition(&before, &before.replace('\n', "\r\n")), None);
        let newer = format!("{metadata}{own}{}", of("a@npm:^1.0.0", "1.3.0"));
        assert_eq!(addition(&before, &newer).as_deref(), Some("a@npm:^1.0.0"));
        let more = format!("{before}{}", of("c@npm:1", "1.0.1"));
        assert_eq!(addition(&before, &more).as_deref(), Some("c@npm:1"));
        let other = before.replace("version: 10", "version: 11");
        assert_eq!(addition(&before, &other).as_deref(), Some("__metadata"));
    }

    /// Of entries with a hash, the registry is the operator's, whatever stood there; archives of the pack stay.
    #[test]
    fn addresses_of_yarn_1_become_the_operators() {
        let text = "# yarn lockfile v1\n\n\n\"@s/a@^1.0.0\", \"@s/a@~1.2.0\":\n  version \"1.2.0\"\n  resolved \"https://elsewhere.example/x/@s/a/-/a-1.2.0.tgz#0a\"\n  integrity sha512-YQ==\n  dependencies:\n    left-pad \">=1 <2 || ~3\"\n\n\"b@file:a.tgz\":\n  version \"1.0.0\"\n  resolved \"file:a.tgz#0b\"\n\nc@1:\n  version \"1.0.0\"\n  resolved \"https://npm.example/r/c/-/c-1.0.0.tgz#0c\"\n";
        let expected = text.replace("https://elsewhere.example/x/", &format!("{REGISTRY}/"));
        assert_eq!(read_text(text).unwrap(), expected);
    }

    /// Locks of yarn 2 and later pass as they are written.
    #[test]
    fn locks_of_later_yarns_pass() {
        let text = "__metadata:\n  version: 8\n  cacheKey: 10c0\n\n\"@s/a@npm:^1.0.0, @s/a@npm:^1.2.0\":\n  version: 1.2.0\n  resolution: \"@s/a@npm:1.2.0\"\n  dependencies:\n    b: \"npm:^1.0.0\"\n    c: \"npm:d@*\"\n  peerDependencies:\n    react: \">=16 || *\"\n  bin:\n    a: ./bin/a\n  checksum: 10c0/aa/bb\n  conditions: os=linux & cpu=x64\n  languageName: node\n  linkType: hard\n\n\"fsevents@patch:fsevents@npm%3A~2.3.2#optional!builtin<compat/fsevents>\":\n  version: 2.3.3\n  resolution: \"fsevents@patch:fsevents@npm%3A2.3.3#optional!builtin<compat/fsevents>::version=2.3.3&hash=df0bf1\"\n\n\"demo@workspace:.\":\n  version: 0.0.0-use.local\n  resolution: \"demo@workspace:.\"\n\n\"t@file:a.tgz::locator=demo%40workspace%3A.\":\n  resolution: \"t@file:a.tgz#a.tgz::hash=f1&locator=demo%40workspace%3A.\"\n";
        assert_eq!(manager(text), Manager::Berry);
        assert_eq!(read_text(text).unwrap(), text);
    }

    /// What leads elsewhere is refused, however it is written.
    #[test]
    fn places_of_their_own_are_refused() {
        let first =
            |resolved: &str| format!("a@1:\n  version \"1.0.0\"\n  resolved \"{resolved}\"\n");
        let later = |resolution: &str| {
            format!("__metadata:\n  version: 8\n\n\"a@npm:1\":\n  resolution: \"{resolution}\"\n")
        };
        let rows = [
            // Without a hash, an address is all there is.
            first("https://elsewhere.example/a/-/a-1.0.0.tgz#0a"),
            first("https://npm.example.evil/r/a/-/a-1.0.0.tgz"),
            first("git+ssh://git@elsewhere.example/a.git#0a"),
            first("git@elsewhere.example:a.git"),
            first("//elsewhere.example/a.tgz"),
            first("/etc/passwd"),
            first("../outside.tgz"),
            first("file:../outside.tgz#0a"),
            first("file:/etc/passwd"),
            first("\\u0068ttps://npm.example/r/a/-/a.tgz"),
            "\"a@https://elsewhere.example/a.tgz\":\n  version \"1.0.0\"\n".to_owned(),
            "a@elsewhere:x/y:\n  version \"1.0.0\"\n".to_owned(),
            later("a@https://elsewhere.example/a.tgz"),
            later("a@npm:1.0.0::__archiveUrl=https%3A%2F%2Felsewhere.example%2Fa.tgz"),
            later("a@git@elsewhere.example:a.git#commit=0a"),
            later("a@exec:./run.js#./run.js::hash=0a"),
            later("a@portal:../outside::locator=x"),
            later("a@link:../outside::locator=x"),
            later("a@file:../outside.tgz#../outside.tgz::hash=0a"),
            later("a@patch:a@npm%3A1.0.0#~/run.patch::version=1"),
            "__metadata:\n  version: 8\n\n\"a@npm:1\":\n  resolution: >-\n    a@x\n".to_owned(),
            "__metadata:\n  version: 8\n\n\"a@npm:1\":\n  resolution: *x\n".to_owned(),
            "__metadata:\n  version: 8\n\n{\"a@npm:1\": {}}\n".to_owned(),
        ];
        for text in rows {
            assert!(
                matches!(read_text(&text), Err(EnvironmentError::Refused(_))),
                "{text}"
            );
        }
    }
}
