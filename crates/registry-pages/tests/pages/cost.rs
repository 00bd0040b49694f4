//! How long pages take. Ignored: `cargo test --release -p registry-pages -- --ignored --nocapture`.

use std::time::{Duration, Instant};

use registry_pages::{PackList, PackPage, PackSummary, Renderer};

use crate::support;

/// Time this thread has spent on a processor, where the system tells; a busy machine distorts the clock.
fn busy(since: Instant) -> Duration {
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(|| since.elapsed(), Duration::from_nanos)
}

/// Runs `work` for a second and prints the rate on one processor.
fn rate(what: &str, mut work: impl FnMut() -> usize) {
    let start = Instant::now();
    let before = busy(start);
    let (mut runs, mut bytes) = (0_u32, 0);
    while start.elapsed() < Duration::from_secs(1) {
        bytes = work();
        runs += 1;
    }
    let each = busy(start).saturating_sub(before) / runs;
    println!(
        "{what}: {:.0}/s, {each:?} each, {bytes} bytes",
        1.0 / each.as_secs_f64()
    );
}

/// Prints pages per second on one core.
#[test]
#[ignore = "measures"]
fn pages_per_second() {
    let documents = support::documents();
    let renderer = Renderer::new().unwrap();
    let site = support::site(1);
    let listed = support::refs(&documents);
    let files = support::files();
    let everything = support::everything();
    let page = |document, readme_markdown| PackPage {
        document,
        readme_markdown,
        files: Some(&files),
        dependents: &[],
        listed: &listed,
    };
    rate("pack with everything, README", || {
        renderer
            .pack(&site, &page(&everything, Some(support::README)))
            .unwrap()
            .len()
    });
    rate("pack with everything", || {
        renderer
            .pack(&site, &page(&everything, None))
            .unwrap()
            .len()
    });
    rate("small pack", || {
        renderer
            .pack(&site, &page(&documents[1], None))
            .unwrap()
            .len()
    });
    let list = PackList::new(
        documents
            .iter()
            .filter_map(PackSummary::from_document)
            .collect(),
    );
    rate("list of 13", || {
        renderer.home(&site, &list, 1).unwrap().len()
    });
    rate("summary", || {
        usize::from(PackSummary::from_document(&everything).is_some())
    });
    let long = support::README.repeat(10);
    rate("README of ten times that", || {
        renderer
            .pack(&site, &page(&documents[1], Some(&long)))
            .unwrap()
            .len()
    });
}
