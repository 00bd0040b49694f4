//! The second lock behind the first: HTML made from a README goes through a sanitiser.

use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::LINK_REL;

/// Every tag a README can produce.
const TAGS: [&str; 22] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder
        .add_tags(TAGS)
        .add_tags(["tr", "ul"])
        .add_tag_attributes("a", ["href"])
        .add_tag_attributes("div", ["tabindex"])
        .add_tag_attributes("ol", ["start"])
        .add_tag_attributes("pre", ["tabindex"])
        .add_allowed_classes("div", ["scroll"])
        .add_url_schemes(["http", "https", "mailto"])
        .url_relative(UrlRelative::PassThrough)
        .link_rel(Some(LINK_REL));
    for heading in ["h3", "h4", "h5", "h6"] {
        builder.add_tag_attributes(heading, ["id"]);
    }
    builder
});

/// Keeps the tags and attributes above and nothing else.
pub(crate) fn sanitise(html: &str) -> String {
    SANITISER.clean(html).to_string()
}
