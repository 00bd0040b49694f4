//! `Mirrors`: where else the files of a registry are.

use std::sync::atomic::{AtomicUsize, Ordering};

use url::Url;

/// Copies of what is below a base, and which of them answers.
#[derive(Debug, Default)]
pub(crate) struct Mirrors {
    /// The registry's own base, then its copies.
    bases: Vec<Url>,
    /// Number of the base that answered last.
    preferred: AtomicUsize,
}

impl Mirrors {
    /// The copies of `base`, in the order they are asked.
    pub(crate) fn new(base: &Url, copies: Vec<Url>) -> Self {
        let mut bases = vec![base.clone()];
        bases.extend(copies);
        Self {
            bases,
            preferred: AtomicUsize::new(0),
        }
    }

    /// The bases of copies.
    pub(super) fn copies(&self) -> &[Url] {
        self.bases.get(1..).unwrap_or_default()
    }

    /// Where a file is, with the number of its base: first where the last one came from.
    ///
    /// A URL that is not below the base is only where it is.
    pub(super) fn places(&self, url: &Url) -> Vec<(usize, Url)> {
        let Some(below) = self.below(url) else {
            return vec![(0, url.clone())];
        };
        let count = self.bases.len();
        let first = self.preferred.load(Ordering::Relaxed);
        let numbers = (0..count).map(|n| (first + n) % count);
        numbers
            .filter_map(|number| {
                let place = match number {
                    0 => url.clone(),
                    _ => Url::parse(&format!("{}{below}", self.bases[number])).ok()?,
                };
                Some((number, place))
            })
            .collect()
    }

    /// Notes that a base answers.
    pub(super) fn prefer(&self, number: usize) {
        self.preferred.store(number, Ordering::Relaxed);
    }

    /// What of a URL comes after the base; `None` if it is elsewhere or there are no copies.
    fn below<'a>(&self, url: &'a Url) -> Option<&'a str> {
        let [base, _, ..] = self.bases.as_slice() else {
            return None;
        };
        // The base ends with a slash and a parsed URL has no dot segments: a prefix is a parent.
        url.as_str().strip_prefix(base.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(mirrors: &Mirrors, url: &str) -> Vec<String> {
        let places = mirrors.places(&Url::parse(url).unwrap());
        places.into_iter().map(|(_, url)| url.to_string()).collect()
    }

    /// Files of the registry are at every base, beginning with the one that answers; others are where they are.
    #[test]
    fn files_are_below_each_base() {
        let parse = |text| Url::parse(text).unwrap();
        let mirrors = Mirrors::new(&parse("https://a.org/p/"), vec![parse("https://b.org/q/")]);
        let (own, copy) = (
            "https://a.org/p/docs/x+y.json",
            "https://b.org/q/docs/x+y.json",
        );
        assert_eq!(shown(&mirrors, own), [own, copy]);
        mirrors.prefer(1);
        assert_eq!(shown(&mirrors, own), [copy, own]);
        for elsewhere in ["https://a.org/other", "https://a.org.evil.org/p/x"] {
            assert_eq!(shown(&mirrors, elsewhere), [elsewhere]);
        }
    }
}
