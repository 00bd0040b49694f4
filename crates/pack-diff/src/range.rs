//! `Range`: versions as intervals, so that two ways of writing a requirement can be compared.
//!
//! Three dialects are read: our own constraints, Python's specifiers and npm's ranges. What a dialect says
//! that no interval can (`!=`, pre-releases of Python) is `None`: such texts are compared as texts.

use pack_format::Constraint;
use semver::{BuildMetadata, Comparator, Op, Prerelease, Version};

use crate::value_type::Relation;

/// What a version without an operator means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bare {
    /// It or any later one: the top-level `python: "3.9"` of a manifest.
    Minimum,
    /// Exactly it, missing parts zero: our own constraints.
    Exact,
    /// It and everything it is a prefix of: npm.
    Prefix,
}

/// A place between versions: before one, or right after it.
type Edge = (Version, bool);

/// From an edge up to another; without an end, to the last version there will ever be.
type Interval = (Edge, Option<Edge>);

/// A set of versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range(Vec<Interval>);

impl Range {
    /// What `new` is to `old`.
    pub(crate) fn relation(old: &Self, new: &Self) -> Relation {
        Relation::of(new.holds(old), old.holds(new))
    }

    /// The versions a constraint names, pre-releases aside.
    pub(crate) fn of_constraint(constraint: &Constraint) -> Self {
        let parts = constraint.comparators().iter().map(of_comparator);
        Self(intersection(parts).into_iter().collect())
    }

    /// The versions a requirement names, or `None` where intervals cannot say it.
    pub(crate) fn parse(text: &str, bare: Bare) -> Option<Self> {
        let mut intervals = Vec::new();
        for alternative in text.split("||") {
            let mut parts = Vec::new();
            let mut rest = alternative.trim_matches([' ', ',']);
            while !rest.is_empty() {
                let (part, after) = comparator(rest, bare)?;
                parts.push(part);
                rest = after.trim_start_matches([' ', ',']);
            }
            intervals.extend(intersection(parts.into_iter()));
        }
        Some(Self(joined(intervals)))
    }

    fn holds(&self, other: &Self) -> bool {
        other.0.iter().all(|(start, end)| {
            self.0.iter().any(|(own_start, own_end)| {
                own_start <= start
                    && match (own_end, end) {
                        (None, _) => true,
                        (Some(_), None) => false,
                        (Some(own), Some(theirs)) => theirs <= own,
                    }
            })
        })
    }
}

/// Joins intervals that touch, so that each stretch of versions is one interval.
fn joined(mut intervals: Vec<Interval>) -> Vec<Interval> {
    intervals.sort();
    let mut result: Vec<Interval> = Vec::new();
    for (start, end) in intervals {
        match result.last_mut() {
            Some((_, last_end)) if last_end.as_ref().is_none_or(|last| *last >= start) => {
                *last_end = match (last_end.take(), end) {
                    (Some(one), Some(other)) => Some(one.max(other)),
                    _ => None,
                };
            }
            _ => result.push((start, end)),
        }
    }
    result
}

/// What lies in all of them; `None` if nothing does.
fn intersection(parts: impl Iterator<Item = Interval>) -> Option<Interval> {
    let everything = (
        (version([0, 0, 0], lowest_prerelease()), false),
        None::<Edge>,
    );
    let (start, end) = parts.fold(everything, |(start, end), (other_start, other_end)| {
        let end = match (end, other_end) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        (start.max(other_start), end)
    });
    let empty = end.as_ref().is_some_and(|end| *end <= start);
    (!empty).then_some((start, end))
}

fn version(numbers: [u64; 3], pre: Prerelease) -> Version {
    Version {
        major: numbers[0],
        minor: numbers[1],
        patch: numbers[2],
        pre,
        build: BuildMetadata::EMPTY,
    }
}

/// `0` is below every other pre-release, so an interval from here starts with the first one there can be.
fn lowest_prerelease() -> Prerelease {
    Prerelease::new("0").unwrap_or(Prerelease::EMPTY)
}

fn of_comparator(comparator: &Comparator) -> Interval {
    let numbers: Vec<u64> = [Some(comparator.major), comparator.minor, comparator.patch]
        .into_iter()
        .map_while(|number| number)
        .collect();
    interval(comparator.op, &numbers, comparator.pre.clone())
}

/// The interval of one operator; `numbers` are one to three, missing ones count as zero.
fn interval(op: Op, numbers: &[u64], pre: Prerelease) -> Interval {
    let at = |i: usize| numbers.get(i).copied().unwrap_or(0);
    let this = version([at(0), at(1), at(2)], pre);
    let start = (this.clone(), false);
    match op {
        Op::Exact => (start, Some(after(&this))),
        Op::Greater => (after(&this), None),
        Op::Less => (whole_start(), Some(start)),
        Op::LessEq => (whole_start(), Some(after(&this))),
        Op::Tilde => {
            let kept = numbers.len().min(2);
            (start, Some(next(numbers, kept)))
        }
        Op::Caret => {
            // The first number that is not zero is the promise; `^0.0` promises its two numbers.
            let first = (0..numbers.len()).find(|i| at(*i) > 0);
            let kept = first.map_or(numbers.len(), |i| i + 1);
            (start, Some(next(numbers, kept)))
        }
        Op::Wildcard => (start, Some(next(numbers, numbers.len()))),
        _ => (start, None),
    }
}

