//! The secret that a request shows.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;

use crate::state::Secret;

/// The token of a program: `Authorization: Bearer …`.
pub(super) fn of_program(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, text) = authorization(headers)?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| Secret::new(text))
}

/// The token of a program, or of a person: browsers ask for a name, which is not looked at, and a password.
///
/// SECURITY: only for reading. A browser sends a password again by itself, whichever page made it ask.
pub(super) fn of_reader(headers: &HeaderMap) -> Option<Secret> {
    let (scheme, text) = authorization(headers)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return of_program(headers);
    }
    let decoded = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
    let (_, password) = decoded.split_once(':')?;
    Some(Secret::new(password.trim()))
}

/// Scheme and text of the one field; two are none.
fn authorization(headers: &HeaderMap) -> Option<(&str, &str)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    let (scheme, text) = value.to_str().ok()?.split_once(' ')?;
    Some((scheme, text.trim()))
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    /// Programs show tokens, people passwords, and only one of either.
    #[test]
    fn secret_is_a_token_or_a_password() {
        let rows: [(&[&str], Option<&str>, Option<&str>); 6] = [
            (&["Bearer abc"], Some("abc"), Some("abc")),
            (&["bearer  abc "], Some("abc"), Some("abc")),
            (&["Basic YW5uOmFiYw=="], None, Some("abc")),
            (&["Basic OmE6Yg=="], None, Some("a:b")),
            (&["Basic ?"], None, None),
            (&["Bearer abc", "Bearer abc"], None, None),
        ];
        for (values, program, reader) in rows {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            let text = |secret: Option<Secret>| secret.map(|s| s.reveal().to_owned());
            assert_eq!(text(of_program(&headers)).as_deref(), program, "{values:?}");
            assert_eq!(text(of_reader(&headers)).as_deref(), reader, "{values:?}");
        }
    }
}
