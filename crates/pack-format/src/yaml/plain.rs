//! The plain part of YAML that most files of packs keep to, read line by line.
//!
//! Mappings and lists in block style; scalars of one line, bare or in quotes without escapes; ASCII. Whatever else stands
//! in a text, an error too, makes it the full parser's: here a text is either read as that one reads it, or
//! declined. Which of the two is nobody's to notice but for the time.

use super::{Member, Node, NodeValue, Scalar, ScalarType};

/// Longest text read here, in bytes (64 KiB): too short to reach the limits of nodes and bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Deepest nesting read here.
const MAX_DEPTH: usize = 32;

/// Longest key read here, in bytes; keys of the full parser end at 1,024.
const MAX_KEY_BYTES: usize = 128;

/// Most keys of one mapping read here: each is compared to all others.
const MAX_KEYS: usize = 128;

/// The document in `text`, or `None` where the full parser has to look.
pub(super) fn parse(text: &str) -> Option<Node> {
    // All bytes are looked at in one go, without a branch for each.
    let is_plain = |all: bool, byte: u8| all & matches!(byte, b'\n' | b' '..=b'~');
    if text.len() > MAX_BYTES || !text.bytes().fold(true, is_plain) {
        return None;
    }
    let mut reader = Reader {
        rest: text,
        number: 0,
        line: None,
    };
    reader.advance();
    if reader
        .line
        .is_some_and(|line| line.indent == 0 && line.text == "---")
    {
        reader.advance();
    }
    let root = reader.at(0).and_then(|_| reader.block(0))?;
    reader.line.is_none().then_some(root)
}

/// A line that says something.
#[derive(Debug, Clone, Copy)]
struct Line<'a> {
    /// Spaces before the text.
    indent: usize,
    text: &'a str,
    /// From 1.
    number: usize,
}

struct Reader<'a> {
    /// What comes after `line`.
    rest: &'a str,
    /// Number of the last line taken from `rest`.
    number: usize,
    /// The line to be read next; `None` at the end.
    line: Option<Line<'a>>,
}

impl<'a> Reader<'a> {
    /// Goes to the next line that is neither blank nor a comment.
    fn advance(&mut self) {
        self.line = None;
        while self.line.is_none() && !self.rest.is_empty() {
            let end = memchr::memchr(b'\n', self.rest.as_bytes());
            let (whole, rest) = match end {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, ""),
            };
            self.rest = rest;
            self.number += 1;
            let text = whole.trim_start_matches(' ');
            if !text.is_empty() && !text.starts_with('#') {
                self.line = Some(Line {
                    indent: whole.len() - text.len(),
                    text,
                    number: self.number,
                });
            }
        }
    }

    /// The line to be read next, if it stands at `indent`.
    fn at(&self, indent: usize) -> Option<Line<'a>> {
        self.line.filter(|line| line.indent == indent)
    }

    /// A block that started at `first` and ends here, unless the next line stands deeper, which nothing read here allows.
    fn end(&self, first: Line<'a>, value: NodeValue) -> Option<Node> {
        let is_deeper = self.line.is_some_and(|line| line.indent > first.indent);
        (!is_deeper).then_some(Node {
            line: first.number,
            value,
        })
    }

    fn block(&mut self, depth: usize) -> Option<Node> {
        let line = self.line?;
        if depth > MAX_DEPTH {
            return None;
        }
        if line.text.starts_with("- ") {
            self.sequence(line, depth)
        } else {
            self.mapping(line, depth)
        }
    }

    fn sequence(&mut self, first: Line<'a>, depth: usize) -> Option<Node> {
        let mut items = Vec::new();
        while let Some(line) = self.at(first.indent)
            && let Some(item) = line.text.strip_prefix("- ")
        {
            let text = item.trim_start_matches(' ');
            if member(text).is_none() {
                items.push(scalar(text, line.number)?);
                self.advance();
                continue;
            }
            if depth >= MAX_DEPTH {
                return None;
            }
            let inner = Line {
                indent: line.indent + line.text.len() - text.len(),
                text,
                number: line.number,
            };
            self.line = Some(inner);
            items.push(self.mapping(inner, depth + 1)?);
        }
        self.end(first, NodeValue::Sequence(items))
    }

    fn mapping(&mut self, first: Line<'a>, depth: usize) -> Option<Node> {
        let mut members: Vec<Member> = Vec::new();
        while let Some(line) = self.at(first.indent) {
            let (key, value) = member(line.text)?;
            if members.len() == MAX_KEYS || members.iter().any(|member| member.key == key) {
                return None;
            }
            self.advance();
            let value = match value {
                "" => self.below(first.indent, depth)?,
                value => scalar(value, line.number)?,
            };
            members.push(Member {
                key: key.to_owned(),
                line: line.number,
                value,
            });
        }
        self.end(first, NodeValue::Mapping(members))
    }

    /// What stands below a key at `indent`: a block that is indented more, or a list that is not.
    fn below(&mut self, indent: usize, depth: usize) -> Option<Node> {
        let line = self.line?;
        let is_block = line.indent > indent;
        let is_list = line.indent == indent && line.text.starts_with("- ");
        (is_block || is_list).then(|| self.block(depth + 1))?
    }
}

