//! Downloads over time, as a small drawing: one bar a day.

use pack_format::Day;
use pack_format::statistics::{PackDownloads, RECENT_DAYS};
use serde::Serialize;

use crate::text::grouped;

/// Height of the highest bar, in units of the drawing.
const HEIGHT: u64 = 20;

/// The days up to the last one with a download.
#[derive(Debug, Serialize)]
pub(crate) struct Recent {
    /// Downloads of these days.
    count: String,
    from: String,
    to: String,
    bars: Vec<Bar>,
}

/// A day with downloads.
#[derive(Debug, Serialize)]
struct Bar {
    x: i64,
    y: u64,
    height: u64,
}

impl Recent {
    /// `None` where there is nothing to draw.
    pub(crate) fn of(downloads: &PackDownloads) -> Option<Self> {
        let (to, _) = downloads.days.last_key_value()?;
        let from = to.plus(1 - RECENT_DAYS);
        let days = || downloads.days.range(from..);
        let most = days().map(|(_, count)| *count).max()?.max(1);
        let bar = |(day, count): (&Day, &u64)| {
            let height = (count.saturating_mul(HEIGHT) / most).clamp(1, HEIGHT);
            Bar {
                x: day.as_unix() - from.as_unix(),
                y: HEIGHT - height,
                height,
            }
        };
        Some(Self {
            count: grouped(days().map(|(_, count)| *count).fold(0, u64::saturating_add)),
            from: from.to_string(),
            to: to.to_string(),
            bars: days().map(bar).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest bar is as high as the drawing, the lowest is to be seen, and days before the window are left out.
    #[test]
    fn bars_fit_the_drawing() {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let downloads = PackDownloads {
            days: [
                (day("2026-01-01"), 5000),
                (day("2026-10-28"), 1),
                (day("2026-11-26"), 1000),
            ]
            .into(),
            ..PackDownloads::default()
        };
        let recent = Recent::of(&downloads).unwrap();
        let bars: Vec<_> = recent.bars.iter().map(|b| (b.x, b.y, b.height)).collect();
        assert_eq!(bars, [(0, 19, 1), (29, 0, 20)]);
        assert_eq!(
            (recent.count.as_str(), recent.from.as_str()),
            ("1,001", "2026-10-28")
        );
        assert!(Recent::of(&PackDownloads::default()).is_none());
    }
}
