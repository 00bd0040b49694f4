//! Which foreign texts become links.

use pack_format::text::is_deceptive;
use url::Url;

/// Longest text that is taken for a URL, in bytes (inclusive).
const MAX_LINK_BYTES: usize = 2048;

/// `text` as the target of a link: an absolute http(s) URL with a host and without credentials.
///
/// SECURITY: the text comes from pack authors. Everything a browser would repair or read in another
/// way (white space, backslashes, controls, direction marks, a missing host) is refused, not repaired.
pub(crate) fn web_url(text: &str) -> Option<String> {
    if text.len() > MAX_LINK_BYTES || text.chars().any(is_unsafe) {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let after_scheme = text.get(url.scheme().len()..)?;
    let plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.has_host()
        && after_scheme.starts_with("://")
        && !after_scheme.starts_with(":///")
        && !authority(after_scheme).contains('@');
    plain.then(|| String::from(url))
}

/// `text` as an https URL that ends with a slash, for addresses of the registry itself.
pub(crate) fn https_base(text: &str) -> Option<String> {
    let mut url = web_url(text)?;
    if !url.starts_with("https://") || url.contains(['?', '#']) {
        return None;
    }
    if !url.ends_with('/') {
        url.push('/');
    }
    Some(url)
}

/// `text` as the target of a mail link: one address of plain characters.
pub(crate) fn mail_address(text: &str) -> Option<&str> {
    let (local, domain) = text.split_once('@')?;
    let plain = |part: &str, extra: &[u8]| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || extra.contains(&b))
    };
    (text.len() <= 254 && plain(local, b"._+-") && plain(domain, b".-")).then_some(text)
}

/// A path of plain characters that goes down only.
///
/// SECURITY: documents may come from a mirror; a path must not turn into `//host` or a scheme.
pub(crate) fn safe_path(path: &str) -> Option<&str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._+/-~".contains(&b);
    let good = !path.is_empty()
        && path.bytes().all(plain)
        && path
            .split('/')
            .all(|part| !part.is_empty() && part != "." && part != "..");
    good.then_some(path)
}

fn authority(after_scheme: &str) -> &str {
    let rest = after_scheme.trim_start_matches("://");
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn is_unsafe(c: char) -> bool {
    is_deceptive(c)
        || c.is_whitespace()
        || matches!(c, '\\' | '"' | '\'' | '<' | '>' | '`' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per way a text can be something else than the plain web address it looks like.
    #[test]
    fn web_url_takes_plain_http_urls_only() {
        for good in [
            "https://example.org/",
            "http://example.org/a?b=c#d",
            "https://example.org:8443/@user",
        ] {
            assert_eq!(web_url(good).as_deref(), Some(good));
        }
        for bad in [
            "",
            "javascript:alert(1)",
            " JaVaScRiPt:alert(1)",
            "java\tscript:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "//evil.example",
            "https://user:pw@evil.example/",
            "https://user@evil.example/",
            "https://@evil.example/",
            "https://good.example\\@evil.example/",
            "http://a\" onmouseover=\"alert(1)",
            "file:///etc/passwd",
            "\u{1}javascript:alert(1)",
            "https://e.example/\u{202e}gpj",
            "https:evil.example",
            "https:///evil.example",
            "example.org",
            "/packs",
            "https://e.example/\u{200f}x",
        ] {
            assert_eq!(web_url(bad), None, "{bad}");
        }
    }

    /// Canonical addresses are https, without query, and end with a slash.
    #[test]
    fn https_base_ends_with_a_slash() {
        assert_eq!(
            https_base("https://p.example/r").as_deref(),
            Some("https://p.example/r/")
        );
        assert_eq!(https_base("http://p.example/"), None);
        assert_eq!(https_base("https://p.example/?q"), None);
    }

    /// Mail links carry an address and nothing else.
    #[test]
    fn mail_address_has_no_headers() {
        assert!(mail_address("team+packs@example.org").is_some());
        for bad in ["a@b@c", "a@b?cc=x", "a b@c", "@b", "a@", "a@b%0a"] {
            assert!(mail_address(bad).is_none(), "{bad}");
        }
    }
}
