//! How often a file is asked for. Of one that is asked for all the time the kernel need not be asked for each request, and one
//! that is asked for again and again is worth a copy in the kernel (`kernel_copy.rs`).

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Requests for a file that come within this time of each other, 10,000 a second ...
const GAP: Duration = Duration::from_micros(100);

/// ... so many times in turn, make it hot.
const STREAK: u32 = 64;

/// As many within this time of each other, 100 a second, make it warm.
const WARM_GAP: Duration = Duration::from_millis(10);

/// How long what the kernel said of a hot file holds.
const HOLDS: Duration = Duration::from_micros(200);

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// When a file was asked for, and looked at. Nothing here needs to be exact.
#[derive(Debug, Default)]
pub(crate) struct Heat {
    /// In nanoseconds since the start, like the other.
    asked: AtomicU64,
    looked: AtomicU64,
    streak: AtomicU32,
    warm_streak: AtomicU32,
}

/// The copy of a file is asked for by itself.
impl Clone for Heat {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Heat {
    /// Notes a request; whether the file need not be looked at for it.
    pub(crate) fn holds(&self, now: Instant) -> bool {
        let now = nanoseconds(now);
        let within = |since: &AtomicU64, time: Duration| {
            u128::from(now.saturating_sub(since.load(Relaxed))) < time.as_nanos()
        };
        let streak = next(&self.streak, within(&self.asked, GAP));
        next(&self.warm_streak, within(&self.asked, WARM_GAP));
        self.asked.store(now, Relaxed);
        streak >= STREAK && within(&self.looked, HOLDS)
    }

    /// Whether it was asked for again and again until just now.
    pub(crate) fn is_warm(&self) -> bool {
        self.warm_streak.load(Relaxed) >= STREAK
    }

    /// Notes that the file was as it is known to be, after `now`.
    pub(crate) fn looked_at(&self, now: Instant) {
        self.looked.store(nanoseconds(now), Relaxed);
    }
}

/// Lengthens a streak, or begins it anew; how long it is now.
fn next(streak: &AtomicU32, goes_on: bool) -> u32 {
    let length = if goes_on {
        streak.load(Relaxed).saturating_add(1)
    } else {
        0
    };
    streak.store(length, Relaxed);
    length
}

fn nanoseconds(at: Instant) -> u64 {
    u64::try_from(at.saturating_duration_since(*START).as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only what is asked for all the time holds, and only for a moment.
    #[test]
    fn hot_file_holds_for_a_moment() {
        let start = *START + Duration::from_secs(1);
        let at = |micros| start + Duration::from_micros(micros);
        let heat = Heat::default();
        let mut now = 0;
        for n in 0..100 {
            now += 50;
            let holds = heat.holds(at(now));
            assert_eq!(holds, n >= 64 && (n - 63) % 4 != 0, "{n}");
            if !holds {
                heat.looked_at(at(now));
            }
        }
        assert!(!heat.holds(at(now + 101)), "a pause");
        heat.looked_at(at(now + 101));
        assert!(!heat.holds(at(now + 102)), "one more is no streak");
    }
}
