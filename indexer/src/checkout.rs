//! What git knows of a pack directory: which files it tracks, and where the same tree can be fetched.
//!
//! A directory is a git source when it is a clean checkout of a commit that a remote has, and the commit
//! holds regular files only. Only the object database and the index are read: no checkout, hook or filter.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ErrorCode, ObjectType, Repository, StatusOptions, TreeWalkMode, TreeWalkResult};
use pack_format::digest::TreeHasher;
use pack_format::git_ref::GitRef;
use pack_format::source::InstallSource;
use pack_format::url_policy::{SourceUrl, UrlPolicy};
use pack_format::{Checksum, Hint, TreeDigest};
use pack_fs::FsError;

use crate::ignored::{Above, DirectoryRules, below};

/// A checkout that cannot be read: which files it tracks is not known, so none may be left out.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot read the git repository of `{}`: {reason}", work_directory.display())]
pub struct CheckoutError {
    work_directory: PathBuf,
    reason: String,
    foreign: bool,
}

impl CheckoutError {
    fn new(work_directory: &Path, error: &git2::Error) -> Self {
        Self {
            work_directory: work_directory.to_owned(),
            reason: error.message().to_owned(),
            foreign: error.code() == ErrorCode::Owner,
        }
    }
}

impl Hint for CheckoutError {
    fn hint(&self) -> Option<String> {
        self.foreign.then(|| {
            format!(
                "it belongs to another user; if you trust it, run `git config --global --add safe.directory {}`",
                self.work_directory.display()
            )
        })
    }
}

/// The repositories of one build, each opened once.
#[derive(Default)]
pub(crate) struct Checkouts {
    opened: Mutex<BTreeMap<PathBuf, Result<Arc<Checkout>, CheckoutError>>>,
    /// By directory as it was named: packs beside each other share what is above them.
    folders: Mutex<BTreeMap<PathBuf, Arc<Folder>>>,
}

/// A directory that holds packs.
struct Folder {
    real_path: PathBuf,
    work_directory: Option<PathBuf>,
}

impl Folder {
    fn find(real_path: PathBuf) -> Self {
        let work_directory = real_path.ancestors().find(|a| is_work_tree(a));
        Self {
            work_directory: work_directory.map(Path::to_owned),
            real_path,
        }
    }
}

/// One repository's state, read once.
pub(crate) struct Checkout {
    work_directory: PathBuf,
    /// The remote and commit others can fetch, if there are.
    published: Option<(SourceUrl, git2::Oid)>,
    tracked: BTreeSet<String>,
    /// Changed or untracked paths, relative to the work directory.
    dirty: BTreeSet<String>,
    /// Ignore rules by directory: packs beside each other share what is above them.
    rules: Mutex<BTreeMap<PathBuf, Arc<DirectoryRules>>>,
}

/// What a checkout knows of a git ref.
pub(crate) enum AtRef {
    /// Nothing: it has no tag, branch or commit of that name.
    Unknown,
    /// It has it.
    Known {
        commit: String,
        /// Digest of the pack's tree at the commit, or why it has none.
        tree: Result<TreeDigest, String>,
        /// Files of the directory that git does not track, and no ignore rule names.
        left_out: Vec<String>,
    },
}

impl Checkouts {
    /// The checkout that holds `directory`, if any.
    ///
    /// # Errors
    /// [`CheckoutError`] if there is one and git cannot read it.
    pub(crate) fn of(&self, directory: &Path) -> Result<Option<Arc<Checkout>>, CheckoutError> {
        let Some(work_directory) = self.work_directory(directory) else {
            return Ok(None);
        };
        lock(&self.opened)
            .entry(work_directory.clone())
            .or_insert_with(|| {
                Checkout::read(&work_directory)
                    .map(Arc::new)
                    .map_err(|e| CheckoutError::new(&work_directory, &e))
            })
            .clone()
            .map(Some)
    }

    /// The root of the work tree around `directory`, by its real path.
    fn work_directory(&self, directory: &Path) -> Option<PathBuf> {
        let folder = directory.parent().and_then(|parent| self.folder(parent));
        let (Some(folder), Some(name)) = (folder, directory.file_name()) else {
            return Folder::find(directory.canonicalize().ok()?).work_directory;
        };
        if fs::symlink_metadata(directory).ok()?.is_symlink() {
            return Folder::find(directory.canonicalize().ok()?).work_directory;
        }
        let real_path = folder.real_path.join(name);
        if is_work_tree(&real_path) {
            return Some(real_path);
        }
        folder.work_directory.clone()
    }

