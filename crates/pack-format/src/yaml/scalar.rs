//! Scalars: source text, and the type the core schema of YAML 1.2 gives it.

use serde_json::{Number, Value};

/// A scalar as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    text: String,
    plain: bool,
}

/// What a scalar is under the core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarType {
    /// Nothing, `~`, `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer: decimal, `0o17` or `0x1F`.
    Integer,
    /// A number with a point or an exponent.
    Float,
    /// `.inf` or `.nan`.
    NotFinite,
    /// Anything else, and everything quoted.
    String,
}

impl ScalarType {
    /// The type in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer | Self::Float | Self::NotFinite => "a number",
            Self::String => "a string",
        }
    }
}

/// The type of a plain scalar with this text.
pub(super) fn resolve(text: &str) -> ScalarType {
    // Most scalars are words, which their first letter tells.
    let may_be_other = |first: &u8| first.is_ascii_digit() || b"~nNtTfF.-+".contains(first);
    if text
        .as_bytes()
        .first()
        .is_some_and(|first| !may_be_other(first))
    {
        return ScalarType::String;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarType::Null,
        "true" | "True" | "TRUE" => return ScalarType::Bool(true),
        "false" | "False" | "FALSE" => return ScalarType::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return ScalarType::NotFinite,
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return ScalarType::NotFinite;
    }
    if is_integer(text, unsigned) {
        ScalarType::Integer
    } else if is_float(unsigned) {
        ScalarType::Float
    } else {
        ScalarType::String
    }
}

impl Scalar {
    /// A scalar with this text; `plain` if neither quotes nor a tag make it a string.
    pub fn new(text: String, plain: bool) -> Self {
        Self { text, plain }
    }

    /// The text as it was written, escapes resolved.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same, given away.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The type.
    pub fn resolve(&self) -> ScalarType {
        if self.plain {
            resolve(&self.text)
        } else {
            ScalarType::String
        }
    }

    /// The text of a list item: a number as JSON writes it (`0x1F` is `31`, `3.0` stays `3.0`), anything
    /// else as it was written.
    pub fn item_text(&self) -> String {
        match (self.resolve(), self.to_json()) {
            (ScalarType::Integer | ScalarType::Float, Some(Value::Number(number))) => {
                number.to_string()
            }
            _ => self.text.clone(),
        }
    }

    /// The value as JSON, or `None` for `.inf` and `.nan`.
    pub(super) fn to_json(&self) -> Option<Value> {
        let kept = || Value::String(self.text.clone());
        Some(match self.resolve() {
            ScalarType::Null => Value::Null,
            ScalarType::Bool(value) => Value::Bool(value),
            ScalarType::Integer => self.integer().map_or_else(kept, Value::Number),
            ScalarType::Float => self
                .text
                .parse::<f64>()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(kept, Value::Number),
            ScalarType::NotFinite => return None,
            ScalarType::String => kept(),
        })
    }

    fn integer(&self) -> Option<Number> {
        let radix = |digits: &str, radix| u64::from_str_radix(digits, radix).ok().map(Number::from);
        if let Some(digits) = self.text.strip_prefix("0x") {
            return radix(digits, 16);
        }
        if let Some(digits) = self.text.strip_prefix("0o") {
            return radix(digits, 8);
        }
        let text = self.text.strip_prefix('+').unwrap_or(&self.text);
        text.parse::<i64>()
            .map(Number::from)
            .or_else(|_| text.parse::<u64>().map(Number::from))
            .ok()
    }
}

fn is_integer(text: &str, unsigned: &str) -> bool {
    let all = |digits: &str, good: fn(&u8) -> bool| {
        !digits.is_empty() && digits.as_bytes().iter().all(good)
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, u8::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |b| (b'0'..=b'7').contains(b));
    }
    all(unsigned, u8::is_ascii_digit)
}

/// `(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(unsigned: &str) -> bool {
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_ok = match mantissa.split_once('.') {
        Some(("", fraction)) => !fraction.is_empty() && digits(fraction),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => !mantissa.is_empty() && digits(mantissa),
    };
    let exponent_ok = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && digits(e)
    });
    mantissa_ok && exponent_ok
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row per rule of the core schema.
    #[test]
    fn plain_scalars_resolve_by_the_core_schema() {
        use ScalarType::{Bool, Float, Integer, NotFinite, Null, String};
        let rows = [
            ("", Null),
            ("~", Null),
            ("null", Null),
            ("true", Bool(true)),
            ("FALSE", Bool(false)),
            ("no", String),
            ("on", String),
            ("0123", Integer),
            ("0o17", Integer),
            ("0x1F", Integer),
            ("-5", Integer),
            ("1.10", Float),
            ("1.", Float),
            (".5", Float),
            ("1e3", Float),
            ("1.0.0", String),
            ("1:30", String),
            ("2024-01-01", String),
            (".inf", NotFinite),
            ("-.inf", NotFinite),
            (".nan", NotFinite),
            ("e", String),
            (".", String),
            ("0x", String),
            ("-", String),
            ("1e", String),
        ];
        for (text, expected) in rows {
            assert_eq!(
                Scalar::new(text.to_owned(), true).resolve(),
                expected,
                "{text}"
            );
            assert_eq!(
                Scalar::new(text.to_owned(), false).resolve(),
                String,
                "quoted {text}"
            );
        }
    }

    /// What JSON cannot hold is kept as text.
    #[test]
    fn huge_numbers_keep_their_text() {
        let long = "9".repeat(400);
        assert_eq!(
            Scalar::new(long.clone(), true).to_json(),
            Some(Value::String(long))
        );
        assert_eq!(
            Scalar::new("1e999999".to_owned(), true).to_json(),
            Some(Value::String("1e999999".to_owned()))
        );
    }
}
