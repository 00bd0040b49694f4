//! How numbers, sizes, days and names are written on a page.

use std::borrow::Cow;
use std::fmt;

use pack_format::Timestamp;
use pack_format::text::is_deceptive;
use serde::Serialize;

use crate::link::safe_path;

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `3 actions`, `1 action`.
pub(crate) fn counted(number: u64, singular: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {singular}{plural}", grouped(number))
}

/// A size in decimal units with up to three digits: `999 B`, `41 KB`, `1.5 MB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_size(&mut out, bytes);
    out
}

/// Writes what [`size`] says.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_size(out: &mut impl fmt::Write, bytes: u64) -> fmt::Result {
    const UNITS: [&str; 6] = ["KB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return write!(out, "{bytes} B");
    }
    let bytes = u128::from(bytes);
    let mut unit_bytes = 1000;
    for unit in UNITS {
        let rounded = |parts: u128| (bytes * parts + unit_bytes / 2) / unit_bytes;
        let tenths = rounded(10);
        if tenths < 100 {
            return write!(out, "{}.{} {unit}", tenths / 10, tenths % 10);
        }
        if rounded(1) < 1000 {
            return write!(out, "{} {unit}", rounded(1));
        }
        unit_bytes *= 1000;
    }
    write!(out, "{bytes} B")
}

/// An instant as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Moment {
    /// For `datetime`.
    pub(crate) iso: String,
    /// For people: `31 Jan 2026`.
    pub(crate) day: String,
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        let iso = time.to_string();
        let day = day(&iso).unwrap_or_else(|| iso.clone());
        Self { iso, day }
    }
}

/// `2026-01-31T12:00:00Z` as `31 Jan 2026`.
fn day(iso: &str) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (date, _) = iso.split_once('T')?;
    let mut parts = date.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    let day = day.parse::<u8>().ok()?;
    (year.len() == 4).then(|| format!("{day} {month} {year}"))
}

/// Foreign text for a page: characters that change how the text around them reads are taken out.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    // All bytes in one go, without a branch for each.
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    if text.bytes().fold(true, |all, byte| all & plain(byte)) {
        return Cow::Borrowed(text);
    }
    if text.chars().any(is_deceptive) {
        return Cow::Owned(text.chars().filter(|c| !is_deceptive(*c)).collect());
    }
    Cow::Borrowed(text)
}

/// [`clean`] text on one line, cut after `longest` characters.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut out = String::with_capacity(text.len().min(longest));
    let mut room = longest;
    for word in clean(text).split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
            room = room.saturating_sub(1);
        }
        let taken = word.char_indices().nth(room).map_or(word.len(), |(i, _)| i);
        out.push_str(word.get(..taken).unwrap_or_default());
        if taken < word.len() {
            let kept = out.trim_end().len();
            out.truncate(kept);
            out.push('…');
            break;
        }
        room -= word.chars().count().min(room);
    }
    out
}

/// The tile that stands for a pack: its icon, else two letters and a hue class from 0 to 11.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Tile {
    letters: String,
    hue: u32,
    /// Address of the pack's own picture.
    icon: Option<String>,
}

impl Tile {
    /// Hue from the ref alone, so that a pack keeps its colour when its label changes.
    pub(crate) fn new(pack_ref: &str, label: &str) -> Self {
        let hash = pack_ref.bytes().fold(0x811c_9dc5_u32, |hash, b| {
            (hash ^ u32::from(b)).wrapping_mul(0x0100_0193)
        });
        let initials = |text: &str| -> Vec<char> {
            text.split(|c: char| !c.is_alphanumeric())
                .filter_map(|word| word.chars().next())
                .take(2)
                .collect()
        };
        let mut letters = initials(label);
        if letters.is_empty() {
            letters = initials(pack_ref);
        }
        if let &[only] = letters.as_slice() {
            letters.extend(pack_ref.chars().filter(char::is_ascii_alphanumeric).nth(1));
            letters[0] = only;
        }
        Self {
            letters: letters
                .iter()
                .flat_map(|c| c.to_uppercase())
                .take(2)
                .collect(),
            hue: (hash ^ (hash >> 16)) % 12,
            icon: None,
        }
    }

    /// The same, with the picture at `path` from the root of the registry, to which `root` leads.
    pub(crate) fn with_icon(self, root: &str, path: Option<&str>) -> Self {
        let path = path
            .filter(|path| path.starts_with("icons/"))
            .and_then(safe_path);
        let icon = path.map(|path| format!("{root}{path}"));
        Self { icon, ..self }
    }
}

/// `text` as part of an `id`: letters, digits, `_`, `-` and `.` stay, everything else becomes `-`.
pub(crate) fn slug(text: &str) -> String {
    text.chars()
        .take(80)
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') {
                c
            } else {
                '-'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups of three from the right.
    #[test]
    fn grouped_puts_commas() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }

    /// Every change of unit, from both sides.
    #[test]
    fn size_has_at_most_three_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 KB"),
            (9_949, "9.9 KB"),
            (9_950, "10 KB"),
            (41_200, "41 KB"),
            (999_499, "999 KB"),
            (999_500, "1.0 MB"),
            (1_500_000, "1.5 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    /// A day in words; a year outside four digits is left as it is.
    #[test]
    fn moment_shows_the_day() {
        let shown = |seconds| Moment::from(Timestamp::from_unix(seconds)).day;
        assert_eq!(shown(0), "1 Jan 1970");
        assert_eq!(shown(1_769_860_800), "31 Jan 2026");
        assert!(shown(i64::MIN).contains('T'));
    }

    /// Cut at the limit, not before it.
    #[test]
    fn one_line_is_cut_after_its_limit() {
        assert_eq!(one_line("a  b\n c", 5), "a b c");
        assert_eq!(one_line("abcdef", 5), "abcde…");
        assert_eq!(one_line("abcde", 5), "abcde");
        assert_eq!(one_line("ab cd ef", 5), "ab cd…");
        assert_eq!(one_line("De\u{202e}mo", 9), "Demo");
    }

    /// Two letters, always, where there are two.
    #[test]
    fn tile_has_letters() {
        let letters = |pack_ref, label| Tile::new(pack_ref, label).letters;
        assert_eq!(letters("slack", "Slack Integration"), "SI");
        assert_eq!(letters("aws", "AWS"), "AW");
        assert_eq!(letters("x", "<>"), "X");
        assert_eq!(letters("zz", "ß"), "SS");
    }
}