    fn folder(&self, named: &Path) -> Option<Arc<Folder>> {
        if named.as_os_str().is_empty() {
            return None;
        }
        if let Some(folder) = lock(&self.folders).get(named) {
            return Some(Arc::clone(folder));
        }
        let folder = Arc::new(Folder::find(named.canonicalize().ok()?));
        lock(&self.folders).insert(named.to_owned(), Arc::clone(&folder));
        Some(folder)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether git would stop here: `.git` is a file, or a directory with a `HEAD`. What cannot be looked
/// at counts as there.
fn is_work_tree(directory: &Path) -> bool {
    let is_there = |path: &Path| match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(e) => !matches!(
            e.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    };
    let git = directory.join(".git");
    is_there(&git) && (!git.is_dir() || is_there(&git.join("HEAD")))
}

impl Checkout {
    fn read(work_directory: &Path) -> Result<Self, git2::Error> {
        let repository = Repository::open(work_directory)?;
        let tracked = repository
            .index()?
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.path).into_owned())
            .collect();
        let mut options = StatusOptions::new();
        options.include_untracked(true).recurse_untracked_dirs(true);
        let dirty = repository
            .statuses(Some(&mut options))?
            .iter()
            .map(|status| String::from_utf8_lossy(status.path_bytes()).into_owned())
            .collect();
        Ok(Self {
            work_directory: work_directory.to_owned(),
            published: published(&repository),
            tracked,
            dirty,
            rules: Mutex::default(),
        })
    }

    fn prefix(&self, directory: &Path) -> Option<String> {
        let absolute = directory.canonicalize().ok()?;
        let relative = absolute.strip_prefix(&self.work_directory).ok()?.to_str()?;
        Some(if relative.is_empty() {
            String::new()
        } else {
            format!("{relative}/")
        })
    }

    /// The paths git tracks below `directory`, relative to it.
    pub(crate) fn tracked_below(&self, directory: &Path) -> BTreeSet<String> {
        let Some(prefix) = self.prefix(directory) else {
            return BTreeSet::new();
        };
        below(&self.tracked, &prefix)
            .map(|path| path[prefix.len()..].to_owned())
            .collect()
    }

    /// The ignore rules between the root of the work tree and `directory`, which is not among them.
    ///
    /// # Errors
    /// [`FsError`] if a rule file cannot be read.
    pub(crate) fn rules_above(&self, directory: &Path) -> Result<Above, FsError> {
        let mut above = Above::default();
        let Some(prefix) = self.prefix(directory) else {
            return Ok(above);
        };
        let mut ancestor = self.work_directory.clone();
        let mut rest = prefix.as_str();
        while let Some((name, deeper)) = rest.split_once('/') {
            above.push(rest.to_owned(), self.rules_in(&ancestor)?);
            ancestor.push(name);
            rest = deeper;
        }
        Ok(above)
    }