/// Right after a version. The next release has the next patch number; what lies between are pre-releases of
/// it, which no requirement takes without naming them.
fn after(version: &Version) -> Edge {
    if !version.pre.is_empty() {
        return (version.clone(), true);
    }
    let patch = version.patch.saturating_add(1);
    (
        Version {
            patch,
            ..version.clone()
        },
        false,
    )
}

fn whole_start() -> Edge {
    (version([0, 0, 0], lowest_prerelease()), false)
}

/// Before the first version whose first `kept` numbers are greater.
fn next(numbers: &[u64], kept: usize) -> Edge {
    let mut bound = [0; 3];
    for (i, number) in numbers.iter().take(kept).enumerate() {
        bound[i] = *number;
    }
    if let Some(last) = bound.get_mut(kept.saturating_sub(1)) {
        *last = last.saturating_add(1);
    }
    (version(bound, Prerelease::EMPTY), false)
}

/// One comparator from the front of `text`, and what follows it.
fn comparator(text: &str, bare: Bare) -> Option<(Interval, &str)> {
    let operator_end = text
        .find(|c: char| !matches!(c, '<' | '>' | '=' | '!' | '~' | '^'))
        .unwrap_or(text.len());
    let (operator, rest) = text.split_at(operator_end);
    let rest = rest.trim_start();
    let end = rest.find([' ', ',']).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    let (numbers, wildcard) = numbers(word)?;
    if numbers.is_empty() {
        return (operator.is_empty() || operator == "==").then(|| ((whole_start(), None), after));
    }
    let op = match operator {
        "" | "=" | "==" | "===" if wildcard => Op::Wildcard,
        // Elsewhere a wildcard has no meaning that all readers share.
        _ if wildcard => return None,
        "" => match bare {
            Bare::Minimum => Op::GreaterEq,
            Bare::Exact => Op::Exact,
            Bare::Prefix => Op::Wildcard,
        },
        "=" | "==" | "===" if bare == Bare::Prefix => Op::Wildcard,
        "=" | "==" | "===" => Op::Exact,
        ">" => Op::Greater,
        ">=" => Op::GreaterEq,
        "<" => Op::Less,
        "<=" => Op::LessEq,
        "~" => Op::Tilde,
        "^" => Op::Caret,
        "~=" => {
            // `~=3.9` is `>=3.9, ==3.*`.
            let kept = numbers.len().checked_sub(1).filter(|kept| *kept > 0)?;
            let (start, _) = interval(Op::GreaterEq, &numbers, Prerelease::EMPTY);
            return Some(((start, Some(next(&numbers, kept))), after));
        }
        _ => return None,
    };
    Some((interval(op, &numbers, Prerelease::EMPTY), after))
}

/// `3.9` and whether a wildcard follows; `None` for what is no plain version.
fn numbers(word: &str) -> Option<(Vec<u64>, bool)> {
    let word = word.strip_prefix('v').unwrap_or(word);
    let mut numbers = Vec::new();
    for part in word.split('.') {
        if matches!(part, "*" | "x" | "X") {
            return Some((numbers, true));
        }
        numbers.push(part.parse().ok()?);
    }
    (numbers.len() <= 3).then_some((numbers, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Constraints by their versions: old, new, relation.
    #[test]
    fn constraints_compare_by_their_versions() {
        let rows = [
            ("^1.2", ">=1.2.0,<2.0.0", Relation::Equal),
            ("^1.2", "^1.3", Relation::Narrower),
            ("^1.2", ">=1.2", Relation::Wider),
            ("^1.2", "^2.0", Relation::Other),
            ("*", "^1.0", Relation::Narrower),
            ("1.2.0", "=1.2", Relation::Equal),
            ("~1.2.3", "^1.2.3", Relation::Wider),
            ("^0.2.3", "~0.2.3", Relation::Equal),
            ("^0.0.3", "0.0.3", Relation::Equal),
            ("<=2", "<2.0.1", Relation::Equal),
            ("^1.0", "^1.0.0-rc.1", Relation::Wider),
        ];
        for (old, new, relation) in rows {
            let range = |text: &str| Range::of_constraint(&text.parse().unwrap());
            assert_eq!(
                Range::relation(&range(old), &range(new)),
                relation,
                "{old} {new}"
            );
        }
    }

    /// Requirements of other dialects.
    #[test]
    fn requirements_compare_by_their_versions() {
        let rows = [
            (Bare::Minimum, "3.8", "3.9", Relation::Narrower),
            (Bare::Minimum, "3.8", ">=3.8", Relation::Equal),
            (Bare::Minimum, ">= 3.8", ">=3.8, <4", Relation::Narrower),
            (Bare::Minimum, "~=3.9", ">=3.9,<4", Relation::Equal),
            (Bare::Minimum, "==3.9.*", "~=3.9.0", Relation::Equal),
            (Bare::Prefix, "18", ">=18 <19", Relation::Equal),
            (Bare::Prefix, "18 || 20", ">=18", Relation::Wider),
            (
                Bare::Prefix,
                "18.x || 19",
                ">=18.0.0 <20.0.0",
                Relation::Equal,
            ),
            (Bare::Exact, "*", ">=1.0", Relation::Narrower),
        ];
        for (bare, old, new, relation) in rows {
            let range = |text: &str| Range::parse(text, bare).unwrap();
            assert_eq!(
                Range::relation(&range(old), &range(new)),
                relation,
                "{old} {new}"
            );
        }
        for strange in [">=3.8,!=3.9.1", "3.11rc1", "latest", "1 - 2"] {
            assert_eq!(Range::parse(strange, Bare::Minimum), None, "{strange}");
        }
    }
}
