//! What a file is by its name: media type, whether it has twins, how it may be shown and cached.

use hyper::header::HeaderValue;

/// How files of one kind are served.
#[derive(Debug)]
pub(crate) struct Kind {
    /// The extension in lower case, without its dot.
    extension: &'static str,
    /// `Content-Type`.
    pub(crate) media_type: HeaderValue,
    /// Whether precompressed twins are looked for.
    pub(crate) has_twins: bool,
    /// Whether scripts of other sites may read it.
    pub(crate) is_shared: bool,
    /// `Content-Security-Policy`, for what a browser would run.
    pub(crate) policy: Option<HeaderValue>,
    /// Whether browsers save it instead of showing it.
    pub(crate) is_attachment: bool,
}

/// Pages: own styles, scripts and pictures only; embedded nowhere.
pub(crate) const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'; connect-src 'self'",
);

/// SECURITY: a picture or feed opened on its own is a document that could run script. Icons come from packs.
const PICTURE_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'; sandbox");

pub(crate) const IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
pub(crate) const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// What the rules of serving tell apart.
#[derive(Clone, Copy)]
enum Class {
    Text,
    Document,
    Binary,
    Archive,
}

const fn kind(
    extension: &'static str,
    media_type: &'static str,
    class: Class,
    policy: Option<HeaderValue>,
) -> Kind {
    Kind {
        extension,
        media_type: HeaderValue::from_static(media_type),
        has_twins: matches!(class, Class::Text | Class::Document),
        is_shared: matches!(class, Class::Document | Class::Archive),
        policy,
        is_attachment: matches!(class, Class::Archive),
    }
}

const fn text(extension: &'static str, media_type: &'static str) -> Kind {
    kind(extension, media_type, Class::Text, None)
}

const fn json(extension: &'static str, media_type: &'static str) -> Kind {
    kind(extension, media_type, Class::Document, None)
}

const fn guarded(extension: &'static str, media_type: &'static str, policy: HeaderValue) -> Kind {
    kind(extension, media_type, Class::Text, Some(policy))
}

const fn binary(extension: &'static str, media_type: &'static str) -> Kind {
    kind(extension, media_type, Class::Binary, None)
}

const fn archive(extension: &'static str, media_type: &'static str) -> Kind {
    kind(extension, media_type, Class::Archive, None)
}

static KINDS: [Kind; 25] = [
    json("json", "application/json"),
    guarded("html", "text/html; charset=utf-8", PAGE_POLICY),
    archive("tar.gz", "application/gzip"),
    archive("tgz", "application/gzip"),
    archive("zip", "application/zip"),
    text("css", "text/css; charset=utf-8"),
    text("js", "text/javascript; charset=utf-8"),
    guarded("svg", "image/svg+xml", PICTURE_POLICY),
    guarded("xml", "application/xml", PICTURE_POLICY),
    guarded("atom", "application/atom+xml", PICTURE_POLICY),
    text("txt", "text/plain; charset=utf-8"),
    // Markdown is shown as what it is; nothing here may guess that it is a page.
    text("md", "text/plain; charset=utf-8"),
    text("yaml", "text/plain; charset=utf-8"),
    text("yml", "text/plain; charset=utf-8"),
    json("webmanifest", "application/manifest+json"),
    binary("png", "image/png"),
    binary("jpg", "image/jpeg"),
    binary("jpeg", "image/jpeg"),
    binary("gif", "image/gif"),
    binary("webp", "image/webp"),
    binary("avif", "image/avif"),
    binary("ico", "image/vnd.microsoft.icon"),
    binary("woff2", "font/woff2"),
    binary("gz", "application/gzip"),
    binary("zst", "application/zstd"),
];

static UNKNOWN: Kind = binary("", "application/octet-stream");

/// How the file `name` is served.
pub(crate) fn kind_of(name: &str) -> &'static Kind {
    let file = name.rsplit('/').next().unwrap_or(name);
    KINDS
        .iter()
        .find(|kind| {
            let start = file.len().checked_sub(kind.extension.len() + 1);
            let tail = start.and_then(|start| file.get(start..));
            tail.and_then(|tail| tail.strip_prefix('.'))
                .is_some_and(|extension| extension.eq_ignore_ascii_case(kind.extension))
        })
        .unwrap_or(&UNKNOWN)
}

/// `Cache-Control` of the file `name`: names of these kinds never change their bytes.
pub(crate) fn caching_of(name: &str) -> HeaderValue {
    match name.split_once('/') {
        Some(("archives" | "assets" | "docs" | "icons", _)) => IMMUTABLE,
        // Sealed segments; the head alone changes.
        Some(("changes", name)) if name.starts_with(|c: char| c.is_ascii_digit()) => IMMUTABLE,
        _ => REVALIDATED,
    }
}

#[cfg(test)]
mod tests {
    use super::kind_of;

    /// The longest extension decides, whatever its case; a name that is only an extension has none.
    #[test]
    fn kind_comes_from_the_extension() {
        for (name, expected) in [
            ("packs/slack.json", "application/json"),
            ("archives/a/a-1.0.0.tar.gz", "application/gzip"),
            ("index.json.gz", "application/gzip"),
            ("A.HTML", "text/html; charset=utf-8"),
            ("packs.json/readme", "application/octet-stream"),
            ("json", "application/octet-stream"),
        ] {
            assert_eq!(kind_of(name).media_type, expected, "{name}");
        }
        assert!(kind_of("a.tar.gz").is_attachment);
        assert!(!kind_of("index.json.gz").is_attachment);
    }
}
