//! What scripts say about their tests: TAP lines, or numbers.

use super::report::{CaseStatus, Counts, TestCase};

/// Most cases that are read of one runner; a longer list is cut.
const MAX_CASES: usize = 100_000;

/// The lines of the Test Anything Protocol among others, versions 12 to 14.
pub(super) fn tap(text: &str) -> Vec<TestCase> {
    let mut cases: Vec<TestCase> = Vec::new();
    for line in text.lines().take(MAX_CASES) {
        let (rest, good) = match (line.strip_prefix("ok"), line.strip_prefix("not ok")) {
            (Some(rest), _) => (rest, true),
            (_, Some(rest)) => (rest, false),
            _ => continue,
        };
        if !rest.is_empty() && !rest.starts_with(' ') {
            continue;
        }
        let rest = rest.trim_start();
        let number = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let said = rest[number..].trim_start().trim_start_matches("- ");
        let (name, directive) = said.split_once(" # ").unwrap_or((said, ""));
        let (name, directive) = match name.strip_prefix("# ") {
            Some(directive) => ("", directive),
            None => (name, directive),
        };
        let word = directive
            .split(' ')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let status = match (word.as_str(), good) {
            ("skip", _) => CaseStatus::Skipped,
            // What is still to be done may fail.
            ("todo", _) | (_, true) => CaseStatus::Passed,
            (_, false) => CaseStatus::Failed,
        };
        let unnamed = || format!("test {}", cases.len() + 1);
        let name = Some(name.trim())
            .filter(|n| !n.is_empty())
            .map_or_else(unnamed, str::to_owned);
        cases.push(TestCase {
            name,
            status,
            duration_ms: 0,
            error_message: Some(directive.to_owned()).filter(|d| !d.is_empty()),
            stdout: String::new(),
            stderr: String::new(),
        });
    }
    cases
}

/// The numbers a script tells: `Tests: 3 passed, 1 failed, 0 skipped`, `Tests: 3/4 passed`, or lines such as
/// `Passed: 3`; the last ones count.
pub(super) fn simple(text: &str) -> Option<Counts> {
    let mut found = None;
    let mut lines = Counts::default();
    let mut any = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("Tests:") {
            found = numbers(rest).or(found);
        }
        for (word, slot) in [
            ("Passed:", &mut lines.passed),
            ("Failed:", &mut lines.failed),
            ("Skipped:", &mut lines.skipped),
        ] {
            if let Some(number) = line.strip_prefix(word).and_then(|n| n.trim().parse().ok()) {
                *slot = number;
                any = true;
            }
        }
    }
    found.or(any.then_some(lines))
}

/// `3 passed, 1 failed`, or `3/4 passed`.
fn numbers(text: &str) -> Option<Counts> {
    let mut counts = Counts::default();
    let mut any = false;
    for part in text.split(',') {
        let (number, word) = part.trim().split_once(' ')?;
        let (number, all) = number
            .split_once('/')
            .map_or((number, None), |(n, all)| (n, Some(all)));
        let number: u64 = number.parse().ok()?;
        match word.trim() {
            "passed" => counts.passed = number,
            "failed" => counts.failed = number,
            "skipped" => counts.skipped = number,
            _ => continue,
        }
        if let Some(all) = all.and_then(|all| all.parse::<u64>().ok()) {
            counts.failed = all.saturating_sub(number);
        }
        any = true;
    }
    any.then_some(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every way a script may tell its numbers.
    #[test]
    fn numbers_of_scripts_are_read() {
        let counts = |passed, failed, skipped| {
            Some(Counts {
                passed,
                failed,
                skipped,
            })
        };
        let rows = [
            (
                "x\nTests: 12 passed, 1 failed, 2 skipped\n",
                counts(12, 1, 2),
            ),
            ("Tests: 15/16 passed\n", counts(15, 1, 0)),
            ("Total Tests: 4\nPassed: 3\n  Failed: 1\n", counts(3, 1, 0)),
            ("Tests: 1 passed\nTests: 2 passed\n", counts(2, 0, 0)),
            ("Tests: many\nall good\n", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(simple(text), expected, "{text}");
        }
    }

    /// TAP: results, names, directives; other lines are passed over.
    #[test]
    fn tap_lines_are_read() {
        let text = "TAP version 13\n1..6\nok 1 - starts\nnot ok 2 - stops\n# because\nok 3 # SKIP no network\nnot ok 4 - later # TODO some day\nok\nokay\nnot ok 6\n";
        let found: Vec<(String, CaseStatus)> =
            tap(text).into_iter().map(|c| (c.name, c.status)).collect();
        let expected = [
            ("starts", CaseStatus::Passed),
            ("stops", CaseStatus::Failed),
            ("test 3", CaseStatus::Skipped),
            ("later", CaseStatus::Passed),
            ("test 5", CaseStatus::Passed),
            ("test 6", CaseStatus::Failed),
        ];
        assert_eq!(found, expected.map(|(n, s)| (n.to_owned(), s)));
    }
}
