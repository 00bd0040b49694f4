//! Tests of the pages.
//!
//! ```text
//! structure   what every page has: landmarks, links that resolve, budgets, the same bytes
//! content     what a visitor reads on a pack page
//! hostile     markup, addresses and READMEs of people who mean harm
//! readme      what becomes of Markdown
//! cost        how long pages take (ignored; run in release)
//! ```

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests may panic, and one prints what it measured"
)]

mod content;
mod cost;
mod hostile;
mod readme;
mod structure;
mod support;
mod validity;
