//! Rules for text that people read: which characters may appear, and how foreign text is shown.

/// Whether a character would change how text around it is read or drive a terminal: controls other
/// than tab and line breaks, bidirectional overrides and isolates, and byte order marks inside text.
pub fn is_deceptive(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => true,
        c => c.is_control(),
    }
}

/// `text` for an error message: one line, deceptive characters escaped, cut after 120 characters.
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 120;
    let mut shown = String::new();
    for (i, c) in text.chars().enumerate() {
        if i == LONGEST {
            shown.push('…');
            break;
        }
        if is_deceptive(c) || matches!(c, '\t' | '\n' | '\r') {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}
