//! `Whole`: a whole number in a request, also where it is written with a fraction of nothing, as JSON Schema takes it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// Above it, a number with a fraction may have lost digits (2^53).
const MOST: f64 = 9_007_199_254_740_992.0;

/// `300`, and `300.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Whole<T>(pub(super) T);

impl<'de, T: DeserializeOwned> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let written = number.as_f64().filter(|_| number.is_f64());
        let value = written
            .filter(|number| number.fract() == 0.0 && number.abs() < MOST)
            .map_or(Value::Number(number), whole);
        T::deserialize(value).map(Self).map_err(D::Error::custom)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "it has no fraction, and is below the bound"
)]
fn whole(number: f64) -> Value {
    Value::from(number as i64)
}

impl<T: JsonSchema> JsonSchema for Whole<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is whole is taken; what is not, or lies outside the type, is not.
    #[test]
    fn whole_numbers_may_have_a_fraction_of_nothing() {
        let read = |text: &str| serde_json::from_str::<Option<Whole<u64>>>(text).ok();
        for (text, number) in [("300", 300), ("300.0", 300), ("3e2", 300), ("-0.0", 0)] {
            assert_eq!(read(text), Some(Some(Whole(number))), "{text}");
        }
        assert_eq!(read("null"), Some(None));
        for text in ["300.5", "-1", "-1.0", "1e300", "\"300\"", "true", "[1]"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
