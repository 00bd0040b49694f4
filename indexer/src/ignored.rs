//! Ignore rules: which files of a pack directory stay out of its archive.
//!
//! `.gitignore` and `.attuneignore` inside the pack count, from the pack's root down. In a git checkout
//! those in the directories above count too, from the root of the work tree down: what git is told to
//! ignore there is often a secret. Outside a checkout nothing above the pack counts, and neither do
//! `.git/info/exclude` and a user's own rules: every clone of a commit gives the same archive.
//!
//! As in git, the deepest rule wins, nothing brings back a file of an ignored directory, and files that
//! git tracks are kept. `.attuneignore` wins over `.gitignore`. A rule above that ignores the pack's own
//! directory is passed over: whoever names the pack wants it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use pack_format::limits::MAX_METADATA_BYTES;
use pack_fs::tree::{Scan, TreeError, TreeFile};
use pack_fs::{FsError, limited};

/// Name of our own ignore file, in the syntax of `.gitignore`.
const OWN_FILE: &str = ".attuneignore";
const GIT_FILE: &str = ".gitignore";

/// The rule files of one directory.
#[derive(Debug, Default)]
pub(crate) struct DirectoryRules {
    own: Option<Gitignore>,
    git: Option<Gitignore>,
    /// What they say, for the build cache.
    pub(crate) text: String,
}

impl DirectoryRules {
    /// Reads the rule files in `directory`; links are no rule files, as for git.
    ///
    /// # Errors
    /// [`FsError`] if one is there but cannot be read: what it hides must not be published.
    pub(crate) fn read(directory: &Path) -> Result<Self, FsError> {
        let mut rules = Self::default();
        rules.own = rules.parse(&directory.join(OWN_FILE))?;
        rules.git = rules.parse(&directory.join(GIT_FILE))?;
        Ok(rules)
    }

    fn parse(&mut self, path: &Path) -> Result<Option<Gitignore>, FsError> {
        if path.is_symlink() {
            return Ok(None);
        }
        let bytes = match limited::read(path, MAX_METADATA_BYTES) {
            Ok(bytes) => bytes,
            Err(e) if absent(&e) => return Ok(None),
            Err(e) => return Err(FsError::new("read", path, e)),
        };
        if bytes.len() > MAX_METADATA_BYTES {
            // Rules that are not read would publish what they hide.
            let reason = format!("it is longer than {MAX_METADATA_BYTES} bytes");
            return Err(FsError::new("read", path, io::Error::other(reason)));
        }
        let text = String::from_utf8_lossy(&bytes);
        self.text.push_str(&text);
        self.text.push('\0');
        // Paths come relative to the rule file's directory.
        let mut builder = GitignoreBuilder::new(".");
        for line in text.trim_start_matches('\u{feff}').lines() {
            // A line that is no pattern ignores nothing, as in git.
            let _ = builder.add_line(None, line);
        }
        Ok(builder.build().ok())
    }

    fn is_empty(&self) -> bool {
        self.own.is_none() && self.git.is_none()
    }
}

fn absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory
    )
}

/// The rules above a pack, outermost first, each with the pack's path from there and a slash.
#[derive(Debug, Default)]
pub(crate) struct Above(Vec<(String, std::sync::Arc<DirectoryRules>)>);

impl Above {
    pub(crate) fn push(&mut self, below: String, rules: std::sync::Arc<DirectoryRules>) {
        if !rules.is_empty() {
            self.0.push((below, rules));
        }
    }

    /// What the build cache must know.
    pub(crate) fn texts(&self) -> String {
        let texts = self.0.iter();
        texts
            .map(|(below, rules)| format!("{below}\0{}", rules.text))
            .collect()
    }
}

/// Whether any rule concerns the files of `scan`.
pub(crate) fn has_rules(scan: &Scan, above: &Above) -> bool {
    !above.0.is_empty() || scan.files.iter().any(|file| is_rule_file(&file.path))
}

fn is_rule_file(path: &str) -> bool {
    matches!(path.rsplit('/').next(), Some(GIT_FILE | OWN_FILE))
}

/// The files of `scan` that belong to the pack.
///
/// `tracked` tells the paths git tracks below the pack's root; it is asked only where rules exist.
///
/// # Errors
/// The first entry no pack may hold that no rule ignores, or a rule file that cannot be read.
pub(crate) fn filter(
    root: &Path,
    scan: Scan,
    above: &Above,
    tracked: impl FnOnce() -> BTreeSet<String>,
) -> Result<Vec<TreeFile>, TreeError> {
    let sifted = sift(root, scan, above, tracked)?;
    match sifted.refused.into_iter().next() {
        Some((_, error)) => Err(error),
        None => Ok(sifted.files),
    }
}

/// What of a scan no rule ignores, entries no pack may hold among it.
///
/// # Errors
/// A rule file that cannot be read.
pub(crate) fn sift(
    root: &Path,
    mut scan: Scan,
    above: &Above,
    tracked: impl FnOnce() -> BTreeSet<String>,
) -> Result<Scan, TreeError> {
    if !has_rules(&scan, above) {
        return Ok(scan);
    }
    let tracked = tracked();
    let mut rules = Rules::read(root, &scan, above)?;
    scan.refused.retain(|(path, _)| {
        // A directory that was not looked into counts as tracked if anything in it is.
        let inside = format!("{path}/");
        let tracked = tracked.contains(path) || below(&tracked, &inside).next().is_some();
        let is_directory = fs::symlink_metadata(root.join(path)).is_ok_and(|m| m.is_dir());
        tracked || !rules.ignore(path, is_directory)
    });
    scan.files
        .retain(|file| tracked.contains(&file.path) || !rules.ignore(&file.path, false));
    Ok(scan)
}

