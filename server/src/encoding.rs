//! Content negotiation: which precompressed twin a client prefers.

use hyper::HeaderMap;
use hyper::header::{ACCEPT_ENCODING, HeaderValue};

/// A content coding the tree has twins in, best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Zstd,
    Gzip,
}

impl Coding {
    /// All codings, the one preferred at equal quality first.
    pub(crate) const ALL: [Self; 2] = [Self::Zstd, Self::Gzip];

    /// What a twin's name has after the name of its file.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }

    /// `Content-Encoding`.
    pub(crate) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        })
    }
}

/// Codings a client accepts and prefers to none, in order of preference (RFC 9110 section 12.5.3).
///
/// A coding counts as preferred to none unless the client gives `identity` a higher quality by name.
/// A client that refuses `identity` too gets it all the same where there is no twin: no answer would
/// serve it better.
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = Coding> + use<> {
    let mut quality = Qualities::default();
    for value in headers.get_all(ACCEPT_ENCODING) {
        // A value that is not text cannot name a coding.
        quality.read(value.to_str().unwrap_or(""));
    }
    quality.order().into_iter().flatten()
}

/// Quality in thousandths per coding; `None` where the client says nothing.
#[derive(Debug, Default)]
struct Qualities {
    zstd: Option<u16>,
    gzip: Option<u16>,
    identity: Option<u16>,
    others: Option<u16>,
}

impl Qualities {
    fn read(&mut self, value: &str) {
        for item in value.split(',') {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let name = name.trim();
            let place = if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip")
            {
                &mut self.gzip
            } else if name.eq_ignore_ascii_case("zstd") {
                &mut self.zstd
            } else if name.eq_ignore_ascii_case("identity") {
                &mut self.identity
            } else if name == "*" {
                &mut self.others
            } else {
                continue;
            };
            *place = Some(quality(parameters));
        }
    }

    fn order(&self) -> [Option<Coding>; 2] {
        let wanted = |named: Option<u16>| {
            let quality = named.or(self.others).unwrap_or(0);
            (quality > 0 && quality >= self.identity.unwrap_or(0)).then_some(quality)
        };
        let (zstd, gzip) = (wanted(self.zstd), wanted(self.gzip));
        let mut order = [zstd.map(|_| Coding::Zstd), gzip.map(|_| Coding::Gzip)];
        if gzip > zstd {
            order.reverse();
        }
        order
    }
}

/// The `q` among a coding's parameters in thousandths; an unreadable one refuses the coding.
fn quality(parameters: &str) -> u16 {
    let weight = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(weight) = weight else { return 1000 };
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    match (whole, format!("{fraction:0<3}").parse::<u16>()) {
        ("0", Ok(thousandths)) if digits => thousandths,
        ("1", Ok(0)) if digits => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Coding, accepted};
    use hyper::HeaderMap;
    use hyper::header::{ACCEPT_ENCODING, HeaderValue};

    fn order(values: &[&str]) -> Vec<Coding> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        accepted(&headers).collect()
    }

    /// Every rule of the field: names, qualities, wildcard, `identity`, several lines, nonsense.
    #[test]
    fn accepted_orders_by_quality() {
        use Coding::{Gzip, Zstd};
        for (values, expected) in [
            (&[][..], &[][..]),
            (&[""], &[]),
            (&["gzip"], &[Gzip]),
            (&["GZip , br"], &[Gzip]),
            (&["x-gzip"], &[Gzip]),
            (&["gzip, deflate, br, zstd"], &[Zstd, Gzip]),
            (&["gzip;q=0.9, zstd;q=0.8"], &[Gzip, Zstd]),
            (&["gzip;q=0.5, zstd; q=0.500"], &[Zstd, Gzip]),
            (&["gzip;q=0"], &[]),
            (&["gzip;q=0.000, zstd;q=1.000"], &[Zstd]),
            (&["*"], &[Zstd, Gzip]),
            (&["*;q=0.1, zstd;q=0"], &[Gzip]),
            (&["*;q=0"], &[]),
            (&["gzip;q=0.5, identity"], &[]),
            (&["gzip, identity;q=0.5"], &[Gzip]),
            (&["gzip, identity;q=0"], &[Gzip]),
            (&["identity"], &[]),
            (&["gzip;q=2"], &[]),
            (&["gzip;q=0.1234"], &[]),
            (&["gzip;q=-1"], &[]),
            (&["gzip;q=, zstd;q=x"], &[]),
            (&["gzip;level=9;q=0.3"], &[Gzip]),
            (&["gzip", "zstd"], &[Zstd, Gzip]),
        ] {
            assert_eq!(order(values), expected, "{values:?}");
        }
    }
}
