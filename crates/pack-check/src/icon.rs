//! `Icon`: the picture a pack brings for lists and pages.
//!
//! SECURITY: pictures come from anybody and are shown to everybody. What a file is, its bytes say, never its name; a
//! picture that would need much memory to show is none; and a drawing may draw, and nothing else.

use pack_format::text::printable;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesDecl, BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

/// Largest icon, in bytes (64 KiB, inclusive).
pub const MAX_ICON_BYTES: usize = 64 * 1024;

/// Widest and highest icon, in pixels (inclusive).
const MAX_PIXELS: usize = 1024;

/// Elements of a drawing, nested in one another (inclusive).
const MAX_DEPTH: usize = 64;

/// Parts of a drawing that show another part again (inclusive). Each may show parts that do so themselves, so that without a
/// bound a drawing of a few lines takes a browser for ever.
const MAX_REFERENCES: usize = 16;

/// Files of a pack's root that may be its icon, the best first: a drawing is sharp at every size.
pub const ICON_NAMES: [&str; 10] = [
    "icon.svg",
    "icon.png",
    "icon.webp",
    "icon.jpg",
    "icon.jpeg",
    "pack-icon.svg",
    "pack-icon.png",
    "pack-icon.webp",
    "pack-icon.jpg",
    "pack-icon.jpeg",
];

/// A picture that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Icon<'a> {
    /// Its bytes.
    pub bytes: &'a [u8],
    /// What they are, as the end of a file's name: `png`, `jpg`, `webp` or `svg`.
    pub extension: &'static str,
}

/// Why a file is not shown as an icon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IconError {
    /// It has more than 64 KiB.
    #[error("it has {0} bytes, and an icon at most {MAX_ICON_BYTES}")]
    TooLarge(usize),
    /// It has more than 1024 pixels on one side.
    #[error("it has {0} x {1} pixels, and an icon at most {MAX_PIXELS} x {MAX_PIXELS}")]
    TooManyPixels(usize, usize),
    /// It is something else, or cut short.
    #[error("it is no PNG, JPEG, WebP or SVG picture")]
    NotAPicture,
    /// It is a drawing that would do more than draw.
    #[error("it is a drawing with {0}, which icons may not have")]
    Drawing(String),
}

impl<'a> Icon<'a> {
    /// Judges the bytes of a file.
    ///
    /// # Errors
    /// [`IconError`].
    pub fn read(bytes: &'a [u8]) -> Result<Self, IconError> {
        if bytes.len() > MAX_ICON_BYTES {
            return Err(IconError::TooLarge(bytes.len()));
        }
        let extension = match imagesize::image_type(bytes) {
            Ok(imagesize::ImageType::Png) => "png",
            Ok(imagesize::ImageType::Jpeg) => "jpg",
            Ok(imagesize::ImageType::Webp) => "webp",
            _ => {
                drawing(bytes)?;
                return Ok(Self {
                    bytes,
                    extension: "svg",
                });
            }
        };
        let size = imagesize::blob_size(bytes).map_err(|_| IconError::NotAPicture)?;
        if size.width == 0 || size.height == 0 {
            return Err(IconError::NotAPicture);
        }
        if size.width > MAX_PIXELS || size.height > MAX_PIXELS {
            return Err(IconError::TooManyPixels(size.width, size.height));
        }
        Ok(Self { bytes, extension })
    }

    /// The best icon among the files of a pack; `get` tells their bytes by their paths.
    pub fn of_pack(get: impl Fn(&str) -> Option<&'a [u8]>) -> Option<Self> {
        let files = ICON_NAMES.iter().filter_map(|name| get(name));
        files.into_iter().find_map(|bytes| Self::read(bytes).ok())
    }
}

/// What a drawing is made of. No links, no text of styles, nothing foreign, nothing that moves; no patterns and markers, so
/// that what fills is a colour or a gradient.
const ELEMENTS: [&str; 24] = [
    "svg",
    "g",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "defs",
    "use",
    "clipPath",
    "mask",
    "linearGradient",
    "radialGradient",
    "stop",
    "title",
    "desc",
    "text",
    "tspan",
    "filter",
    "feGaussianBlur",
    "feOffset",
    "feBlend",
];

/// Where the names of a drawing come from.
const SVG: &str = "http://www.w3.org/2000/svg";
const XLINK: &str = "http://www.w3.org/1999/xlink";

