//! `Writer`: a thread that writes lines together, so that no request waits for a disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::operations::Metrics;

/// Lines that wait at most, in bytes. What comes while a disk does not take more is counted and dropped.
const MOST_WAITING: usize = 4 * 1024 * 1024;

/// From so many bytes on they are written at once.
const MANY: usize = 64 * 1024;

/// How long the first of few lines waits for others.
const PATIENCE: Duration = Duration::from_millis(100);

/// Takes lines and writes them soon; at its end, at once.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    path: Option<PathBuf>,
    metrics: Arc<Metrics>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: Vec<u8>,
    /// The file to go on with.
    next: Option<File>,
    has_ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    pub(super) fn to_stderr(metrics: Arc<Metrics>) -> io::Result<Self> {
        Self::start(Box::new(io::stderr()), None, metrics)
    }

    pub(super) fn to_file(path: &Path, metrics: Arc<Metrics>) -> io::Result<Self> {
        Self::start(Box::new(append(path)?), Some(path.to_owned()), metrics)
    }

    fn start(
        target: Box<dyn Write + Send>,
        path: Option<PathBuf>,
        metrics: Arc<Metrics>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let thread = thread::Builder::new()
            .name("access log".to_owned())
            .spawn({
                let shared = Arc::clone(&shared);
                move || write_all(&shared, target)
            })?;
        Ok(Self {
            shared,
            path,
            metrics,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Takes the line that `write` appends.
    pub(super) fn line(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut waiting = self.shared.lock();
        let before = waiting.lines.len();
        if before >= MOST_WAITING {
            drop(waiting);
            self.metrics.unlogged(1);
            return;
        }
        write(&mut waiting.lines);
        let is_many = before < MANY && waiting.lines.len() >= MANY;
        drop(waiting);
        if before == 0 || is_many {
            self.shared.changed.notify_one();
        }
    }

    /// Goes on with the file that has the name now.
    pub(super) fn reopen(&self) -> io::Result<()> {
        if let Some(path) = &self.path {
            let file = append(path)?;
            self.shared.lock().next = Some(file);
        }
        Ok(())
    }

    /// Writes what waits, and nothing any more.
    pub(super) fn finish(&self) {
        self.shared.lock().has_ended = true;
        self.shared.changed.notify_one();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.finish();
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_all(shared: &Shared, mut target: Box<dyn Write + Send>) {
    let mut lines = Vec::new();
    loop {
        let mut waiting = shared.lock();
        while waiting.lines.is_empty() && !waiting.has_ended {
            waiting = shared
                .changed
                .wait(waiting)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if waiting.lines.len() < MANY && !waiting.has_ended {
            let is_few = |waiting: &mut Waiting| waiting.lines.len() < MANY && !waiting.has_ended;
            let waited = shared.changed.wait_timeout_while(waiting, PATIENCE, is_few);
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        lines.clear();
        mem::swap(&mut waiting.lines, &mut lines);
        let (next, has_ended) = (waiting.next.take(), waiting.has_ended);
        drop(waiting);
        if let Some(next) = next {
            target = Box::new(next);
        }
        // A log that cannot be written must not stop what it tells of.
        let _ = target.write_all(&lines).and_then(|()| target.flush());
        if has_ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every line is written, in order; after a move, into the new file.
    #[test]
    fn lines_are_written_in_order_and_to_the_file_of_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        std::fs::write(&path, "before\n").unwrap();
        let writer = Writer::to_file(&path, Arc::default()).unwrap();
        for n in 0..1000 {
            writer.line(|line| {
                let _ = writeln!(line, "{n}");
            });
        }
        drop(writer);
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: String = (0..1000).map(|n| format!("{n}\n")).collect();
        assert_eq!(text, format!("before\n{expected}"));

        let writer = Writer::to_file(&path, Arc::default()).unwrap();
        let moved = folder.path().join("access.log.1");
        std::fs::rename(&path, &moved).unwrap();
        writer.reopen().unwrap();
        writer.line(|line| line.extend(b"one\n"));
        drop(writer);
        let both = [&moved, &path].map(|path| std::fs::read_to_string(path).unwrap());
        assert_eq!(both, [text, "one\n".to_owned()]);
    }
}
