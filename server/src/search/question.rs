//! `Question`: what the address of a search asks.

use hyper::StatusCode;
use registry_pages::FOUND_PER_PAGE;

use crate::problem::Problem;

/// Longest question, in bytes (inclusive).
const MAX_QUESTION_BYTES: usize = 500;

/// Most packs in one answer (inclusive).
const MAX_LIMIT: usize = 100;

/// Furthest pack that is shown (inclusive).
const MAX_OFFSET: usize = 100_000;

/// What to look for, and which of the packs found to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    /// As it was asked.
    pub(super) text: String,
    pub(super) offset: usize,
    pub(super) limit: usize,
    /// Whether those that are downloaded most come first.
    pub(super) by_downloads: bool,
}

impl Question {
    /// Reads `q`, `sort`, `limit`, and `offset` or `page`; what else there is says nothing.
    pub(super) fn of(query: &str) -> Result<Self, Problem> {
        let mut question = Self {
            text: String::new(),
            offset: 0,
            limit: FOUND_PER_PAGE,
            by_downloads: false,
        };
        let mut page = None;
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "q" => question.text = value.into_owned(),
                "sort" => question.by_downloads = by_downloads(&value)?,
                "limit" => question.limit = number("limit", &value, 1, MAX_LIMIT)?,
                "offset" => question.offset = number("offset", &value, 0, MAX_OFFSET)?,
                "page" => page = Some(number("page", &value, 1, MAX_OFFSET / MAX_LIMIT)?),
                _ => {}
            }
        }
        if let Some(page) = page {
            question.offset = (page - 1) * question.limit;
        }
        if question.text.len() > MAX_QUESTION_BYTES {
            let message = format!("`q` may have at most {MAX_QUESTION_BYTES} bytes");
            return Err(bad(message));
        }
        Ok(question)
    }

    /// Number of the page that is asked for, from one.
    pub(super) fn page(&self) -> usize {
        self.offset / self.limit.max(1) + 1
    }
}

fn by_downloads(text: &str) -> Result<bool, Problem> {
    match text {
        "relevance" => Ok(false),
        "downloads" => Ok(true),
        _ => Err(bad("`sort` must be `relevance` or `downloads`".to_owned())),
    }
}

fn number(name: &str, text: &str, least: usize, most: usize) -> Result<usize, Problem> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| bad(format!("`{name}` must be a number from {least} to {most}")))
}

fn bad(message: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Limits are met, beyond them is an error, and strangers are ignored.
    #[test]
    fn question_keeps_its_limits() {
        let asked = |query: &str| Question::of(query).ok();
        let plain = asked("q=a+b%2Cc&x=1").unwrap();
        assert_eq!(
            (plain.text.as_str(), plain.offset, plain.limit),
            ("a b,c", 0, 20)
        );
        let third = asked("page=3&limit=10").unwrap();
        assert_eq!((third.offset, third.page()), (20, 3));
        assert_eq!(asked("limit=100&offset=100000").unwrap().limit, 100);
        assert!(asked("sort=downloads").unwrap().by_downloads);
        for bad in [
            "limit=0",
            "limit=101",
            "page=0",
            "offset=-1",
            "offset=x",
            "page=",
            "sort=name",
        ] {
            assert_eq!(asked(bad), None, "{bad}");
        }
        assert!(asked(&format!("q={}", "x".repeat(500))).is_some());
        assert!(asked(&format!("q={}", "x".repeat(501))).is_none());
    }
}
