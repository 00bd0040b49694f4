//! `ValueType`: the set of JSON values a schema's type admits.

use std::collections::BTreeSet;

/// What one type is to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    /// The same values.
    Equal,
    /// Fewer values than before.
    Narrower,
    /// More values than before.
    Wider,
    /// Some of the values before are missing, others are new.
    Other,
}

impl Relation {
    /// From whether each side holds all of the other.
    pub(crate) fn of(new_holds_old: bool, old_holds_new: bool) -> Self {
        match (new_holds_old, old_holds_new) {
            (true, true) => Self::Equal,
            (true, false) => Self::Wider,
            (false, true) => Self::Narrower,
            (false, false) => Self::Other,
        }
    }
}

/// A type as documents write it: `string`, `array of integer`, `string or null`; empty is anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ValueType {
    Anything,
    OneOf(BTreeSet<String>),
}

impl ValueType {
    pub(crate) fn parse(text: &str) -> Self {
        let names: BTreeSet<String> = text
            .split(" or ")
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if names.is_empty() || names.contains("any") {
            Self::Anything
        } else {
            Self::OneOf(names)
        }
    }

    /// What `new` is to `old`.
    pub(crate) fn relation(old: &str, new: &str) -> Relation {
        let (old, new) = (Self::parse(old), Self::parse(new));
        Relation::of(new.holds(&old), old.holds(&new))
    }

    /// Whether every value of `other` is one of these.
    fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Anything, _) => true,
            (Self::OneOf(_), Self::Anything) => false,
            (Self::OneOf(own), Self::OneOf(others)) => others
                .iter()
                .all(|theirs| own.iter().any(|ours| is_within(theirs, ours))),
        }
    }
}

/// Whether every value of the type `inner` is one of the type `outer`.
fn is_within(inner: &str, outer: &str) -> bool {
    if inner == outer || (inner == "integer" && outer == "number") {
        return true;
    }
    match (inner.strip_prefix("array of "), outer) {
        (Some(_), "array") => true,
        (Some(inner), outer) => outer
            .strip_prefix("array of ")
            .is_some_and(|outer| is_within(inner, outer)),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sets of values are compared, not texts.
    #[test]
    fn types_compare_by_the_values_they_admit() {
        let rows = [
            ("string", "string", Relation::Equal),
            ("string or null", "null or string", Relation::Equal),
            ("", "any", Relation::Equal),
            ("integer", "number", Relation::Wider),
            ("number", "integer", Relation::Narrower),
            ("integer or number", "number", Relation::Equal),
            ("string", "string or null", Relation::Wider),
            ("array of string", "array", Relation::Wider),
            ("array of integer", "array of number", Relation::Wider),
            ("", "string", Relation::Narrower),
            ("string", "", Relation::Wider),
            ("string", "integer", Relation::Other),
            ("string or null", "string or integer", Relation::Other),
        ];
        for (old, new, relation) in rows {
            assert_eq!(ValueType::relation(old, new), relation, "{old} -> {new}");
        }
    }
}
