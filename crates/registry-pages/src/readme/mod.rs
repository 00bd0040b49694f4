//! README files: Markdown in, HTML out that may stand beside our own.
//!
//! 1. Cut to the limit.
//! 2. Parse.
//! 3. Rewrite events: raw HTML loses its tags, images become links, link targets are checked, headings
//!    move below those of the page.
//! 4. Write HTML.
//! 5. Sanitise that as if a stranger had written it, unless there is no link and no raw HTML in the README: then every
//!    tag and attribute is one of ours.

use std::collections::BTreeSet;

use pulldown_cmark::{
    Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html,
};

use crate::limits::MAX_README_BYTES;
use crate::link::{mail_address, web_url};
use crate::text::clean;

mod sanitise;

/// What links in foreign text say of their target.
const LINK_REL: &str = "nofollow noopener noreferrer ugc";

/// Level of the topmost heading of a README: below the page (1) and its section (2).
const TOP_LEVEL: usize = 3;

/// Renders a README. The result is safe to insert into a page as it is.
pub(crate) fn render(markdown: &str) -> String {
    let text = clean(cut(markdown));
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let events: Vec<Event<'_>> = Parser::new_ext(&text, options).collect();
    let foreign = events.iter().any(is_foreign);
    let mut rewriter = Rewriter::new(&events);
    let mut out = String::with_capacity(text.len() * 3 / 2);
    let mut kept = Vec::with_capacity(events.len());
    for event in events {
        rewriter.push(event, &mut kept);
    }
    html::push_html(&mut out, kept.into_iter());
    if foreign {
        return sanitise::sanitise(&out);
    }
    out
}

/// Whether an event can bring an address or markup of the README's own.
fn is_foreign(event: &Event<'_>) -> bool {
    matches!(
        event,
        Event::Html(_)
            | Event::InlineHtml(_)
            | Event::Start(Tag::HtmlBlock | Tag::Link { .. } | Tag::Image { .. })
    )
}

/// The README up to its limit, cut where a character ends.
fn cut(markdown: &str) -> &str {
    let mut end = markdown.len().min(MAX_README_BYTES);
    while !markdown.is_char_boundary(end) {
        end -= 1;
    }
    markdown.get(..end).unwrap_or_default()
}

/// Rewrites events one by one; remembers what is open.
struct Rewriter {
    /// Anchors of the headings, in order.
    anchors: std::vec::IntoIter<String>,
    /// How far headings move down.
    shift: usize,
    /// Level of the heading before, as it is shown.
    level: usize,
    /// For every open link or image, whether its end closes an `a`.
    open: Vec<bool>,
    /// Text of the raw HTML block that is open.
    raw: Option<String>,
}

impl Rewriter {
    fn new(events: &[Event<'_>]) -> Self {
        let top = events
            .iter()
            .filter_map(|e| match e {
                Event::Start(Tag::Heading { level, .. }) => Some(*level as usize),
                _ => None,
            })
            .min();
        Self {
            anchors: anchors(events).into_iter(),
            shift: TOP_LEVEL.saturating_sub(top.unwrap_or(1)),
            level: TOP_LEVEL - 1,
            open: Vec::new(),
            raw: None,
        }
    }

    fn push<'a>(&mut self, event: Event<'a>, out: &mut Vec<Event<'a>>) {
        match event {
            Event::Start(Tag::HtmlBlock) => self.raw = Some(String::new()),
            Event::End(TagEnd::HtmlBlock) => {
                let text = strip_tags(&self.raw.take().unwrap_or_default());
                if !text.is_empty() {
                    out.extend([
                        Event::Start(Tag::Paragraph),
                        Event::Text(text.into()),
                        Event::End(TagEnd::Paragraph),
                    ]);
                }
            }
            Event::Html(text) => match &mut self.raw {
                Some(raw) => raw.push_str(&text),
                None => out.push(Event::Text(strip_tags(&text).into())),
            },
            Event::InlineHtml(tag) => {
                if is_line_break(&tag) {
                    out.push(Event::HardBreak);
                }
            }
            Event::Start(Tag::Link { dest_url, .. }) => self.start_link(&dest_url, out),
            Event::Start(Tag::Image { dest_url, .. }) => self.start_image(&dest_url, out),
            Event::End(TagEnd::Link | TagEnd::Image) => {
                if self.open.pop() == Some(true) {
                    out.push(Event::InlineHtml("</a>".into()));
                }
            }
            other => self.push_block(other, out),
        }
    }