    fn rules_in(&self, directory: &Path) -> Result<Arc<DirectoryRules>, FsError> {
        let mut known = lock(&self.rules);
        if let Some(rules) = known.get(directory) {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(DirectoryRules::read(directory)?);
        known.insert(directory.to_owned(), Arc::clone(&rules));
        Ok(rules)
    }

    /// What the build cache must know: a new commit or a first edit changes the git source, and where
    /// `has_rules`, tracking a file or no longer doing so changes which files belong to the pack.
    pub(crate) fn fingerprint(&self, directory: &Path, has_rules: bool) -> String {
        let mut text = match (&self.published, self.is_clean(directory)) {
            (Some((url, commit)), true) => format!("{url} {commit}"),
            _ => String::new(),
        };
        if has_rules && let Some(prefix) = self.prefix(directory) {
            for path in below(&self.tracked, &prefix) {
                text.push('\0');
                text.push_str(&path[prefix.len()..]);
            }
        }
        text
    }

    fn is_clean(&self, directory: &Path) -> bool {
        self.prefix(directory).is_some_and(|prefix| {
            below(&self.dirty, &prefix).next().is_none()
                && below(&self.tracked, &prefix).next().is_some()
        })
    }

    /// What is known of `git_ref`, and of the tree below `directory` there.
    pub(crate) fn at(&self, git_ref: &GitRef, directory: &Path) -> Result<AtRef, CheckoutError> {
        let failed = |e: git2::Error| CheckoutError::new(&self.work_directory, &e);
        let repository = Repository::open(&self.work_directory).map_err(failed)?;
        let Some(commit) = resolve(&repository, git_ref) else {
            return Ok(AtRef::Unknown);
        };
        let prefix = self.prefix(directory).unwrap_or_default();
        let subdir = prefix.trim_end_matches('/');
        let tree = if subdir.is_empty() {
            committed_tree(&repository, commit, subdir)
                .ok_or_else(|| "it holds links, submodules or names that are not UTF-8".to_owned())
        } else {
            Err(format!(
                "the pack lies in its subdirectory `{subdir}`, which format 1 cannot say"
            ))
        };
        Ok(AtRef::Known {
            commit: commit.to_string(),
            tree,
            left_out: Vec::new(),
        })
    }

    /// `directory` as a git source, if it is a clean checkout of a published commit.
    pub(crate) fn source(&self, directory: &Path) -> Option<InstallSource> {
        let (url, commit) = self.published.as_ref()?;
        if !self.is_clean(directory) {
            return None;
        }
        let prefix = self.prefix(directory)?;
        let subdir = prefix.trim_end_matches('/');
        let repository = Repository::open(&self.work_directory).ok()?;
        let digest = committed_tree(&repository, *commit, subdir)?;
        Some(InstallSource::Git {
            url: url.clone(),
            git_ref: Some(commit.to_string().parse().ok()?),
            checksum: Some(Checksum::from(digest)),
            subdir: (!subdir.is_empty()).then(|| subdir.to_owned()),
        })
    }
}

/// The commit a tag, a branch of `origin`, a branch here, or a whole object id names.
fn resolve(repository: &Repository, git_ref: &GitRef) -> Option<git2::Oid> {
    let name = git_ref.as_str();
    if git_ref.is_commit() {
        let id = git2::Oid::from_str(name).ok()?;
        return repository.find_commit(id).ok().map(|commit| commit.id());
    }
    let whole = name.starts_with("refs/").then_some("");
    let spaces = ["refs/tags/", "refs/remotes/origin/", "refs/heads/"];
    whole.into_iter().chain(spaces).find_map(|space| {
        let found = repository.find_reference(&format!("{space}{name}")).ok()?;
        Some(found.peel_to_commit().ok()?.id())
    })
}

/// The https URL of `origin` and the checked-out commit, if a branch of that remote contains it.
fn published(repository: &Repository) -> Option<(SourceUrl, git2::Oid)> {
    let head = repository.head().ok()?.peel_to_commit().ok()?.id();
    let remote = repository.find_remote("origin").ok()?;
    let url = https_form(remote.url().ok()?)?;
    let url = UrlPolicy::PUBLIC.check(&url).ok()?;
    let references = repository.references_glob("refs/remotes/origin/*").ok()?;
    let contains = references
        .flatten()
        .filter_map(|r| r.peel_to_commit().ok())
        .any(|tip| {
            tip.id() == head
                || repository
                    .graph_descendant_of(tip.id(), head)
                    .unwrap_or(false)
        });
    contains.then_some((url, head))
}

/// `git@host:path` and `ssh://git@host/path` as https; https as it is, without credentials.
fn https_form(url: &str) -> Option<String> {
    if let Ok(mut parsed) = url::Url::parse(url) {
        return match parsed.scheme() {
            "https" => {
                parsed.set_username("").ok()?;
                parsed.set_password(None).ok()?;
                Some(parsed.to_string())
            }
            "ssh" => Some(format!("https://{}{}", parsed.host_str()?, parsed.path())),
            _ => None,
        };
    }
    let (user_and_host, path) = url.split_once(':')?;
    let host = user_and_host.rsplit('@').next()?;
    Some(format!("https://{host}/{}", path.trim_start_matches('/')))
}

/// The digest of the files of a commit below `subdir`; `None` if it holds a link or a submodule.
fn committed_tree(repository: &Repository, commit: git2::Oid, subdir: &str) -> Option<TreeDigest> {
    let root = repository.find_commit(commit).ok()?.tree().ok()?;
    let tree = if subdir.is_empty() {
        root
    } else {
        let entry = root.get_path(Path::new(subdir)).ok()?;
        repository.find_tree(entry.id()).ok()?
    };
    let mut files = Vec::new();
    let mut irregular = false;
    tree.walk(TreeWalkMode::PreOrder, |directory, entry| {
        match (entry.kind(), entry.filemode()) {
            (Some(ObjectType::Tree), _) => {}
            (Some(ObjectType::Blob), mode @ (0o100_644 | 0o100_755 | 0o100_664)) => {
                let Ok(name) = entry.name() else {
                    irregular = true;
                    return TreeWalkResult::Abort;
                };
                files.push((format!("{directory}{name}"), mode == 0o100_755, entry.id()));
            }
            _ => irregular = true,
        }
        if irregular {
            TreeWalkResult::Abort
        } else {
            TreeWalkResult::Ok
        }
    })
    .ok()?;
    if irregular {
        return None;
    }
    files.sort();
    let mut hasher = TreeHasher::new();
    for (path, executable, id) in files {
        let blob = repository.find_blob(id).ok()?;
        hasher.file(&path, executable, blob.content()).ok()?;
    }
    Some(hasher.finish().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every common spelling of a remote becomes the https URL anyone can fetch.
    #[test]
    fn remote_urls_become_https() {
        for url in [
            "https://example.org/packs/slack.git",
            "https://user:token@example.org/packs/slack.git",
            "ssh://git@example.org/packs/slack.git",
            "git@example.org:packs/slack.git",
        ] {
            assert_eq!(
                https_form(url).as_deref(),
                Some("https://example.org/packs/slack.git")
            );
        }
        assert_eq!(https_form("file:///srv/slack.git"), None);
        assert_eq!(https_form("/srv/slack.git"), None);
    }
}
