//! `read_file`: one file out of an archive, such as its README.

use std::io::{self, Read, Seek};

use pack_format::Limits;

use crate::error::{ArchiveError, MemberFault};
use crate::member_path::MemberPath;
use crate::read::read_archive;
use crate::sink::Sink;

/// The content of the file `wanted` of at most `max_bytes`, or `None` if there is no such file.
///
/// `wanted` is relative to the single directory at the top of the archive, or to the root if
/// the top holds anything else. The whole archive is read and checked.
///
/// # Errors
/// [`ArchiveError`]; [`MemberFault::TooLarge`] if the file is larger than `max_bytes`.
pub fn read_file(
    archive: &mut (impl Read + Seek),
    limits: &Limits,
    wanted: &str,
    max_bytes: u64,
) -> Result<Option<Vec<u8>>, ArchiveError> {
    let mut pick = Pick {
        wanted,
        max_bytes,
        top: Top::Unknown,
        at_root: None,
        below_top: None,
        members: 0,
    };
    read_archive(archive, limits, &mut pick)?;
    let found = match pick.top {
        Top::One(_) => pick.below_top,
        Top::Unknown | Top::Many => pick.at_root,
    };
    match found {
        Some(Found::Whole(content)) => Ok(Some(content)),
        Some(Found::TooLarge { number, name }) => Err(ArchiveError::Member {
            number,
            name,
            fault: MemberFault::TooLarge { limit: max_bytes },
        }),
        None => Ok(None),
    }
}

/// What the members so far have in common.
enum Top {
    Unknown,
    One(String),
    Many,
}

enum Found {
    Whole(Vec<u8>),
    TooLarge { number: usize, name: String },
}

/// Keeps the wanted file as seen from the root and as seen from the first top directory.
struct Pick<'a> {
    wanted: &'a str,
    max_bytes: u64,
    top: Top,
    at_root: Option<Found>,
    below_top: Option<Found>,
    members: usize,
}

impl Pick<'_> {
    fn note(&mut self, path: &MemberPath, is_directory: bool) {
        self.members += 1;
        let (first, rest) = path.as_str().split_once('/').unwrap_or((path.as_str(), ""));
        match &self.top {
            _ if rest.is_empty() && !is_directory => self.top = Top::Many,
            Top::Unknown => self.top = Top::One(first.to_owned()),
            Top::One(top) if top != first => self.top = Top::Many,
            Top::One(_) | Top::Many => {}
        }
    }

    fn take(&self, path: &MemberPath, content: &mut dyn Read) -> io::Result<Found> {
        let mut bytes = Vec::new();
        content
            .take(self.max_bytes.saturating_add(1))
            .read_to_end(&mut bytes)?;
        Ok(if bytes.len() as u64 > self.max_bytes {
            Found::TooLarge {
                number: self.members,
                name: path.as_str().to_owned(),
            }
        } else {
            Found::Whole(bytes)
        })
    }
}

impl Sink for Pick<'_> {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        self.note(path, true);
        Ok(())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        _executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        self.note(path, false);
        let below = path.as_str().split_once('/').map(|(_, rest)| rest);
        if path.as_str() == self.wanted {
            self.at_root = Some(self.take(path, content)?);
        } else if below == Some(self.wanted) && matches!(self.top, Top::One(_)) {
            self.below_top = Some(self.take(path, content)?);
        }
        Ok(())
    }
}
