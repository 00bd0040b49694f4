//! `Seen`: every path so far, to find two members that one file system would make one file.
//!
//! A path is a chain of nodes, one per component, keyed by a digest of the parent's key and the
//! component after case folding and Unicode normalisation. A node costs the same however long its
//! name is, so that the number of entries alone bounds the memory.

use std::borrow::Cow;
use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use unicode_normalization::UnicodeNormalization as _;

use crate::error::MemberFault;
use crate::member_path::MemberPath;

/// Half a SHA-256. Whoever finds two names with one key gains a refusal.
type Key = u128;

/// What a member is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Directory,
}

#[derive(Debug)]
struct Node {
    kind: Kind,
    /// The name before folding, so that `Docs` and `docs` are told apart.
    spelling: Key,
    /// The member that brought it first.
    member: usize,
}

/// The paths admitted so far, and the directories they imply.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    nodes: BTreeMap<Key, Node>,
    /// The directory of the last member and its key: archives keep siblings together.
    last: (String, Key),
}

impl Seen {
    /// Files and directories so far, implied directories included.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Adds `path`, brought by `member`; a directory may come again under the same spelling.
    pub(crate) fn add(
        &mut self,
        path: &MemberPath,
        kind: Kind,
        member: usize,
    ) -> Result<(), MemberFault> {
        let (parent, name) = path.split();
        if self.last.0 != parent {
            let mut key = Key::default();
            for component in parent.split('/').filter(|c| !c.is_empty()) {
                key = self.step(key, component, Kind::Directory, member)?;
            }
            parent.clone_into(&mut self.last.0);
            self.last.1 = key;
        }
        self.step(self.last.1, name, kind, member)
            .map(|_| ())
            .map_err(|fault| match fault {
                MemberFault::BelowFile { earlier } => MemberFault::Taken { earlier },
                fault => fault,
            })
    }

    fn step(
        &mut self,
        parent: Key,
        name: &str,
        kind: Kind,
        member: usize,
    ) -> Result<Key, MemberFault> {
        let folded = fold(name);
        let key = digest(parent, &folded);
        let spelling = if folded == name {
            key
        } else {
            digest(parent, name)
        };
        let Some(node) = self.nodes.get(&key) else {
            self.nodes.insert(
                key,
                Node {
                    kind,
                    spelling,
                    member,
                },
            );
            return Ok(key);
        };
        let earlier = node.member;
        if node.spelling != spelling {
            return Err(MemberFault::Alike { earlier });
        }
        match (node.kind, kind) {
            (Kind::Directory, Kind::Directory) => Ok(key),
            (Kind::File, Kind::Directory) => Err(MemberFault::BelowFile { earlier }),
            (_, Kind::File) => Err(MemberFault::Taken { earlier }),
        }
    }
}

fn digest(parent: Key, name: &str) -> Key {
    let full: [u8; 32] = Sha256::new()
        .chain_update(parent.to_le_bytes())
        .chain_update(name)
        .finalize()
        .into();
    let mut half = [0; size_of::<Key>()];
    half.copy_from_slice(&full[..size_of::<Key>()]);
    Key::from_le_bytes(half)
}

/// The name as file systems that ignore case and Unicode form compare it.
///
/// Upper case first, then lower case, character by character: that is full case folding for all
/// that matters here (`ß` is `ss`, `ς` is `σ`, the ligature `ﬀ` is `ff`).
fn fold(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return if name.bytes().any(|b| b.is_ascii_uppercase()) {
            name.to_ascii_lowercase().into()
        } else {
            name.into()
        };
    }
    name.nfd()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfd()
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pack_format::Limits;

    fn clash(paths: &[(&str, Kind)]) -> Option<MemberFault> {
        let mut seen = Seen::default();
        paths.iter().enumerate().find_map(|(i, (name, kind))| {
            let path = MemberPath::file(name.as_bytes(), &Limits::default()).unwrap();
            seen.add(&path, *kind, i + 1).err()
        })
    }

    /// Directories may repeat and may come after what they hold.
    #[test]
    fn seen_takes_repeated_and_late_directories() {
        use Kind::{Directory, File};
        assert_eq!(
            clash(&[
                ("d", Directory),
                ("d/x", File),
                ("d", Directory),
                ("e/y", File),
                ("e", Directory)
            ]),
            None
        );
        assert_eq!(clash(&[("a/x", File), ("b/x", File), ("a/y", File)]), None);
    }

    /// Every way in which two members would be one file.
    #[test]
    fn seen_refuses_what_one_file_system_would_merge() {
        use Kind::{Directory, File};
        let earlier = 1;
        for (first, second, fault) in [
            (("a", File), ("a", File), MemberFault::Taken { earlier }),
            (
                ("a", File),
                ("a", Directory),
                MemberFault::Taken { earlier },
            ),
            (("a/b", File), ("a", File), MemberFault::Taken { earlier }),
            (
                ("a", File),
                ("a/b", File),
                MemberFault::BelowFile { earlier },
            ),
            (
                ("a", File),
                ("a/b/c", File),
                MemberFault::BelowFile { earlier },
            ),
            (
                ("README", File),
                ("readme", File),
                MemberFault::Alike { earlier },
            ),
            (
                ("Docs/a", File),
                ("docs/b", File),
                MemberFault::Alike { earlier },
            ),
            (
                ("caf\u{e9}", File),
                ("cafe\u{301}", File),
                MemberFault::Alike { earlier },
            ),
            (
                ("stra\u{df}e", File),
                ("STRASSE", File),
                MemberFault::Alike { earlier },
            ),
            (
                ("\u{fb00}", File),
                ("ff", File),
                MemberFault::Alike { earlier },
            ),
            (
                ("\u{3c2}", File),
                ("\u{3c3}", File),
                MemberFault::Alike { earlier },
            ),
        ] {
            assert_eq!(clash(&[first, second]), Some(fault), "{first:?} {second:?}");
        }
    }
}
