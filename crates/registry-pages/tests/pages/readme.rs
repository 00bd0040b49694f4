//! What becomes of Markdown.

use std::collections::BTreeSet;

use registry_pages::{PackPage, Renderer};

use crate::support;

/// The README section of a page.
fn render(markdown: &str) -> String {
    let document = support::everything();
    let listed = BTreeSet::new();
    let page = PackPage {
        document: &document,
        readme_markdown: Some(markdown),
        files: None,
        dependents: &[],
        listed: &listed,
    };
    let html = String::from_utf8(
        Renderer::new()
            .unwrap()
            .pack(&support::site(1), &page)
            .unwrap(),
    )
    .unwrap();
    let start = html
        .split("<div class=\"prose\" dir=\"auto\">\n")
        .nth(1)
        .unwrap_or_default();
    start
        .split("\n</div>\n</section>")
        .next()
        .unwrap()
        .trim()
        .to_owned()
}

/// One row per construct.
#[test]
fn markdown_becomes_plain_html() {
    const REL: &str = "rel=\"nofollow noopener noreferrer ugc\"";
    for (markdown, html) in [
        (
            "# A\n\n## B",
            "<h3 id=\"readme-a\">A</h3>\n<h4 id=\"readme-b\">B</h4>".to_owned(),
        ),
        ("### A", "<h3 id=\"readme-a\">A</h3>".to_owned()),
        (
            "# A\n\n#### B",
            "<h3 id=\"readme-a\">A</h3>\n<h4 id=\"readme-b\">B</h4>".to_owned(),
        ),
        (
            "# A\n# A",
            "<h3 id=\"readme-a\">A</h3>\n<h3 id=\"readme-a-1\">A</h3>".to_owned(),
        ),
        (
            "a ~~b~~ **c** _d_ `e<f`",
            "<p>a <del>b</del> <strong>c</strong> <em>d</em> <code>e&lt;f</code></p>".to_owned(),
        ),
        (
            "- [x] a\n- [ ] b",
            "<ul>\n<li>☑ a</li>\n<li>☐ b</li>\n</ul>".to_owned(),
        ),
        ("3. a", "<ol start=\"3\">\n<li>a</li>\n</ol>".to_owned()),
        (
            "```sh onclick\nx < y\n```",
            "<pre tabindex=\"0\"><code>x &lt; y\n</code></pre>".to_owned(),
        ),
        (
            "[a](https://e.example/?b=1&c=2)",
            format!("<p><a href=\"https://e.example/?b=1&amp;c=2\" {REL}>a</a></p>"),
        ),
        (
            "[a](#Some-Part)",
            format!("<p><a href=\"#readme-some-part\" {REL}>a</a></p>"),
        ),
        (
            "[a](mailto:a@e.example)",
            format!("<p><a href=\"mailto:a@e.example\" {REL}>a</a></p>"),
        ),
        ("[a](docs/b.md) [c](//e.example)", "<p>a c</p>".to_owned()),
        (
            "![a](https://e.example/b.png)",
            format!("<p><a href=\"https://e.example/b.png\" {REL}>Image: a</a></p>"),
        ),
        ("![a](b.png)", "<p>Image: a</p>".to_owned()),
        (
            "[![a](https://e.example/b.png)](https://e.example/)",
            format!("<p><a href=\"https://e.example/\" {REL}>a</a></p>"),
        ),
        ("a<br>b <b>c</b><!-- d -->", "<p>a<br>\nb c</p>".to_owned()),
        (
            "<div align=\"center\">\n<h1>a</h1>\n</div>\n\nb",
            "<p>a</p>\n<p>b</p>".to_owned(),
        ),
        ("<!-- a\n\nb -->\n\nc", "<p>c</p>".to_owned()),
    ] {
        assert_eq!(render(markdown), html, "{markdown}");
    }
}

/// Table alignment is a style, which the policy of the pages forbids.
#[test]
fn tables_have_no_style() {
    let html = render("|a|b|\n|:-|-:|\n|1|2|");
    assert!(
        html.starts_with("<div class=\"scroll\" tabindex=\"0\"><table>") && !html.contains("style"),
        "{html}"
    );
}

/// Classic ways to smuggle a script through Markdown.
#[test]
fn hostile_markdown_is_harmless() {
    for markdown in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <svg/onload=alert(1)> b",
        "[a](javascript:alert(1))",
        "[a](JaVaScRiPt:alert(1))",
        "[a](java&#x09;script:alert(1))",
        "[a](&#106;avascript:alert(1))",
        "[a](data:text/html;base64,PHNjcmlwdD4=)",
        "[a](vbscript:x)",
        "[a](https://user:pw@evil.example/)",
        "<javascript:alert(1)>",
        "[a]: javascript:alert(1)\n\n[a]",
        "![a](javascript:alert(1))",
        "![\"onerror=alert(1)](https://e.example/\"onerror=\"alert(1))",
        "[a](https://e.example/ \"\\\" onmouseover=alert(1)\")",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<details open ontoggle=alert(1)>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "```\n</code></pre><script>alert(1)</script>\n```",
        "`</code><script>alert(1)</script>`",
        "# <script>alert(1)</script> {#x onclick=alert(1)}",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<?php <script>alert(1)</script> ?>",
        "| <script> |\n|---|\n| <img src=x onerror=alert(1)> |",
        "<style>*{background:url(//evil.example)}</style>",
        "<form action=//evil.example><input name=q><button>go</button></form>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0;url=//evil.example>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
    ] {
        let html = render(markdown).to_lowercase();
        for never in [
            "<script",
            "<img",
            "<svg",
            "<math",
            "<style",
            "<iframe",
            "<form",
            "<input",
            "<base",
            "<meta",
            "<details",
            "<noscript",
            "javascript:alert",
            "href=\"data:",
            "href=\"vbscript",
            "user:pw",
            " onerror=\"",
            " onmouseover=\"",
            " onclick=\"",
        ] {
            let text_only = never == "javascript:alert" && !html.contains("href");
            assert!(!html.contains(never) || text_only, "{markdown}\n{html}");
        }
    }
}

/// A README at the limit is whole; one byte more is cut; a character is never cut in two.
#[test]
fn readme_is_cut_at_its_limit() {
    let limit = 256 * 1024;
    let text = |bytes: usize| "word ".repeat(bytes / 5 + 1)[..bytes - 3].to_owned() + "end";
    assert!(render(&text(limit)).contains("end"));
    assert!(!render(&text(limit + 1)).contains("end"));
    assert!(render(&"é".repeat(limit)).contains('é'));
}

/// Nothing to show, no section.
#[test]
fn empty_readme_has_no_section() {
    assert_eq!(render(" \n\n<!-- nothing -->\n"), "");
}
