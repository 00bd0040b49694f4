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
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(cut)
        .collect()
}

/// The words of a text, and the parts of those written `likeThis`.
pub(crate) fn words_and_parts(text: &str) -> Vec<String> {
    let mut found = words(text);
    if text.chars().any(char::is_uppercase) {
        let mut spaced = String::with_capacity(text.len() + 8);
        let mut after_small = false;
        for c in text.chars() {
            if after_small && c.is_uppercase() {
                spaced.push(' ');
            }
            after_small = c.is_lowercase();
            spaced.push(c);
        }
        if spaced.len() != text.len() {
            found.extend(words(&spaced));
        }
    }
    found
}

/// A name without what separates its words, for comparing what people type with refs.
pub(crate) fn joined(text: &str) -> String {
    words(text).concat()
}

fn cut(word: &str) -> String {
    word.chars().take(MAX_WORD_CHARS).collect()
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
        assert_eq!(
            words_and_parts("GitHub list"),
            ["github", "list", "git", "hub", "list"]
        );
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
