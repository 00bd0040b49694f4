//! Texts to words, the same for what is indexed and for what is asked.
//!
//! A word is a run of letters and digits in lower case. `templates/pages/search.js` has the same rules.

/// Longest word, in characters (inclusive); what is longer is cut.
pub(crate) const MAX_WORD_CHARS: usize = 24;

/// Words that say nothing about a pack; left out of descriptions, and of questions that say more.
pub(crate) const STOP_WORDS: [&str; 30] = [
    "a", "all", "an", "and", "are", "as", "at", "be", "by", "can", "for", "from", "in", "into",
    "is", "it", "its", "of", "on", "or", "that", "the", "their", "this", "to", "use", "used",
    "when", "with", "you",
];

/// Bytes of the longest of them.
const LONGEST_STOP_WORD: usize = 5;

/// Whether a word says nothing.
pub(crate) fn is_stop_word(word: &str) -> bool {
    word.len() <= LONGEST_STOP_WORD && STOP_WORDS.binary_search(&word).is_ok()
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_word(text, |word| found.push(word.to_owned()));
    found
}

/// Hands each word of a text to `take`; plain text in lower case costs no copy.
pub(crate) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    if !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        split(&text.to_lowercase(), &mut take);
    } else {
        split(text, &mut take);
    }
}

fn split(lower: &str, take: &mut impl FnMut(&str)) {
    let mut each = |word: &str| {
        if !word.is_empty() {
            take(cut(word));
        }
    };
    // Nearly all texts are ASCII, and bytes are quicker to look at than characters.
    if lower.is_ascii() {
        let mut begin = 0;
        for (at, byte) in lower.bytes().enumerate() {
            if !byte.is_ascii_alphanumeric() {
                each(&lower[begin..at]);
                begin = at + 1;
            }
        }
        each(&lower[begin..]);
    } else {
        lower.split(|c: char| !c.is_alphanumeric()).for_each(each);
    }
}

/// Hands each word of a text to `take`, and the parts of those written `likeThis`.
pub(crate) fn each_word_and_part(text: &str, mut take: impl FnMut(&str)) {
    each_word(text, &mut take);
    if !has_parts(text) {
        return;
    }
    let mut spaced = String::with_capacity(text.len() + 8);
    let mut after_small = false;
    for c in text.chars() {
        if after_small && c.is_uppercase() {
            spaced.push(' ');
        }
        after_small = c.is_lowercase();
        spaced.push(c);
    }
    each_word(&spaced, take);
}

/// Whether a capital letter follows a small one.
fn has_parts(text: &str) -> bool {
    if text.is_ascii() {
        let mut pairs = text.as_bytes().windows(2);
        return pairs.any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase());
    }
    let mut pairs = text.chars().zip(text.chars().skip(1));
    pairs.any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

/// A name without what separates its words, for comparing what people type with refs.
pub(crate) fn joined(text: &str) -> String {
    words(text).concat()
}

fn cut(word: &str) -> &str {
    if word.len() <= MAX_WORD_CHARS {
        return word;
    }
    let end = word.char_indices().nth(MAX_WORD_CHARS);
    end.map_or(word, |(end, _)| &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever separates them; parts beside the whole.
    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(
            words("Send_message to #ops, ec2!"),
            ["send", "message", "to", "ops", "ec2"]
        );
        let mut parts = Vec::new();
        each_word_and_part("GitHub list", |word| parts.push(word.to_owned()));
        assert_eq!(parts, ["github", "list", "git", "hub", "list"]);
        assert_eq!(words("Übersicht 日本語"), ["übersicht", "日本語"]);
        assert_eq!(words(&"x".repeat(40)), ["x".repeat(MAX_WORD_CHARS)]);
        assert_eq!(joined("circle-CI"), "circleci");
        assert!(words(" .;\u{202e} ").is_empty());
        for (text, plain) in [
            ("aa-bb ", "ää-bb "),
            ("-aB", "-äB"),
            ("fooBar baz", "fööBar baz"),
        ] {
            let mut found = [Vec::new(), Vec::new()];
            for (text, found) in [text, plain].into_iter().zip(&mut found) {
                each_word_and_part(text, |word| {
                    found.push(word.replace('ä', "a").replace('ö', "o"));
                });
            }
            assert_eq!(found[0], found[1], "{text}");
        }
    }

    /// Found by halving.
    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
        let longest = STOP_WORDS.iter().map(|word| word.len()).max();
        assert_eq!(longest, Some(LONGEST_STOP_WORD));
        assert!(is_stop_word("the") && !is_stop_word("slack"));
    }
}