/// Reads a drawing to its end.
fn drawing(bytes: &[u8]) -> Result<(), IconError> {
    // A browser follows the encoding that is declared; only of this one we know that it reads the same as we do.
    let text = std::str::from_utf8(bytes).map_err(|_| IconError::NotAPicture)?;
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let (mut depth, mut is_begun, mut references) = (0_usize, false, 0);
    loop {
        match reader.read_event().map_err(|_| IconError::NotAPicture)? {
            Event::Start(start) => {
                references += element(&start, depth, is_begun)?;
                is_begun = true;
                depth += 1;
            }
            Event::Empty(start) => {
                references += element(&start, depth, is_begun)?;
                is_begun = true;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Decl(decl) => declared(&decl)?,
            Event::Comment(_) => {}
            Event::Text(text) => {
                let is_blank = text.chars().all(|c| c.is_ascii_whitespace());
                if depth == 0 && !is_blank {
                    return Err(IconError::NotAPicture);
                }
            }
            Event::GeneralRef(_) if depth > 0 => {}
            Event::Eof if is_begun && depth == 0 => return Ok(()),
            Event::DocType(_) => return Err(IconError::Drawing("a document type".to_owned())),
            Event::PI(_) => return Err(IconError::Drawing("an instruction".to_owned())),
            Event::CData(_) => return Err(IconError::Drawing("raw text".to_owned())),
            Event::GeneralRef(_) | Event::Eof => return Err(IconError::NotAPicture),
        }
        if references > MAX_REFERENCES {
            let text = "too many parts that show others again";
            return Err(IconError::Drawing(text.to_owned()));
        }
    }
}

fn declared(decl: &BytesDecl<'_>) -> Result<(), IconError> {
    match decl.encoding() {
        None => Ok(()),
        Some(Ok(name)) if name.eq_ignore_ascii_case("utf-8") => Ok(()),
        Some(_) => Err(IconError::Drawing("another encoding than UTF-8".to_owned())),
    }
}

/// Judges an element; how often it shows another one.
fn element(start: &BytesStart<'_>, depth: usize, is_begun: bool) -> Result<usize, IconError> {
    let name = start.name().into_inner().to_owned();
    let is_root = depth == 0;
    if is_root && (is_begun || name != "svg") {
        return Err(IconError::NotAPicture);
    }
    if depth >= MAX_DEPTH {
        return Err(IconError::Drawing(
            "too many elements in one another".to_owned(),
        ));
    }
    if !ELEMENTS.contains(&name.as_str()) {
        return Err(IconError::Drawing(format!("`<{}>`", printable(&name))));
    }
    let (mut is_svg, mut references) = (!is_root, 0);
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| IconError::NotAPicture)?;
        let (name, value) = parts(&attribute)?;
        is_svg |= name == "xmlns" && value == SVG;
        if !is_harmless(&name, &value) {
            return Err(IconError::Drawing(format!("`{}`", printable(&name))));
        }
        references += match name.as_str() {
            "href" | "xlink:href" => 1,
            // Only gradients fill, and they show nothing else.
            "fill" | "stroke" => 0,
            _ => value.to_ascii_lowercase().matches("url").count(),
        };
    }
    if is_svg {
        Ok(references)
    } else {
        Err(IconError::NotAPicture)
    }
}

fn parts(attribute: &Attribute<'_>) -> Result<(String, String), IconError> {
    let name = attribute.key.into_inner().to_owned();
    let value = attribute
        .normalized_value(XmlVersion::Implicit1_0)
        .map_err(|_| IconError::NotAPicture)?;
    Ok((name, value.into_owned()))
}