/// Whether rules leave out everything in each of the directories at `paths`, and git tracks nothing there.
///
/// # Errors
/// A rule file that cannot be read.
pub(crate) fn ignores(
    root: &Path,
    (scan, above): (&Scan, &Above),
    tracked: &BTreeSet<String>,
    paths: &[String],
) -> Result<bool, TreeError> {
    let mut rules = Rules::read(root, scan, above)?;
    let mut paths = paths.iter();
    Ok(paths.all(|path| {
        let inside = format!("{path}/");
        rules.ignore(path, true) && below(tracked, &inside).next().is_none()
    }))
}

/// The paths that begin with `prefix`.
pub(crate) fn below<'a>(
    paths: &'a BTreeSet<String>,
    prefix: &'a str,
) -> impl Iterator<Item = &'a String> {
    paths
        .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
        .take_while(move |path| path.starts_with(prefix))
}

/// The rules of one pack.
struct Rules<'a> {
    above: &'a Above,
    /// By directory below the pack's root; empty for the root.
    inside: BTreeMap<String, DirectoryRules>,
    /// What was decided for directories.
    decided: BTreeMap<String, bool>,
}

impl<'a> Rules<'a> {
    fn read(root: &Path, scan: &Scan, above: &'a Above) -> Result<Self, FsError> {
        let mut inside = BTreeMap::new();
        for file in scan.files.iter().filter(|file| is_rule_file(&file.path)) {
            let directory = file.path.rsplit_once('/').map_or("", |(d, _)| d);
            if !inside.contains_key(directory) {
                let rules = DirectoryRules::read(&root.join(directory))?;
                inside.insert(directory.to_owned(), rules);
            }
        }
        Ok(Self {
            above,
            inside,
            decided: BTreeMap::new(),
        })
    }

    /// Whether a rule ignores `path` or a directory it lies in.
    fn ignore(&mut self, path: &str, is_directory: bool) -> bool {
        if is_directory && let Some(decided) = self.decided.get(path) {
            return *decided;
        }
        let parent = path.rsplit_once('/').map(|(parent, _)| parent);
        let ignored = parent.is_some_and(|parent| self.ignore(parent, true))
            || self.ignores_itself(path, is_directory);
        if is_directory {
            self.decided.insert(path.to_owned(), ignored);
        }
        ignored
    }

    fn ignores_itself(&self, path: &str, is_directory: bool) -> bool {
        let decide = |file: fn(&DirectoryRules) -> Option<&Gitignore>| {
            self.levels(path).find_map(|(rules, relative)| {
                match file(rules)?.matched(relative, is_directory) {
                    Match::None => None,
                    Match::Ignore(_) => Some(true),
                    Match::Whitelist(_) => Some(false),
                }
            })
        };
        decide(|rules| rules.own.as_ref())
            .or_else(|| decide(|rules| rules.git.as_ref()))
            .unwrap_or(false)
    }

    /// The rules that concern `path`, deepest first, each with the path from there.
    fn levels(&self, path: &str) -> impl Iterator<Item = (&DirectoryRules, String)> {
        let directories = path.match_indices('/').map(|(at, _)| at).rev();
        let inside = directories
            .filter_map(|at| Some((self.inside.get(&path[..at])?, path[at + 1..].to_owned())))
            .chain(self.inside.get("").map(|rules| (rules, path.to_owned())))
            .collect::<Vec<_>>();
        let above = self.above.0.iter().rev();
        let above = above
            .map(|(below, rules)| (&**rules, format!("{below}{path}")))
            .collect::<Vec<_>>();
        inside.into_iter().chain(above)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn rules(text: &str) -> DirectoryRules {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(GIT_FILE), text).unwrap();
        DirectoryRules::read(dir.path()).unwrap()
    }

    /// As git decides: the deepest rule wins, ignored directories stay ignored, and rules above are
    /// anchored where they stand.
    #[test]
    fn rules_decide_as_git_does() {
        let mut above = Above::default();
        above.push(
            "packs/slack/".to_owned(),
            Arc::new(rules("*.key\n/root.txt\n/packs/slack/here.txt\npacks/\n")),
        );
        let inside = [
            (String::new(), rules("venv/\n!keep.key\n")),
            ("lib".to_owned(), rules("x\n!/venv\n")),
        ];
        let mut rules = Rules {
            above: &above,
            inside: inside.into(),
            decided: BTreeMap::new(),
        };
        for (path, ignored) in [
            ("pack.yaml", false),
            ("a.key", true),
            ("keep.key", false),
            ("root.txt", false),
            ("here.txt", true),
            ("venv/keep.key", true),
            ("lib/x", true),
            ("lib/venv/y", false),
            ("x", false),
        ] {
            assert_eq!(rules.ignore(path, false), ignored, "{path}");
        }
    }
}
