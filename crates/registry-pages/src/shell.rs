//! Quoting for commands that people copy into a shell.

use std::borrow::Cow;

use pack_format::text::is_deceptive;

/// `word` as one word of a POSIX shell, or `None` when no quoting would make it safe to paste
/// (control characters, line breaks, text that reads differently from what it is).
///
/// SECURITY: refs, subdirectories and URLs come from pack authors; the reader pastes the line.
pub(crate) fn quote(word: &str) -> Option<Cow<'_, str>> {
    // Nearly every word is printable ASCII, which is seen without decoding it.
    let printable = word
        .bytes()
        .fold(true, |all, b| all & matches!(b, b' '..=b'~'));
    let unsafe_to_paste = |c: char| is_deceptive(c) || matches!(c, '\n' | '\r' | '\t');
    if word.is_empty() || (!printable && word.chars().any(unsafe_to_paste)) {
        return None;
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:@+=,%^".contains(&b);
    if word.bytes().all(plain) {
        return Some(Cow::Borrowed(word));
    }
    Some(Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words that a shell would read otherwise are quoted, and what could drive a terminal is refused.
    #[test]
    fn quote_leaves_one_word() {
        assert_eq!(quote("slack@2.1.0").unwrap(), "slack@2.1.0");
        assert_eq!(quote("a b").unwrap(), "'a b'");
        assert_eq!(quote("x;rm -rf ~").unwrap(), "'x;rm -rf ~'");
        assert_eq!(quote("it's").unwrap(), r"'it'\''s'");
        assert_eq!(quote("$(id)`id`").unwrap(), "'$(id)`id`'");
        for bad in ["", "a\nb", "a\u{202e}b", "\u{1b}[2J", "a\tb"] {
            assert!(quote(bad).is_none(), "{bad:?}");
        }
    }
}
