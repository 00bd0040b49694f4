//! `Gate`: the one place that decides which members a pack may have.
//!
//! Archives of every kind and git trees pass their members through it, in the order they come, each
//! before its content is touched. A member is admitted if its path is a [`MemberPath`], no earlier
//! member has that path in any spelling, and the sums stay within the [`Limits`].

use std::io;

use pack_format::Limits;

use crate::collide::{Kind, Seen};
use crate::error::{ArchiveError, MemberFault};
use crate::member_path::MemberPath;

/// What an archive held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Members, directories included, as often as they were listed.
    pub entries: usize,
    /// Regular files.
    pub files: usize,
    /// Sum of the bytes of all files.
    pub unpacked_bytes: u64,
}

/// Judges the members of one tree as they come.
#[derive(Debug)]
pub struct Gate {
    limits: Limits,
    seen: Seen,
    summary: Summary,
    /// File bytes and described-entry bytes together: what the decoder had to produce.
    charged_bytes: u64,
    /// Decoded bytes that the size of the archive makes plausible.
    plausible_bytes: u64,
}

impl Gate {
    /// A gate for one tree.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            seen: Seen::default(),
            summary: Summary::default(),
            charged_bytes: 0,
            plausible_bytes: u64::MAX,
        }
    }

    /// Bounds what is and will be admitted by what may come out of an archive of `archive_bytes`.
    pub(crate) fn check_archive(&mut self, archive_bytes: u64) -> Result<(), ArchiveError> {
        if archive_bytes > self.limits.archive_bytes {
            return Err(ArchiveError::Limit {
                excess: "is larger than an archive may be, in bytes",
                limit: self.limits.archive_bytes,
            });
        }
        self.plausible_bytes = archive_bytes
            .saturating_mul(self.limits.ratio)
            .max(self.limits.ratio_floor_bytes);
        self.charge(0)
    }

    /// Admits a directory called `name`, again if it was there before; `None` is the root itself.
    ///
    /// # Errors
    /// [`ArchiveError::Member`] or [`ArchiveError::Limit`].
    pub fn admit_directory(&mut self, name: &[u8]) -> Result<Option<MemberPath>, ArchiveError> {
        self.count_entry()?;
        let path =
            MemberPath::directory(name, &self.limits).map_err(|fault| self.refuse(name, fault))?;
        if let Some(path) = &path {
            self.add(name, path, Kind::Directory)?;
        }
        Ok(path)
    }

    /// Admits a file called `name` that has `size_bytes`.
    ///
    /// The caller must not pass on a byte more.
    ///
    /// # Errors
    /// [`ArchiveError::Member`] or [`ArchiveError::Limit`].
    pub fn admit_file(&mut self, name: &[u8], size_bytes: u64) -> Result<MemberPath, ArchiveError> {
        self.count_entry()?;
        let path =
            MemberPath::file(name, &self.limits).map_err(|fault| self.refuse(name, fault))?;
        if size_bytes > self.limits.entry_bytes {
            let limit = self.limits.entry_bytes;
            return Err(self.refuse(name, MemberFault::TooLarge { limit }));
        }
        self.charge(size_bytes)?;
        self.add(name, &path, Kind::File)?;
        self.summary.files += 1;
        self.summary.unpacked_bytes += size_bytes;
        Ok(path)
    }

    /// The error that refuses the member after the last admitted one, for its kind or its header.
    pub fn refuse_next(&self, name: &[u8], fault: impl Into<MemberFault>) -> ArchiveError {
        member_error(self.summary.entries + 1, name, fault.into())
    }

    /// The error that refuses the last admitted member, for its content.
    pub fn refuse(&self, name: &[u8], fault: impl Into<MemberFault>) -> ArchiveError {
        member_error(self.summary.entries, name, fault.into())
    }

    /// The error for a failure while the last admitted member was read or passed on.
    pub(crate) fn failed(&self, name: &[u8], error: io::Error) -> ArchiveError {
        failure(self.summary.entries, name, error)
    }

    /// The error for a failure while the description of the next member was read.
    pub(crate) fn failed_next(&self, name: &[u8], error: io::Error) -> ArchiveError {
        failure(self.summary.entries + 1, name, error)
    }

    /// What was admitted so far.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Counts decoded bytes that are no file content.
    pub(crate) fn charge(&mut self, bytes: u64) -> Result<(), ArchiveError> {
        self.charged_bytes = self.charged_bytes.saturating_add(bytes);
        if self.charged_bytes > self.limits.unpacked_bytes {
            return Err(ArchiveError::Limit {
                excess: "unpacks to more bytes than allowed",
                limit: self.limits.unpacked_bytes,
            });
        }
        if self.charged_bytes > self.plausible_bytes {
            return Err(ArchiveError::Limit {
                excess: "unpacks to more times its size than allowed",
                limit: self.limits.ratio,
            });
        }
        Ok(())
    }

    fn count_entry(&mut self) -> Result<(), ArchiveError> {
        self.summary.entries += 1;
        self.check_entries(self.summary.entries)
    }

    fn add(&mut self, name: &[u8], path: &MemberPath, kind: Kind) -> Result<(), ArchiveError> {
        let member = self.summary.entries;
        self.seen
            .add(path, kind, member)
            .map_err(|fault| self.refuse(name, fault))?;
        self.check_entries(self.seen.len())
    }

    /// Both the members listed and the nodes they make are bounded: one path may imply many directories.
    fn check_entries(&self, entries: usize) -> Result<(), ArchiveError> {
        if entries <= self.limits.entries {
            return Ok(());
        }
        Err(ArchiveError::Limit {
            excess: "holds more files and directories than allowed",
            limit: self.limits.entries as u64,
        })
    }
}

