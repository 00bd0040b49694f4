//! A file sent piece by piece: constant memory, and no worker waits for a disk.

use crate::chunks::{Chunk, Chunks, LARGE};
use bytes::Bytes;
use std::fs::File;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::task::JoinHandle;

/// The bytes of an open file in a range.
///
/// What the page cache has is read at once; only bytes that have to come from the disk take the way
/// over the blocking pool, which costs two thread switches a piece. The file stays open, so a tree
/// written anew meanwhile does not change what is sent.
#[derive(Debug)]
pub(crate) struct FileStream {
    file: Arc<File>,
    left: Range<u64>,
    pending: Option<JoinHandle<io::Result<Bytes>>>,
    chunks: Arc<Chunks>,
}

impl FileStream {
    pub(crate) fn new(file: Arc<File>, range: Range<u64>, chunks: Arc<Chunks>) -> Self {
        Self {
            file,
            left: range,
            pending: None,
            chunks,
        }
    }

    /// Bytes still to be handed over.
    pub(crate) fn remaining(&self) -> u64 {
        self.left.end - self.left.start
    }

    /// The next piece; `None` at the end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.remaining() == 0 {
            return Poll::Ready(None);
        }
        let result = match self.pending.as_mut() {
            Some(task) => match Pin::new(task).poll(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(joined) => {
                    self.pending = None;
                    joined.unwrap_or_else(|error| Err(io::Error::other(error)))
                }
            },
            None => match self.read_or_send_away() {
                Some(result) => result,
                None => return self.poll_next(cx),
            },
        };
        Poll::Ready(Some(
            result.inspect(|bytes| self.left.start += bytes.len() as u64),
        ))
    }

    /// Reads a piece at once, or else has it read on the blocking pool.
    fn read_or_send_away(&mut self) -> Option<io::Result<Bytes>> {
        let wanted = usize::try_from(self.remaining())
            .unwrap_or(LARGE)
            .min(LARGE);
        let mut chunk = self.chunks.take(wanted);
        let start = self.left.start;
        if let Some(length) = read_cached(&self.file, chunk.space(), start) {
            return Some(Ok(chunk.filled(length)));
        }
        let file = Arc::clone(&self.file);
        self.pending = Some(tokio::task::spawn_blocking(move || {
            read(&file, chunk, start)
        }));
        None
    }
}

fn read(file: &File, mut chunk: Chunk, start: u64) -> io::Result<Bytes> {
    loop {
        match file.read_at(chunk.space(), start) {
            // Someone shortened the file. The connection is cut: the promised length cannot be kept.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => return Ok(chunk.filled(length)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reads what is in memory already; `None` where that cannot be told or nothing is.
#[cfg(target_os = "linux")]
fn read_cached(file: &File, space: &mut [u8], start: u64) -> Option<usize> {
    use rustix::io::{ReadWriteFlags, preadv2};

    let mut slices = [io::IoSliceMut::new(space)];
    match preadv2(file, &mut slices, start, ReadWriteFlags::NOWAIT) {
        Ok(length) if length > 0 => Some(length),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_file: &File, _space: &mut [u8], _start: u64) -> Option<usize> {
    None
}
