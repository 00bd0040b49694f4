//! Loaded files, kept within a budget of memory.
//!
//! Nothing here decides whether an entry is still good: `tree.rs` asks the kernel for each request.

use crate::entry::Entry;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

/// Bytes of memory for loaded files (64 MiB): every document of some 10,000 packs.
const BUDGET: usize = 64 * 1024 * 1024;

#[expect(
    clippy::disallowed_types,
    reason = "looked up for each request and never iterated"
)]
type Slots = std::collections::HashMap<Arc<str>, Slot>;

/// Entries by the name of their file.
///
/// When the budget is used up the oldest entry goes that was not asked for since it was last looked at
/// (second chance), so a walk over all archives does not drive out `packs.json`.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    slots: Slots,
    queue: VecDeque<Arc<str>>,
    cost: usize,
}

#[derive(Debug)]
struct Slot {
    entry: Arc<Entry>,
    asked_for: AtomicBool,
}

impl Cache {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Entry>> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let slot = inner.slots.get(name)?;
        if !slot.asked_for.load(Relaxed) {
            slot.asked_for.store(true, Relaxed);
        }
        Some(Arc::clone(&slot.entry))
    }

    pub(crate) fn insert(&self, name: &str, entry: Arc<Entry>) {
        self.insert_within(name, entry, BUDGET);
    }

    /// Forgets what is known of a file.
    pub(crate) fn remove(&self, name: &str) {
        let is_known = |inner: &Inner| inner.slots.contains_key(name);
        if !is_known(&self.inner.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = inner.slots.remove(name) {
            inner.cost -= slot.entry.cost();
            inner.queue.retain(|queued| **queued != *name);
        }
    }

    fn insert_within(&self, name: &str, entry: Arc<Entry>, budget: usize) {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        inner.cost += entry.cost();
        let slot = Slot {
            entry,
            asked_for: AtomicBool::new(false),
        };
        let name: Arc<str> = name.into();
        match inner.slots.insert(Arc::clone(&name), slot) {
            Some(former) => inner.cost -= former.entry.cost(),
            None => inner.queue.push_back(name),
        }
        inner.shrink(budget);
    }
}

impl Inner {
    fn shrink(&mut self, budget: usize) {
        while self.cost > budget
            && let Some(name) = self.queue.pop_front()
        {
            match self.slots.get(&name) {
                Some(slot) if slot.asked_for.swap(false, Relaxed) => self.queue.push_back(name),
                _ => {
                    if let Some(slot) = self.slots.remove(&name) {
                        self.cost -= slot.entry.cost();
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;
    use crate::entry::{Entry, LargeFiles};
    use std::sync::Arc;

    /// Past the budget the entry goes that nobody asked for; replacing an entry counts it once.
    #[test]
    fn insert_over_budget_drops_the_unused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), [0; 1000]).unwrap();
        let entry = || {
            Arc::new(
                Entry::load(
                    folder.path(),
                    c"file".to_owned(),
                    "file",
                    &LargeFiles::default(),
                )
                .unwrap(),
            )
        };
        let budget = entry().cost() * 2;
        let cache = Cache::default();
        for _ in 0..5 {
            cache.insert_within("a", entry(), budget);
        }
        cache.insert_within("b", entry(), budget);
        assert!(cache.get("a").is_some());
        cache.insert_within("c", entry(), budget);
        assert!(cache.get("a").is_some());
        assert!(cache.get("b").is_none());
        assert!(cache.get("c").is_some());
        cache.insert_within("d", entry(), 0);
        assert_eq!(cache.inner.read().unwrap().cost, 0);
        assert!(cache.inner.read().unwrap().queue.is_empty());
    }
}
