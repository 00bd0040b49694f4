//! How template values become HTML.
//!
//! The engine's own escaping also writes `/` as `&#x2f;`, which doubles addresses and hides them from
//! people who search the source. Our attributes are always quoted, so five characters are enough.

use std::fmt;

use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Error, Output, State, Value, escape_formatter};

/// Writes one value: text escaped, text of our own making as it is, everything else as the engine does.
///
/// SECURITY: every foreign character of a page passes here or through [`crate::readme`].
pub(crate) fn write(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if let (AutoEscape::Html, ValueKind::String, false, Some(text)) = (
        state.auto_escape(),
        value.kind(),
        value.is_safe(),
        value.as_str(),
    ) {
        return Ok(escape(out, text)?);
    }
    escape_formatter(out, state, value)
}

/// The filter `ticks`: text of one line or more in which `` `words` `` in back ticks become code.
pub(crate) fn ticks(text: &Value) -> Result<Value, Error> {
    let Some(source) = text.as_str().filter(|text| text.contains('`')) else {
        return Ok(text.clone());
    };
    let mut html = String::with_capacity(source.len() + 32);
    escape_ticks(&mut html, source)?;
    Ok(Value::from_safe_string(html))
}

/// Escapes text, in which `` `words` `` in back ticks become code.
///
/// # Errors
/// Those of `out`.
pub(crate) fn escape_ticks(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut rest = text;
    while let Some((before, code, after)) = next_code(rest) {
        escape(out, before)?;
        out.write_str("<code>")?;
        escape(out, code)?;
        out.write_str("</code>")?;
        rest = after;
    }
    escape(out, rest)
}

/// Splits at the first non-empty pair of back ticks.
fn next_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    (!code.is_empty()).then_some((before, code, after))
}

/// Writes text so that it is text and nothing else in HTML, XML and quoted attributes of both.
///
/// # Errors
/// Those of `out`.
pub fn escape(out: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let mut rest = text;
    // Most texts hold none of them: to look at all bytes without a branch for each takes a fraction of the time.
    let is_special = |byte: u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
    if text.bytes().fold(false, |any, byte| any | is_special(byte)) {
        // All five are ASCII, which is no part of another character.
        while let Some((at, entity)) = rest.bytes().enumerate().find_map(special) {
            let (plain, special) = rest.split_at(at);
            out.write_str(plain)?;
            out.write_str(entity)?;
            rest = special.get(1..).unwrap_or_default();
        }
    }
    out.write_str(rest)
}

/// The place and the entity of a character that means something in HTML.
fn special((at, byte): (usize, u8)) -> Option<(usize, &'static str)> {
    let entity = match byte {
        b'&' => "&amp;",
        b'<' => "&lt;",
        b'>' => "&gt;",
        b'"' => "&quot;",
        b'\'' => "&#39;",
        _ => return None,
    };
    Some((at, entity))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Code is marked, and nothing in or around it escapes being escaped.
    #[test]
    fn ticks_escapes_every_part() {
        let html = |text: &str| ticks(&Value::from(text)).unwrap();
        assert_eq!(
            html("a `<b>` & `c`").to_string(),
            "a <code>&lt;b&gt;</code> &amp; <code>c</code>"
        );
        assert_eq!(html("<i> `open").to_string(), "&lt;i&gt; `open");
        assert!(!html("<b>").is_safe());
        assert!(html("`'\"`").to_string().contains("&#39;&quot;"));
    }
}
