//! One name for a request, in its answer and in every log.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a client, in bytes.
const LONGEST: usize = 128;

/// Odd, so that no id comes again before all of them were there; its bits are those of the golden ratio.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| {
    let mut seed = [0; 8];
    // Without it ids of two runs could be the same; they are names, not secrets.
    let _ = getrandom::fill(&mut seed);
    AtomicU64::new(u64::from_le_bytes(seed))
});

/// The client's own id if it is a plain word, else a new one.
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    if let Some(given) = headers.get(&X_REQUEST_ID)
        && (1..=LONGEST).contains(&given.len())
        && given.as_bytes().iter().all(is_plain)
    {
        return given.clone();
    }
    let number = NEXT.fetch_add(STEP, Relaxed);
    let mut text = [0; 16];
    for (n, digit) in (1..).zip(&mut text) {
        let value = (number >> (64 - 4 * n)) & 0xf;
        *digit = b"0123456789abcdef"[usize::try_from(value).unwrap_or(0)];
    }
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sane id is kept; anything that could be more than a word is replaced.
    #[test]
    fn id_of_a_client_is_kept_if_it_is_a_word() {
        let id = |given: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(given) = given {
                headers.insert(X_REQUEST_ID, HeaderValue::try_from(given).unwrap());
            }
            request_id(&headers).to_str().unwrap().to_owned()
        };
        assert_eq!(
            id(Some("0af7651916cd43dd-8448.eb:1_c")),
            "0af7651916cd43dd-8448.eb:1_c"
        );
        for given in [
            None,
            Some(""),
            Some("a b"),
            Some("\"x\""),
            Some(&"x".repeat(129)),
        ] {
            let made = id(given);
            assert_eq!(made.len(), 16, "{given:?}");
            assert!(made.bytes().all(|b| b.is_ascii_hexdigit()), "{made}");
        }
        assert_ne!(id(None), id(None));
    }
}
