//! Buffers for reading files: reused where many are read, small where many readers have stalled.

use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// Size of a buffer while few are out. Fewer, larger reads cost less per byte; beyond this little is gained.
pub(crate) const LARGE: usize = 256 * 1024;

/// Buffers of [`LARGE`] in use before new ones are smaller: 32 MiB.
const MANY: usize = 128;

/// Sizes of further buffers, so that 10,000 stalled readers hold some 250 MiB and not 2.5 GiB.
const MEDIUM: usize = 64 * 1024;
const SMALL: usize = 16 * 1024;
const VERY_MANY: usize = 1024;

/// Large buffers kept for the next reader: 4 MiB.
const KEPT: usize = 16;

/// Hands out buffers and takes them back.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    out: AtomicUsize,
    spare: Mutex<Vec<Vec<u8>>>,
}

impl Chunks {
    /// A buffer for at most `wanted` bytes; it may be shorter, never empty unless `wanted` is zero.
    pub(crate) fn take(self: &Arc<Self>, wanted: usize) -> Chunk {
        let size = match self.out.fetch_add(1, Relaxed) {
            ..MANY => LARGE,
            MANY..VERY_MANY => MEDIUM,
            _ => SMALL,
        };
        let length = size.min(wanted);
        // A short read gets a large buffer too: fresh pages cost more than the unused rest.
        let spare = if size == LARGE {
            self.spare().pop()
        } else {
            None
        };
        let buffer =
            spare.unwrap_or_else(|| vec![0; if length * 2 > LARGE { LARGE } else { length }]);
        let length = length.min(buffer.len());
        Chunk {
            buffer,
            length,
            home: Arc::clone(self),
        }
    }

    fn spare(&self) -> std::sync::MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that returns where it came from.
#[derive(Debug)]
pub(crate) struct Chunk {
    buffer: Vec<u8>,
    length: usize,
    home: Arc<Chunks>,
}

impl Chunk {
    /// The part to fill.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }

    /// The first `length` bytes, to be sent.
    pub(crate) fn filled(mut self, length: usize) -> Bytes {
        self.length = length.min(self.length);
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.length]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.home.out.fetch_sub(1, Relaxed);
        if self.buffer.len() == LARGE {
            let mut spare = self.home.spare();
            if spare.len() < KEPT {
                spare.push(std::mem::take(&mut self.buffer));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunks, LARGE, MANY, MEDIUM, SMALL, VERY_MANY};
    use std::sync::Arc;

    /// Many stalled readers get small buffers; once they are gone, readers get large ones again.
    #[test]
    fn take_shrinks_under_pressure() {
        let chunks = Arc::new(Chunks::default());
        let mut held: Vec<_> = (0..=VERY_MANY).map(|_| chunks.take(usize::MAX)).collect();
        let sizes: Vec<usize> = held.iter_mut().map(|chunk| chunk.space().len()).collect();
        assert_eq!((sizes[MANY - 1], sizes[MANY]), (LARGE, MEDIUM));
        assert_eq!((sizes[VERY_MANY - 1], sizes[VERY_MANY]), (MEDIUM, SMALL));
        drop(held);
        assert_eq!(chunks.take(usize::MAX).space().len(), LARGE);
        assert_eq!(chunks.take(10).filled(3).len(), 3);
        assert_eq!(chunks.out.load(std::sync::atomic::Ordering::Relaxed), 0);
    }
}
