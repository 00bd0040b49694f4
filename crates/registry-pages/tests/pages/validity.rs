//! HTML as the parser of browsers sees it: no parse errors, every element closed where it should be.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use crate::structure::tree;
use crate::support;

/// Elements that have no end.
const VOID: [&str; 7] = ["br", "hr", "img", "input", "link", "meta", "wbr"];

/// Elements that end a paragraph that is open.
const BLOCKS: [&str; 18] = [
    "article", "aside", "details", "div", "dl", "fieldset", "figure", "footer", "form", "h1", "h2",
    "h3", "ol", "p", "pre", "section", "table", "ul",
];

#[derive(Default)]
struct Checker {
    open: RefCell<Vec<String>>,
    wrong: RefCell<Vec<String>>,
}

impl TokenSink for Checker {
    type Handle = ();

    fn process_token(&self, token: Token, line: u64) -> TokenSinkResult<()> {
        let mut open = self.open.borrow_mut();
        let mut wrong = self.wrong.borrow_mut();
        match token {
            Token::ParseError(error) => wrong.push(format!("line {line}: {error}")),
            Token::TagToken(tag) => {
                let name = tag.name.to_string();
                let is_void = VOID.contains(&name.as_str());
                if tag.kind == TagKind::StartTag {
                    if BLOCKS.contains(&name.as_str()) && open.contains(&"p".to_owned()) {
                        wrong.push(format!("line {line}: `{name}` in a paragraph"));
                    }
                    if !is_void && !tag.self_closing {
                        open.push(name);
                    }
                } else if open.pop().as_ref() != Some(&name) {
                    wrong.push(format!("line {line}: `{name}` ends what is not open"));
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// What is wrong with a page.
fn faults(html: &str) -> Vec<String> {
    let options = TokenizerOpts {
        exact_errors: true,
        ..TokenizerOpts::default()
    };
    let tokenizer = Tokenizer::new(Checker::default(), options);
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    let mut faults = tokenizer.sink.wrong.take();
    let open = tokenizer.sink.open.take();
    faults.extend(open.iter().map(|name| format!("`{name}` is never closed")));
    faults
}

/// Pages of every kind are what they seem to be; faults would be seen.
#[test]
fn every_page_is_valid() {
    let pages = tree(&support::documents());
    for (path, html) in pages.into_iter().chain(tree(&[support::everything()])) {
        assert_eq!(faults(&html), [""; 0], "{path}");
    }
    for broken in [
        "<p><div></div></p>",
        "<b><i></b></i>",
        "<ul>",
        "<a href=\"x\" href=\"y\"></a>",
    ] {
        assert!(!faults(broken).is_empty(), "{broken}");
    }
}
