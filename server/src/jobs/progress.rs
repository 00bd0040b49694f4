//! `Progress`: how far a job is, and what happened in it so far.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;

/// Events that are kept; who comes later misses the oldest.
const MOST_EVENTS: usize = 1000;

/// Longest line of a log, in bytes.
const MAX_LINE_BYTES: usize = 2000;

/// Least time between two events about the bytes of one download.
const BYTES_PAUSE: Duration = Duration::from_millis(250);

/// Something that happened.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// Greater than those before it.
    pub(super) id: u64,
    pub(super) data: Happened,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Happened {
    Step(Step),
    Bytes(Bytes),
    Log(Log),
}

/// A step began.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobStep")]
pub(crate) struct Step {
    /// For people.
    step: String,
    /// How far the job is.
    #[schemars(range(min = 0, max = 100))]
    percent: i64,
}

/// Bytes arrived.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobBytes")]
pub(crate) struct Bytes {
    /// What is fetched.
    subject: String,
    /// Bytes that are here.
    received: u64,
    /// All of its bytes, if that is known.
    total: Option<u64>,
    /// How far the job is.
    #[schemars(range(min = 0, max = 100))]
    percent: i64,
}

/// A line of a log.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "JobLog")]
pub(crate) struct Log {
    level: Level,
    line: String,
}

/// Whose line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Level {
    /// The server tells what it does.
    Info,
    /// The server tells what may be wrong.
    Warning,
    /// A package manager or a test wrote it.
    Output,
}

impl Happened {
    /// What events of this kind are called.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Step(_) => "step",
            Self::Bytes(_) => "bytes",
            Self::Log(_) => "log",
        }
    }
}

/// How far one pack of a job is, as part of the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reached {
    /// What is needed is known.
    Planned,
    /// So much has arrived, from 0 to 1.
    Fetched(f64),
    Building,
    Testing,
    Active,
}

impl Reached {
    /// From 0 to 1.
    fn part(self) -> f64 {
        match self {
            Self::Planned => 0.05,
            Self::Fetched(part) => 0.05 + 0.35 * part.clamp(0.0, 1.0),
            Self::Building => 0.45,
            Self::Testing => 0.7,
            Self::Active => 0.95,
        }
    }
}

/// One download.
#[derive(Debug)]
struct Download {
    received: u64,
    total: Option<u64>,
    told: Option<Instant>,
}

/// How far a job is.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) step: String,
    pub(super) percent: i64,
    events: VecDeque<Event>,
    next: u64,
    /// Which item of how many is worked on.
    item: (usize, usize),
    /// Packs that are to arrive for this item, and that have.
    packs: (usize, usize),
    downloads: BTreeMap<String, Download>,
    /// The line a program has begun.
    line: Vec<u8>,
}

impl Progress {
    pub(super) fn new(step: String) -> Self {
        Self {
            step,
            percent: 0,
            events: VecDeque::new(),
            next: 1,
            item: (0, 1),
            packs: (0, 0),
            downloads: BTreeMap::new(),
            line: Vec::new(),
        }
    }

    /// What happened after the event `last`.
    pub(super) fn since(&self, last: u64) -> Vec<Event> {
        let events = self.events.iter().filter(|event| event.id > last);
        events.cloned().collect()
    }

    fn tell(&mut self, data: Happened) {
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        let id = self.next;
        self.next += 1;
        self.events.push_back(Event { id, data });
    }

    pub(super) fn step(&mut self, text: String) {
        self.step.clone_from(&text);
        self.tell(Happened::Step(Step {
            step: text,
            percent: self.percent,
        }));
    }

    /// Item `index` of `total` begins.
    pub(super) fn item(&mut self, index: usize, total: usize) {
        self.item = (index, total.max(1));
        self.packs = (0, 0);
        self.downloads.clear();
        self.advance(0.0);
    }

    pub(super) fn reach(&mut self, reached: Reached) {
        self.advance(reached.part());
    }

    /// The item that is worked on is done to this part. A job never goes back.
    fn advance(&mut self, part: f64) {
        let (index, total) = self.item;
        #[expect(clippy::cast_precision_loss, reason = "a request has few items")]
        let percent = 100.0 * (index as f64 + part) / total as f64;
        #[expect(clippy::cast_possible_truncation, reason = "it is between 0 and 99")]
        let percent = percent.clamp(0.0, 99.0) as i64;
        self.percent = self.percent.max(percent);
    }

    pub(super) fn planned(&mut self, packs: usize) {
        self.packs = (packs, 0);
        self.reach(Reached::Planned);
    }

    pub(super) fn staged(&mut self) {
        self.packs.1 += 1;
        self.fetched();
    }

    fn fetched(&mut self) {
        let (planned, arrived) = self.packs;
        #[expect(clippy::cast_precision_loss, reason = "for people")]
        let parts = self.downloads.values().filter_map(|download| {
            let total = download.total.filter(|total| *total > 0)?;
            Some(download.received as f64 / total as f64)
        });
        // A pack that arrived counts in full; of the others what is known of their bytes.
        #[expect(clippy::cast_precision_loss, reason = "a request has few packs")]
        let sum = (arrived as f64).max(parts.sum());
        #[expect(clippy::cast_precision_loss, reason = "a request has few packs")]
        let part = sum / planned.max(1) as f64;
        self.reach(Reached::Fetched(part));
    }

    pub(super) fn download(&mut self, subject: &str, total: Option<u64>) {
        let download = Download {
            received: 0,
            total,
            told: None,
        };
        self.downloads.insert(subject.to_owned(), download);
        self.bytes(subject, 0, true);
    }

    /// `more` bytes have arrived; told at once if `is_last`, else now and then.
    pub(super) fn bytes(&mut self, subject: &str, more: u64, is_last: bool) {
        let Some(download) = self.downloads.get_mut(subject) else {
            return;
        };
        download.received += more;
        let is_due = download
            .told
            .is_none_or(|told| told.elapsed() >= BYTES_PAUSE);
        if !is_due && !is_last {
            return;
        }
        download.told = Some(Instant::now());
        let (received, total) = (download.received, download.total);
        self.fetched();
        self.tell(Happened::Bytes(Bytes {
            subject: subject.to_owned(),
            received,
            total,
            percent: self.percent,
        }));
    }

    pub(super) fn log(&mut self, level: Level, line: &str) {
        let mut end = line.len().min(MAX_LINE_BYTES);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        self.tell(Happened::Log(Log {
            level,
            line: line[..end].to_owned(),
        }));
    }

    /// What a program wrote; its lines are told once they are complete.
    pub(super) fn output(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.flush();
            } else if self.line.len() < MAX_LINE_BYTES {
                self.line.push(*byte);
            }
        }
    }

    /// Tells the line that has no end yet.
    pub(super) fn flush(&mut self) {
        if self.line.is_empty() {
            return;
        }
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        self.log(Level::Output, &line);
    }
}
