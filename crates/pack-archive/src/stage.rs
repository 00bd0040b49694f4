//! `Stage`: holds the members of a small archive in memory until all of it was read.
//!
//! Most archives fit. A damaged or hostile one is then refused without a single file made and
//! removed again, which matters when it lists fifty thousand of them.

use std::io::{self, Read};
use std::ops::Range;

use crate::dir_sink::DirSink;
use crate::error::ArchiveError;
use crate::member_path::MemberPath;
use crate::sink::Sink;

/// Most memory that held members may take, in bytes (8 MiB); beyond it they are written as they come.
const MAX_HELD_BYTES: usize = 8 * 1024 * 1024;

/// A member that is held: a directory, or a file with its execute bit and its place in the arena.
type Held = (MemberPath, Option<(bool, Range<usize>)>);

/// Passes members on to a [`DirSink`], late.
pub(crate) struct Stage {
    sink: DirSink,
    held: Vec<Held>,
    /// The contents of held files, one behind the other.
    arena: Vec<u8>,
    names_bytes: usize,
    is_direct: bool,
}

impl Stage {
    /// A stage in front of `sink`.
    pub(crate) fn new(sink: DirSink) -> Self {
        Self {
            sink,
            held: Vec::new(),
            arena: Vec::new(),
            names_bytes: 0,
            is_direct: false,
        }
    }

    /// Writes what is held.
    pub(crate) fn finish(mut self) -> Result<(), ArchiveError> {
        self.write_held()
    }

    fn write_held(&mut self) -> Result<(), ArchiveError> {
        for (path, file) in self.held.drain(..) {
            match file {
                Some((executable, content)) => {
                    self.sink.write(&path, executable, &self.arena[content])
                }
                None => self.sink.directory(&path),
            }
            .map_err(|source| ArchiveError::Write {
                name: path.to_string(),
                source,
            })?;
        }
        Ok(())
    }

    /// Goes over to writing members as they come.
    fn go_direct(&mut self) -> io::Result<()> {
        self.is_direct = true;
        self.write_held()?;
        self.held = Vec::new();
        Ok(())
    }

    fn hold(&mut self, path: &MemberPath, file: Option<(bool, Range<usize>)>) -> io::Result<()> {
        self.names_bytes += size_of::<Held>() + path.as_str().len();
        self.held.push((path.clone(), file));
        if self.names_bytes + self.arena.len() <= MAX_HELD_BYTES {
            return Ok(());
        }
        self.go_direct()?;
        self.arena = Vec::new();
        Ok(())
    }
}

impl Sink for Stage {
    fn directory(&mut self, path: &MemberPath) -> io::Result<()> {
        if self.is_direct {
            return self.sink.directory(path);
        }
        self.hold(path, None)
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn Read,
    ) -> io::Result<()> {
        if self.is_direct {
            return self.sink.file(path, executable, content);
        }
        let start = self.arena.len();
        let room = (MAX_HELD_BYTES - self.names_bytes).saturating_sub(start) as u64;
        let read = content.take(room + 1).read_to_end(&mut self.arena)? as u64;
        if read <= room {
            return self.hold(path, Some((executable, start..self.arena.len())));
        }
        self.go_direct()?;
        let arena = std::mem::take(&mut self.arena);
        self.sink
            .file(path, executable, &mut (&arena[start..]).chain(content))
    }
}
