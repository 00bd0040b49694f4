//! Lists in pages: `?page=2&page_size=50`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::body::malformed;
use crate::problem::Problem;

/// Items of a page where nobody says, and at most.
const DEFAULT_SIZE: i64 = 50;
const MAX_SIZE: i64 = 100;

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: i64,
    size: i64,
}

impl Page {
    /// What a query says of it; other members are none of its business.
    pub(super) fn of(query: Option<&str>) -> Result<Self, Problem> {
        let mut page = Self {
            number: 1,
            size: DEFAULT_SIZE,
        };
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let number = |most: i64| {
                let number = value.parse::<i64>().ok();
                let number = number.filter(|number| (1..=most).contains(number));
                number.ok_or_else(|| malformed(&format!("`{name}` is a number from 1 to {most}")))
            };
            match &*name {
                "page" => page.number = number(1_000_000)?,
                "page_size" | "per_page" => page.size = number(MAX_SIZE)?,
                _ => {}
            }
        }
        Ok(page)
    }

    /// How many items come before it, and how many it has at most.
    pub(super) fn range(self) -> (i64, i64) {
        ((self.number - 1) * self.size, self.size)
    }

    /// The items of a whole list that are on it.
    pub(super) fn cut<T>(self, all: &[T]) -> &[T] {
        let bound =
            |place: i64| usize::try_from(place).map_or(all.len(), |place| place.min(all.len()));
        let (before, most) = self.range();
        &all[bound(before)..bound(before.saturating_add(most))]
    }

    /// The page with these items of `total`.
    pub(super) fn filled<T>(self, items: Vec<T>, total: i64) -> Paged<T> {
        let pages = total.div_euclid(self.size) + i64::from(total % self.size != 0);
        Paged {
            items,
            pagination: Pagination {
                page: self.number,
                page_size: self.size,
                total_items: total,
                total_pages: pages,
                has_previous: self.number > 1,
                has_next: self.number < pages,
            },
        }
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Paged<T> {
    pub(super) items: Vec<T>,
    pub(super) pagination: Pagination,
}

/// Which page of how many.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Pagination {
    /// Number of the page.
    #[schemars(range(min = 1))]
    page: i64,
    /// Most items of a page.
    #[schemars(range(min = 1, max = MAX_SIZE))]
    page_size: i64,
    /// Items of all pages.
    #[schemars(range(min = 0))]
    total_items: i64,
    #[schemars(range(min = 0))]
    total_pages: i64,
    has_previous: bool,
    has_next: bool,
}

/// What there are lists of.
pub(super) trait Listed: JsonSchema {
    /// What the form of a list of them is called.
    const LIST: &'static str;
}

impl<T: Listed> JsonSchema for Paged<T> {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed(T::LIST)
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "properties": {
                "items": generator.subschema_for::<Vec<T>>(),
                "pagination": generator.subschema_for::<Pagination>(),
            },
            "required": ["items", "pagination"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers within their bounds, and what lies before and behind.
    #[test]
    fn queries_name_pages() {
        let page = Page::of(Some("page=2&page_size=10&q=x")).unwrap();
        assert_eq!(page.range(), (10, 10));
        assert_eq!(page.cut(&[0; 15]).len(), 5);
        assert!(page.cut(&[0; 3]).is_empty());
        let pagination = page.filled(vec![1], 21).pagination;
        assert_eq!((pagination.total_pages, pagination.has_next), (3, true));
        assert_eq!(Page::of(None).unwrap().range(), (0, 50));
        for wrong in ["page=0", "page_size=101", "page=x", "page_size=-1"] {
            assert!(Page::of(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