fn member_error(number: usize, name: &[u8], fault: MemberFault) -> ArchiveError {
    ArchiveError::Member {
        number,
        name: String::from_utf8_lossy(name).into_owned(),
        fault,
    }
}

/// Tells a fault of the archive, which readers wrap, from a failure of the sink.
fn failure(number: usize, name: &[u8], error: io::Error) -> ArchiveError {
    ArchiveError::unwrap_io(error, |error| match error.downcast::<MemberFault>() {
        Ok(fault) => member_error(number, name, fault),
        Err(source) => ArchiveError::Write {
            name: String::from_utf8_lossy(name).into_owned(),
            source,
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sink::Sink;

    /// A sink that drops everything.
    pub(crate) struct Nowhere;

    impl Sink for Nowhere {
        fn directory(&mut self, _: &MemberPath) -> io::Result<()> {
            Ok(())
        }

        fn file(&mut self, _: &MemberPath, _: bool, _: &mut dyn io::Read) -> io::Result<()> {
            Ok(())
        }
    }

    fn limits() -> Limits {
        Limits {
            entries: 3,
            entry_bytes: 10,
            unpacked_bytes: 20,
            ..Limits::default()
        }
    }

    /// Each sum holds at its limit and breaks one above it.
    #[test]
    fn gate_limits_are_inclusive() {
        let mut gate = Gate::new(&limits());
        gate.admit_file(b"a", 10).unwrap();
        gate.admit_file(b"b", 10).unwrap();
        gate.admit_directory(b"c").unwrap();
        assert_eq!(
            gate.summary(),
            Summary {
                entries: 3,
                files: 2,
                unpacked_bytes: 20
            }
        );
        assert!(matches!(
            gate.admit_directory(b"c"),
            Err(ArchiveError::Limit { limit: 3, .. })
        ));

        let mut gate = Gate::new(&limits());
        assert_eq!(
            gate.admit_file(b"a", 11).unwrap_err().to_string(),
            "member 1 `a` is larger than 10 bytes"
        );
        let mut gate = Gate::new(&limits());
        gate.admit_file(b"a", 10).unwrap();
        gate.charge(10).unwrap();
        assert!(matches!(
            gate.charge(1),
            Err(ArchiveError::Limit { limit: 20, .. })
        ));
    }

    /// Directories that a path implies count like listed ones.
    #[test]
    fn gate_counts_implied_directories() {
        assert!(Gate::new(&limits()).admit_file(b"a/b/c", 0).is_ok());
        assert!(Gate::new(&limits()).admit_file(b"a/b/c/d", 0).is_err());
    }

    /// The ratio is asked only above its floor.
    #[test]
    fn gate_ratio_holds_above_its_floor() {
        let limits = Limits {
            ratio: 10,
            ratio_floor_bytes: 100,
            ..Limits::default()
        };
        for (archive_bytes, size_bytes, is_taken) in [
            (1, 100, true),
            (1, 101, false),
            (20, 200, true),
            (20, 201, false),
        ] {
            let mut gate = Gate::new(&limits);
            gate.check_archive(archive_bytes).unwrap();
            assert_eq!(gate.admit_file(b"a", size_bytes).is_ok(), is_taken);
            let mut late = Gate::new(&limits);
            late.admit_file(b"a", size_bytes).unwrap();
            assert_eq!(late.check_archive(archive_bytes).is_ok(), is_taken);
        }
    }

    /// The text says which member, what name and what is wrong, with terminal codes made harmless.
    #[test]
    fn gate_refusal_names_the_member() {
        let mut gate = Gate::new(&limits());
        gate.admit_file(b"README.md", 1).unwrap();
        let text = |e: ArchiveError| e.to_string();
        assert_eq!(
            text(gate.refuse_next(b"l\x1b[2J", MemberFault::Kind("a symbolic link"))),
            "member 2 `l\\u{1b}[2J` is a symbolic link; a pack holds regular files and directories only"
        );
        assert_eq!(
            text(gate.admit_file(b"../../etc/cron.d/x", 1).unwrap_err()),
            "member 2 `../../etc/cron.d/x` leaves the pack directory"
        );
        assert_eq!(
            text(gate.admit_file(b"readme.md", 1).unwrap_err()),
            "member 3 `readme.md` has the path of member 1 where case or Unicode form does not count"
        );
    }
}
