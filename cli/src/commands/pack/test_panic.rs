//! Panics on demand, in builds for tests only: `ATTUNE_TEST_PANIC=STEP` ends a change after one of the installer's
//! steps, `ATTUNE_TEST_PANIC=Download` when something is about to be fetched. What a panic prints must not be a secret.

use attune_installer::Failpoints;

use crate::settings;

/// The step to panic after, if one is named.
pub(super) fn failpoints() -> Failpoints {
    Failpoints::new(|step| {
        at(&format!("{step:?}"));
        None
    })
}

/// Panics if this is what is named.
pub(super) fn at(moment: &str) {
    let wanted = settings::test_panic().is_some_and(|wanted| wanted == moment);
    assert!(!wanted, "a test asked for a panic at `{moment}`");
}