/// The key a text starts with, and what follows its colon on the line.
fn member(text: &str) -> Option<(&str, &str)> {
    let starts = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let continues = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let length = text.bytes().take_while(continues).count();
    let (key, rest) = text.split_at(length);
    if length > MAX_KEY_BYTES || !key.as_bytes().first().is_some_and(starts) {
        return None;
    }
    let value = rest.strip_prefix(':')?;
    if !value.is_empty() && !value.starts_with(' ') {
        return None;
    }
    let is_string = super::scalar::resolve(key) == ScalarType::String;
    is_string.then(|| (key, value.trim_start_matches(' ')))
}

/// A scalar that is all of `text`.
fn scalar(text: &str, line: usize) -> Option<Node> {
    let first = *text.as_bytes().first()?;
    let scalar = match first {
        b'"' | b'\'' => {
            let inner = text[1..].strip_suffix(char::from(first))?;
            let ends = |byte: u8| byte == first || byte == b'\\';
            if inner.bytes().any(ends) {
                return None;
            }
            Scalar::new(inner.to_owned(), false)
        }
        _ if is_bare(text) => Scalar::new(text.to_owned(), true),
        _ => return None,
    };
    Some(Node {
        line,
        value: NodeValue::Scalar(scalar),
    })
}

/// Whether a text without quotes is one scalar, and no more than that.
fn is_bare(text: &str) -> bool {
    let bytes = text.as_bytes();
    let starts = match bytes {
        [b'-', second, ..] => second.is_ascii_digit(),
        [first, ..] => first.is_ascii_alphanumeric() || b"_/.~+$(<^".contains(first),
        [] => false,
    };
    let mark = |pair: &[u8]| pair == b": " || pair == b" #";
    starts && !text.ends_with([':', ' ']) && !bytes.windows(2).any(mark)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::yaml::build::full;

    /// Whether `text` was read here; what was read is what the full parser reads.
    fn agrees(text: &str) -> bool {
        let plain = parse(text);
        if let Some(node) = &plain {
            let full = full("f.yaml", text);
            assert_eq!(full.as_ref().ok(), Some(node), "{text}\n{full:?}");
        }
        plain.is_some()
    }

    /// What files of packs are made of is read here.
    #[test]
    fn files_of_packs_are_plain() {
        for text in [
            "ref: slack\nversion: 1.10\n",
            "---\n# what it is\nlabel: \"Slack: talk\"\nauthor: 'A # B'\n\nkeywords:\n  - chat\n  - \"on\"\n",
            "required:\n- a\n- b\nparameters:\n    type: object\n    properties:\n        x:\n            default: -5\n",
            "packs:\n  - ref: core\n    version: \">=1.0\"\n    of:\n    - a\n  -   ref: aws\n      version: ~\nend: true",
            "url: https://git.example.org/a.git\npath: ./a/b\nspan:  two  blanks\n",
            "- a\n- b: 1\n  c: 2\n",
        ] {
            assert!(agrees(text), "{text}");
        }
    }

    /// Everything else is declined.
    #[test]
    fn what_is_not_plain_is_declined() {
        let deep: String = (0..=MAX_DEPTH + 1)
            .map(|n| format!("{}a:\n", " ".repeat(n)))
            .collect();
        for text in [
            "",
            "# nothing\n",
            " a: 1\n",
            "a: 1\na: 2\n",
            "a: 1\n  b: 2\n",
            "a: b\n  c\n",
            "a:\n    b: 1\n  c: 2\n",
            "a:\nb: 1\n",
            "a:\n",
            "a: |\n  text\n",
            "a: [b]\n",
            "a: {}\n",
            "a: &x b\n",
            "a: *x\n",
            "a: !t b\n",
            "a: \"b\\n\"\n",
            "a: \"b\" c\n",
            "a: 'it''s'\n",
            "a: b: c\n",
            "a: b # c\n",
            "a: b:\n",
            "a: b \n",
            "a:\tb\n",
            "a: b\r\n",
            "a: é\n",
            "a: @b\n",
            "a: - b\n",
            "a:b\n",
            "null: b\n",
            "1: b\n",
            "<<: b\n",
            "\"a\": b\n",
            "? a\n",
            "text\n",
            "- - a\n",
            "-\n  a: 1\n",
            "- a: 1\n b: 2\n",
            "a: 1\n---\nb: 1\n",
            "  ---\n- a\n",
            "a: 1\n...\n",
            "%YAML 1.2\n---\na: 1\n",
            deep.as_str(),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    /// Parts of lines, more of them near the border of what is plain than files have.
    fn lines() -> impl Strategy<Value = String> {
        let indent = prop_oneof![4 => Just(0), 4 => Just(2), 2 => Just(4), 1 => 0..7_usize];
        let dash = prop_oneof![5 => Just(""), 2 => Just("- "), 1 => Just("-   "), 1 => Just("-")];
        let key = prop_oneof![
            6 => "[a-d]",
            1 => "[a-c_][-a-z0-9_.]{0,3}",
            1 => prop::sample::select(vec!["null", "true", "1", "'a'", "<<", "?", "a b", "", "---"])
                .prop_map(str::to_owned),
        ];
        let colon = prop_oneof![6 => Just(": "), 2 => Just(":"), 1 => Just(" : "), 1 => Just("")];
        let value = prop_oneof![
            3 => Just(String::new()),
            3 => "[-a-z0-9./+~]{1,4}( [-a-z:#]{1,4})?",
            2 => "\"[a-z :#']{0,4}\"",
            1 => "'[a-z :#\"]{0,4}'",
            1 => "[ -~]{0,5}",
            1 => prop::sample::select(vec!["|", ">", "[a]", "{}", "&a", "*a", "!t x", "# c", "...", "null"])
                .prop_map(str::to_owned),
        ];
        (indent, dash, key, colon, value).prop_map(|(indent, dash, key, colon, value)| {
            format!("{}{dash}{key}{colon}{value}\n", " ".repeat(indent))
        })
    }

    /// Texts that are plain, or were before a few of their bytes were changed.
    fn nearly_plain() -> impl Strategy<Value = String> {
        let value = prop_oneof!["[a-z0-9./~-]{1,4}", "\"[a-z :#]{0,4}\"", "'[a-z :#]{0,4}'"];
        let step = (0..8_u8, 1..4_usize, 0..200_u16, value);
        let change = (
            any::<prop::sample::Index>(),
            "[-a :#\"'\n~\\[|]?",
            any::<bool>(),
        );
        let steps = prop::collection::vec(step, 1..12);
        (steps, prop::collection::vec(change, 0..3)).prop_map(|(steps, changes)| {
            let mut text = String::new();
            let mut levels = vec![0];
            for (what, more, key, value) in steps {
                let spaces = levels.last().copied().unwrap_or(0);
                let indent = " ".repeat(spaces);
                match what {
                    0..3 => text += &format!("{indent}k{key}: {value}\n"),
                    3 => {
                        text += &format!("{indent}k{key}:\n");
                        levels.push(spaces + more);
                    }
                    4 => {
                        text += &format!("{indent}k{key}:\n{indent}- {value}\n{indent}- {value}\n");
                    }
                    5 => {
                        text += &format!("{indent}k{key}:\n{indent} - k: {value}\n");
                        text += &format!("{indent}   l:\n{indent}    - {value}\n");
                    }
                    6 => text += "\n  # a word\n",
                    _ => {
                        text += &format!("{indent}e{key}: {value}\n");
                        levels.truncate(1.max(levels.len() - 1));
                    }
                }
            }
            for (place, with, insert) in changes {
                let at = place.index(text.len());
                text.replace_range(at..at + usize::from(!insert), &with);
            }
            text
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// A text is read as the full parser reads it, or declined.
        #[test]
        fn plain_reader_agrees_with_the_full_one(lines in prop::collection::vec(lines(), 1..6)) {
            agrees(&lines.concat());
        }

        /// The same close to what files hold.
        #[test]
        fn plain_reader_agrees_on_what_is_nearly_plain(text in nearly_plain()) {
            agrees(&text);
        }
    }
}
