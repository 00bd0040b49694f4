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

/// Whether a word says nothing.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.binary_search(&word).is_ok()
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
    for word in lower.split(|c: char| !c.is_alphanumeric()) {
        if !word.is_empty() {
            take(cut(word));
        }
    }
}

/// Hands each word of a text to `take`, and the parts of those written `likeThis`.
pub(crate) fn each_word_and_part(text: &str, mut take: impl FnMut(&str)) {
    each_word(text, &mut take);
    let pairs = text.chars().zip(text.chars().skip(1));
    if !pairs
        .into_iter()
        .any(|(a, b)| a.is_lowercase() && b.is_uppercase())
    {
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
    }

    /// Found by halving.
    #[test]
    fn stop_words_are_sorted() {
        assert!(STOP_WORDS.is_sorted());
        assert!(is_stop_word("the") && !is_stop_word("slack"));
    }
}
