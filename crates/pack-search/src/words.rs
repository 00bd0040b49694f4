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

/// Their [`beginning`]s, which are all of them.
const STOP_WORDS_AS_NUMBERS: [u64; STOP_WORDS.len()] = {
    let mut numbers = [0; STOP_WORDS.len()];
    let mut at = 0;
    while at < numbers.len() {
        numbers[at] = beginning(STOP_WORDS[at]);
        at += 1;
    }
    numbers
};

/// Whether a word says nothing.
pub(crate) fn is_stop_word(word: &str) -> bool {
    // Longer words have no zero at the end, and stop words have.
    STOP_WORDS_AS_NUMBERS
        .binary_search(&beginning(word))
        .is_ok()
}

/// The first eight bytes of a word as a number that sorts like them. A word that ends within them has zeros behind it,
/// which no word contains.
pub(crate) const fn beginning(word: &str) -> u64 {
    let bytes = word.as_bytes();
    let mut number = 0;
    let mut at = 0;
    while at < 8 {
        let byte = if at < bytes.len() { bytes[at] } else { 0 };
        number = number << 8 | byte as u64;
        at += 1;
    }
    number
}

/// Whether a [`beginning`] is all of its word.
pub(crate) const fn is_whole(beginning: u64) -> bool {
    beginning.to_be_bytes()[7] == 0
}

/// The words of a text, in order.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_word(text, |word| found.push(word.to_owned()));
    found
}

/// Hands each word of a text to `take`; plain text in lower case costs no copy.
pub(crate) fn each_word(text: &str, mut take: impl FnMut(&str)) {
    if !text.is_ascii()
        || text
            .bytes()
            .fold(false, |any, byte| any | byte.is_ascii_uppercase())
    {
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
        assert!(STOP_WORDS_AS_NUMBERS.is_sorted());
        assert!(STOP_WORDS_AS_NUMBERS.iter().all(|number| is_whole(*number)));
        assert!(STOP_WORDS.iter().all(|word| is_stop_word(word)));
        for word in ["slack", "th", "thes", "theirsbetter", ""] {
            assert!(!is_stop_word(word), "{word}");
        }
    }
}