/// Whether an attribute says only how something looks.
fn is_harmless(name: &str, value: &str) -> bool {
    let is_own = |value: &str| value.trim().starts_with('#');
    match name {
        "xmlns" => value == SVG,
        "xmlns:xlink" => value == XLINK,
        "href" | "xlink:href" => is_own(value),
        "xml:space" => true,
        // Other names of other worlds, and whatever listens.
        _ if name.contains(':') || name.to_ascii_lowercase().starts_with("on") => false,
        _ => {
            let value: String = value.chars().filter(|c| !c.is_whitespace()).collect();
            let value = value.to_ascii_lowercase().replace(['"', '\''], "");
            let mut urls = value.split("url(").skip(1);
            // A backslash or a comment would hide what a value says.
            !value.contains(['\\', '@']) && !value.contains("/*") && urls.all(is_own)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        bytes.extend(width.to_be_bytes());
        bytes.extend(height.to_be_bytes());
        bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    /// Bytes decide; size and pixels are bounded, at their limits.
    #[test]
    fn pictures_are_known_by_their_bytes() {
        let kind = |bytes: &[u8]| Icon::read(bytes).map(|icon| icon.extension);
        assert_eq!(kind(&png(1024, 1024)), Ok("png"));
        assert_eq!(kind(&png(1025, 1)), Err(IconError::TooManyPixels(1025, 1)));
        assert_eq!(kind(&png(0, 1)), Err(IconError::NotAPicture));
        let mut large = png(8, 8);
        large.resize(MAX_ICON_BYTES, 0);
        assert_eq!(kind(&large), Ok("png"));
        large.push(0);
        assert_eq!(kind(&large), Err(IconError::TooLarge(MAX_ICON_BYTES + 1)));
        for other in [
            &b""[..],
            b"GIF89a\x01\0\x01\0",
            b"<html></html>",
            b"\x89PNG\r\n\x1a\n",
            b"hello",
        ] {
            assert_eq!(kind(other), Err(IconError::NotAPicture), "{other:?}");
        }
    }

    fn svg(inner: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"{SVG}\" viewBox=\"0 0 24 24\">{inner}</svg>\n"
        )
    }

    /// What draws is a drawing.
    #[test]
    fn drawings_draw() {
        for inner in [
            "",
            "<title>a &amp; b</title><path fill=\"#005571\" d=\"M1 2 3 4z\"/>",
            "<defs><linearGradient id=\"a\"><stop offset=\"0\" stop-color=\"red\"/></linearGradient></defs><rect fill=\"url(#a)\"/>",
            "<g style=\"fill: url('#a'); opacity: .5\"><use href=\"#b\"/></g><!-- a note -->",
        ] {
            let text = svg(inner);
            assert_eq!(
                Icon::read(text.as_bytes()).map(|icon| icon.extension),
                Ok("svg"),
                "{inner}"
            );
        }
    }

    /// One row for each way a drawing could do more, or say that it is another thing than it seems.
    #[test]
    fn drawings_do_nothing_else() {
        for inner in [
            "<script>alert(1)</script>",
            "<SCRIPT/>",
            "<g onload=\"alert(1)\"/>",
            "<g OnClick=\"alert(1)\"/>",
            "<a href=\"javascript:alert(1)\"/>",
            "<use href=\"javascript:alert(1)\"/>",
            "<use xlink:href=\"https://evil.example/x.svg#a\"/>",
            "<image href=\"https://evil.example/x.png\"/>",
            "<foreignObject/>",
            "<style>@import url(https://evil.example/x.css);</style>",
            "<g style=\"background: url(https://evil.example/)\"/>",
            "<g style=\"fill: u\\72l(https://evil.example/)\"/>",
            "<g style=\"fill: ur/**/l(https://evil.example/)\"/>",
            "<rect fill=\"url( 'https://evil.example/' )\"/>",
            "<rect fill=\"&#117;rl(https://evil.example/)\"/>",
            "<animate attributeName=\"href\" to=\"javascript:alert(1)\"/>",
            "<set attributeName=\"onload\" to=\"alert(1)\"/>",
            "<h:script xmlns:h=\"http://www.w3.org/1999/xhtml\">alert(1)</h:script>",
            "<g xmlns=\"http://www.w3.org/1999/xhtml\"><title/></g>",
            "<g xml:base=\"https://evil.example/\"/>",
            "<![CDATA[<script>]]>",
            "<?xml-stylesheet href=\"https://evil.example/x.css\"?>",
        ] {
            let text = svg(inner);
            let judged = Icon::read(text.as_bytes());
            assert!(
                matches!(judged, Err(IconError::Drawing(_))),
                "{inner}: {judged:?}"
            );
        }
        let body = "<svg xmlns=\"http://www.w3.org/2000/svg\"/>";
        for text in [
            format!("<!DOCTYPE svg [<!ENTITY a \"<script/>\">]>{body}"),
            format!("<?xml version=\"1.0\" encoding=\"UTF-7\"?>{body}"),
            format!("{body}{body}"),
            format!("{body}text"),
            "<svg/>".to_owned(),
            format!("<svg xmlns=\"{SVG}\">"),
            format!("<svg xmlns=\"{SVG}\">{}", "<g>".repeat(MAX_DEPTH)),
            svg("<g a=\"&b;\"/>"),
        ] {
            assert!(Icon::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    /// Parts that show others again are few, however they say so; colours and gradients may be many.
    #[test]
    fn drawings_show_few_parts_again() {
        let of = |inner: String| Icon::read(svg(&inner).as_bytes()).map(|icon| icon.extension);
        for part in [
            "<use href=\"#a\"/>",
            "<g clip-path=\"url(#a)\"/>",
            "<g style=\"mask: URL(#a)\"/>",
        ] {
            assert_eq!(of(part.repeat(MAX_REFERENCES)), Ok("svg"), "{part}");
            let many = of(part.repeat(MAX_REFERENCES + 1));
            assert!(matches!(many, Err(IconError::Drawing(_))), "{part}");
        }
        assert_eq!(of("<path fill=\"url(#a)\"/>".repeat(100)), Ok("svg"));
        let pattern = of("<pattern id=\"a\"/>".to_owned());
        assert!(matches!(pattern, Err(IconError::Drawing(_))));
    }

    /// The first name whose file can be shown.
    #[test]
    fn the_best_icon_is_taken() {
        let (good, bad) = (png(64, 64), b"no".to_vec());
        let of = |files: &[(&str, &Vec<u8>)]| {
            let files: Vec<(String, Vec<u8>)> = files
                .iter()
                .map(|(n, b)| ((*n).to_owned(), (*b).clone()))
                .collect();
            let get = |name: &str| {
                files
                    .iter()
                    .find(|(n, _)| n == name)
                    .map(|(_, b)| b.as_slice())
            };
            Icon::of_pack(get).map(|icon| icon.extension)
        };
        assert_eq!(of(&[("icon.svg", &bad), ("icon.png", &good)]), Some("png"));
        assert_eq!(of(&[("icon.svg", &bad)]), None);
        assert_eq!(of(&[("docs/icon.png", &good)]), None);
    }
}
