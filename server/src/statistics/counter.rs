//! `Downloads`: what was delivered, and which of it are downloads.

use std::collections::BTreeMap;
use std::mem;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use pack_format::{Day, PackRef, Version};

use crate::clock::now;
use crate::state::DownloadCount;

/// Deliveries of the same archive to the same address within this time are one download.
const SAME_DOWNLOAD: Duration = Duration::from_mins(10);

/// Deliveries that wait to be counted; more are not counted.
const MOST_WAITING: usize = 200_000;

/// Downloads that are remembered to tell repetitions; beyond that, they count.
const MOST_REMEMBERED: usize = 200_000;

/// What was delivered and is not in the database yet.
#[derive(Debug, Default)]
pub struct Downloads {
    /// Only this is locked while a request is answered.
    delivered: Mutex<Vec<(IpAddr, Box<str>)>>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    counts: BTreeMap<(PackRef, Version, Day), u64>,
    recent: BTreeMap<(IpAddr, Box<str>), Instant>,
}

impl Downloads {
    /// Notes a delivery of the archive `name`, a path below `archives/`.
    pub(crate) fn note(&self, client: IpAddr, name: &str) {
        let mut delivered = lock(&self.delivered);
        if delivered.len() < MOST_WAITING {
            delivered.push((client, name.into()));
        }
    }

    /// Takes what is to be written.
    pub(crate) fn take(&self) -> Vec<DownloadCount> {
        let delivered = mem::take(&mut *lock(&self.delivered));
        let mut counted = lock(&self.counted);
        counted.count(delivered, (Instant::now(), now().day()));
        let counts = mem::take(&mut counted.counts);
        let counts = counts.into_iter();
        counts
            .map(|((pack_ref, version, day), count)| DownloadCount {
                pack_ref,
                version,
                day,
                count,
            })
            .collect()
    }

    /// Takes back what could not be written.
    pub(crate) fn put_back(&self, counts: Vec<DownloadCount>) {
        let mut counted = lock(&self.counted);
        for one in counts {
            let key = (one.pack_ref, one.version, one.day);
            *counted.counts.entry(key).or_default() += one.count;
        }
    }
}

impl Counted {
    fn count(&mut self, delivered: Vec<(IpAddr, Box<str>)>, (at, day): (Instant, Day)) {
        let is_recent = |since: &Instant| at.saturating_duration_since(*since) < SAME_DOWNLOAD;
        self.recent.retain(|_, since| is_recent(since));
        for (client, name) in delivered {
            let Some((pack_ref, version)) = version_of(&name) else {
                continue;
            };
            if self.recent.contains_key(&(client, name.clone())) {
                continue;
            }
            if self.recent.len() < MOST_REMEMBERED {
                self.recent.insert((client, name), at);
            }
            *self.counts.entry((pack_ref, version, day)).or_default() += 1;
        }
    }
}

/// The version whose archive has this name: `<ref>/<ref>-<version>.tar.gz`.
fn version_of(name: &str) -> Option<(PackRef, Version)> {
    let (folder, file) = name.split_once('/')?;
    let text = file.strip_prefix(folder)?.strip_prefix('-')?;
    let text = text
        .strip_suffix(".tar.gz")?
        .replace("%2B", "+")
        .replace("%2b", "+");
    Some((folder.parse().ok()?, text.parse().ok()?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One address gets an archive once in ten minutes, whatever the pieces; what is no archive is not counted.
    #[test]
    fn repetitions_are_one_download() {
        let mut counted = Counted::default();
        let begun = Instant::now();
        let day = Day::from_unix(20783);
        let [one, two]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        let of = |clients: &[IpAddr], name: &str| {
            clients
                .iter()
                .map(|client| (*client, name.into()))
                .collect()
        };
        let name = "a/a-1.0.0%2Bbuild.tar.gz";
        counted.count(of(&[one, one, two, one], name), (begun, day));
        counted.count(of(&[one], name), (begun + SAME_DOWNLOAD / 2, day));
        counted.count(of(&[one], name), (begun + SAME_DOWNLOAD, day.plus(1)));
        for wrong in [
            "a/b-1.0.0.tar.gz",
            "a/a-1.tar.gz",
            "a-1.0.0.tar.gz",
            "a/a-1.0.0.zip",
        ] {
            counted.count(of(&[one], wrong), (begun, day));
        }
        let counts: Vec<_> = counted
            .counts
            .iter()
            .map(|((pack, version, day), count)| (format!("{pack}@{version}"), *day, *count))
            .collect();
        let name = "a@1.0.0+build".to_owned();
        assert_eq!(counts, [(name.clone(), day, 2), (name, day.plus(1), 1)]);
    }

    /// What could not be written is not lost.
    #[test]
    fn counts_that_were_put_back_are_taken_again() {
        let downloads = Downloads::default();
        downloads.note([10, 0, 0, 1].into(), "a/a-1.0.0.tar.gz");
        let counts = downloads.take();
        assert_eq!(counts.len(), 1);
        assert!(downloads.take().is_empty());
        downloads.put_back(counts.clone());
        downloads.note([10, 0, 0, 2].into(), "a/a-1.0.0.tar.gz");
        assert_eq!(downloads.take()[0].count, 2);
    }
}
