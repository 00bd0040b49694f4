//! The badge of a pack: its name and newest version, as a small picture for READMEs.

use pack_format::documents::PackDocument;

use crate::escape::escape;
use crate::text::one_line;

/// Width of a letter, in pixels, about: a letter of 11 pixels in the fonts browsers have.
const LETTER: usize = 7;
/// Space beside a text, in pixels.
const MARGIN: usize = 6;
/// Characters of a text (inclusive).
const MAX_CHARS: usize = 40;

/// An SVG that says ref and newest version; amber for a deprecated pack, red for a yanked one.
///
/// Without style, script or other files, so that every host shows it.
pub fn badge(document: &PackDocument) -> Vec<u8> {
    let newest = document.newest();
    let name = one_line(document.pack_ref.as_str(), MAX_CHARS);
    let version = newest.map_or_else(|| "none".to_owned(), |v| v.version.to_string());
    let yanked = newest.is_none_or(|v| v.yanked.is_some());
    let (value, colour) = match (yanked, document.deprecated.is_some()) {
        (true, _) => ("yanked".to_owned(), "#a8221b"),
        (false, true) => ("deprecated".to_owned(), "#7a5200"),
        (false, false) => (one_line(&version, MAX_CHARS), "#2f4fc0"),
    };
    let width = |text: &str| text.chars().count() * LETTER + 2 * MARGIN;
    let (left, right) = (width(&name), width(&value));
    let (name, value) = (escaped(&name), escaped(&value));
    let text = |x: usize, width: usize, text: &str| {
        let length = width - 2 * MARGIN;
        format!(
            "<text x=\"{}\" y=\"14\" textLength=\"{length}\">{text}</text>",
            x + MARGIN
        )
    };
    let total = left + right;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"20\" role=\"img\" aria-label=\"{name}: {value}\">\n"
    );
    svg.push_str(&format!("<title>{name}: {value}</title>\n"));
    svg.push_str(&format!(
        "<rect width=\"{total}\" height=\"20\" rx=\"3\" fill=\"#3a4150\"/>\n\
         <path fill=\"{colour}\" d=\"M{left} 0h{}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{}z\"/>\n",
        right - 3,
        right - 3,
    ));
    svg.push_str(
        "<g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\">",
    );
    svg.push_str(&text(0, left, &name));
    svg.push_str(&text(left, right, &value));
    svg.push_str("</g>\n</svg>\n");
    svg.into_bytes()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Writing to a string does not fail.
    let _ = escape(&mut out, text);
    out
}
