//! `HostLimit`: how many requests one host gets at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// At most so many requests to one host and port at once; clones share the count.
#[derive(Debug, Clone)]
pub struct HostLimit {
    most: usize,
    hosts: Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>,
}

impl HostLimit {
    /// A limit of `most` requests, at least one.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.clamp(1, Semaphore::MAX_PERMITS),
            hosts: Arc::default(),
        }
    }

    /// Waits for a turn at the host of `url`; it ends when what is returned is dropped.
    pub(crate) async fn turn(&self, url: &Url) -> Option<OwnedSemaphorePermit> {
        let host = url.origin().ascii_serialization();
        let semaphore = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            let fresh = || Arc::new(Semaphore::new(self.most));
            Arc::clone(hosts.entry(host).or_insert_with(fresh))
        };
        // Fails only for a semaphore that was closed, which nobody does.
        semaphore.acquire_owned().await.ok()
    }
}
