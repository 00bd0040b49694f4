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
    let mut rest = source;
    while let Some((before, code, after)) = next_code(rest) {
        escape(&mut html, before)?;
        html.push_str("<code>");
        escape(&mut html, code)?;
        html.push_str("</code>");
        rest = after;
    }
    escape(&mut html, rest)?;
    Ok(Value::from_safe_string(html))
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
    while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
        let (plain, special) = rest.split_at(at);
        out.write_str(plain)?;
        out.write_str(match special.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            _ => "&#39;",
        })?;
        rest = special.get(1..).unwrap_or_default();
    }
    out.write_str(rest)
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
