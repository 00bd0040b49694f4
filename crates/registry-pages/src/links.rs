//! The links of a page, as a browser would see them.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// Where a page points.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What its `href` or `src` says.
    pub target: String,
    /// Line of the page, from 1.
    pub line: usize,
}

/// Every `href` and `src` of a page, in order; text that only looks like one is none.
pub fn links(html: &str) -> Vec<Link> {
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    // Scripts are not run, so nothing suspends the tokenizer.
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.links.into_inner()
}

#[derive(Default)]
struct Sink {
    links: RefCell<Vec<Link>>,
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let Token::TagToken(tag) = token else {
            return TokenSinkResult::Continue;
        };
        if tag.kind == TagKind::StartTag {
            let addresses = tag
                .attrs
                .iter()
                .filter(|attribute| matches!(&*attribute.name.local, "href" | "src"));
            self.links
                .borrow_mut()
                .extend(addresses.map(|attribute| Link {
                    target: attribute.value.to_string(),
                    line: usize::try_from(line).unwrap_or(usize::MAX),
                }));
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attributes count, text and comments do not.
    #[test]
    fn links_are_those_a_browser_sees() {
        let page = "<!-- <a href=no> -->\n<a HREF='a&amp;b'>href=\"no\"</a>\n<img src=c.png><p>&lt;a href=no&gt;";
        let link = |target: &str, line| Link {
            target: target.to_owned(),
            line,
        };
        assert_eq!(links(page), [link("a&b", 2), link("c.png", 3)]);
    }
}