    fn push_block<'a>(&mut self, event: Event<'a>, out: &mut Vec<Event<'a>>) {
        match event {
            Event::Start(Tag::Heading { level, .. }) => out.push(Event::Start(Tag::Heading {
                level: self.lowered(level),
                id: self.anchors.next().map(CowStr::from),
                classes: Vec::new(),
                attrs: Vec::new(),
            })),
            Event::End(TagEnd::Heading(_)) => {
                out.push(Event::End(TagEnd::Heading(shown(self.level))));
            }
            // The language of a block would become a class; long lines must be reachable by keyboard.
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented)) => {
                out.push(Event::Html("<pre tabindex=\"0\"><code>".into()));
            }
            Event::End(TagEnd::CodeBlock) => out.push(Event::Html("</code></pre>\n".into())),
            // Alignment would become a style attribute, which the policy of the pages refuses.
            Event::Start(Tag::Table(columns)) => {
                out.push(Event::Html("<div class=\"scroll\" tabindex=\"0\">".into()));
                out.push(Event::Start(Tag::Table(vec![
                    Alignment::None;
                    columns.len()
                ])));
            }
            Event::End(TagEnd::Table) => {
                out.push(Event::End(TagEnd::Table));
                out.push(Event::Html("</div>\n".into()));
            }
            Event::TaskListMarker(done) => {
                out.push(Event::Text(if done { "☑ " } else { "☐ " }.into()));
            }
            other => out.push(other),
        }
    }

    /// The level a heading is shown at: below the page's own, and never two deeper than the one before.
    fn lowered(&mut self, level: HeadingLevel) -> HeadingLevel {
        self.level = (level as usize + self.shift).min(self.level + 1).min(6);
        shown(self.level)
    }

    fn start_link(&mut self, target: &str, out: &mut Vec<Event<'_>>) {
        let href = if self.open.contains(&true) {
            None
        } else {
            link_target(target)
        };
        self.open.push(href.is_some());
        if let Some(href) = href {
            let href = href.replace('&', "&amp;");
            out.push(Event::InlineHtml(
                format!("<a href=\"{href}\" rel=\"{LINK_REL}\">").into(),
            ));
        }
    }

    /// Pictures from elsewhere are not loaded: the reader may follow them.
    fn start_image(&mut self, target: &str, out: &mut Vec<Event<'_>>) {
        let inside = self.open.contains(&true);
        self.start_link(target, out);
        if !inside {
            out.push(Event::Text("Image: ".into()));
        }
    }
}

fn shown(level: usize) -> HeadingLevel {
    HeadingLevel::try_from(level).unwrap_or(HeadingLevel::H6)
}

/// Where a link of a README may lead: the web, a mail address, or a heading of the same README.
///
/// SECURITY: the result holds no quote and no angle bracket.
fn link_target(target: &str) -> Option<String> {
    if let Some(fragment) = target.strip_prefix('#') {
        let anchor = heading_slug(fragment);
        return (!anchor.is_empty()).then(|| format!("#readme-{anchor}"));
    }
    if let Some(address) = target.strip_prefix("mailto:") {
        return mail_address(address).map(|address| format!("mailto:{address}"));
    }
    web_url(target)
}

/// The anchor of every heading, in order, each unique.
fn anchors(events: &[Event<'_>]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut found = Vec::new();
    let mut heading: Option<String> = None;
    for event in events {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let base = format!(
                    "readme-{}",
                    heading_slug(&heading.take().unwrap_or_default())
                );
                let mut anchor = base.clone();
                let mut copy = 1;
                while !taken.insert(anchor.clone()) {
                    anchor = format!("{base}-{copy}");
                    copy += 1;
                }
                found.push(anchor);
            }
            _ => {}
        }
    }
    found
}

/// Lower case, white space as `-`, everything but letters, digits, `-` and `_` gone.
fn heading_slug(text: &str) -> String {
    text.trim()
        .chars()
        .take(120)
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') => {
                Some(c.to_ascii_lowercase())
            }
            _ => None,
        })
        .collect()
}

fn is_line_break(tag: &str) -> bool {
    let name: String = tag
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '/')
        .collect();
    name.eq_ignore_ascii_case("<br>")
}

/// The text between the tags of raw HTML. What looks like text afterwards is escaped as text.
fn strip_tags(raw: &str) -> String {
    let mut out = String::new();
    let mut rest = raw;
    while let Some(start) = rest.find('<') {
        let (before, tag) = rest.split_at(start);
        out.push_str(before);
        let (skip, end) = if tag.starts_with("<!--") {
            ("<!--".len(), "-->")
        } else {
            (1, ">")
        };
        let inside = tag.get(skip..).unwrap_or_default();
        rest = inside
            .find(end)
            .and_then(|i| inside.get(i + end.len()..))
            .unwrap_or_default();
    }
    out.push_str(rest);
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Where the sanitiser is left out it would change nothing: the tags are those it allows.
        #[test]
        fn text_needs_no_sanitiser(
            text in proptest::collection::vec(
                prop_oneof![
                    "[#*_`~>|+.1&\"'()!-]{1,3}",
                    "[ \n\t]{1,4}",
                    "(javascript:|onclick=|style=|&lt;|&#60;|\\\\<|\\\\`|    |```|a \\| b\n--\\|--\n|- \\[x\\] )",
                    "[a-z\u{e9}\u{202e}]{1,8}",
                ],
                0..60,
            )
        ) {
            let markdown = text.concat();
            let html = render(&markdown);
            prop_assert_eq!(plain(&sanitise::sanitise(&html)), plain(&html), "{}", markdown);
        }
    }

    /// The same document has several spellings; this is one of them.
    fn plain(html: &str) -> String {
        html.replace(" />", ">")
            .replace("&quot;", "\"")
            .replace("&#39;", "'")
            .replace('\u{a0}', "&nbsp;")
            .replace('\n', "")
    }
}
