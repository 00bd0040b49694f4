//! What failures say, word for word: message, then advice.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use pack_format::{Hint as _, PackRef, Timestamp, Version};
use pack_resolve::{Candidate, Request, Withheld, resolve};

/// `app 1.0.0 core@^1` adds a version of `app` that needs `core@^1`. Before a version, `!` yanks it, `?` makes it too
/// young, `/` needs what the host has not, and `=` means it is installed.
fn request(roots: &str, versions: &[&str]) -> Request {
    let mut request = Request::default();
    for root in roots.split_whitespace() {
        request.roots.push(root.parse().unwrap());
    }
    for line in versions {
        let mut words = line.split(' ');
        let pack_ref: PackRef = words.next().unwrap().parse().unwrap();
        let word = words.next().unwrap();
        let version: Version = word
            .trim_start_matches(['!', '?', '/', '='])
            .parse()
            .unwrap();
        let needs = words.map(|w| w.parse().unwrap()).collect();
        let mut candidate = Candidate::new(version.clone(), needs);
        candidate.withheld = match word.chars().next() {
            Some('!') => Some(Withheld::Yanked {
                reason: "cuts long messages".to_owned(),
            }),
            Some('?') => Some(Withheld::TooYoung {
                published_at: Timestamp::from_unix(1_800_000_000),
                usable_at: Timestamp::from_unix(1_800_604_800),
            }),
            Some('/') => Some(Withheld::Unmet {
                reason: "needs Python `>=3.12`; this host has 3.11.7".to_owned(),
            }),
            _ => None,
        };
        if word.starts_with('=') {
            request.preferred.insert(pack_ref.clone(), version);
            request.keep.insert(pack_ref.clone());
        }
        request.add(pack_ref, candidate);
    }
    request
}

/// What is asked for, what there is, what is said.
type Case = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// One case per typical failure.
const CASES: [Case; 12] = [
    (
        "app tool",
        &[
            "app 1.0.0 core@^2",
            "tool 1.0.0 core@^1",
            "core 1.0.0",
            "core 2.0.0",
            "other 1.0.0",
        ],
        &[
            "no versions fit together",
            "  `app` was asked for",
            "  `tool` was asked for",
            "  `app@1.0.0` needs `core@^2`",
            "  `tool@1.0.0` needs `core@^1`",
            "  no version of `core` matches both `^1` and `^2`; listed: 2.0.0, 1.0.0",
            "hint: ask for other versions, or leave out one of the packs above",
        ],
    ),
    (
        "app@^2 tool",
        &[
            "app 1.0.0 core@^1",
            "app 2.0.0 core@^2",
            "tool 1.0.0 core@^1",
            "core 1.0.0",
            "core 2.0.0",
        ],
        &[
            "no versions fit together",
            "  `app@^2` was asked for",
            "  `tool` was asked for",
            "  `app@2.0.0` needs `core@^2`",
            "  `tool@1.0.0` needs `core@^1`",
            "  no version of `core` matches both `^1` and `^2`; listed: 2.0.0, 1.0.0",
            "hint: ask for `app@1.0.0` instead of `app@^2`: it fits with everything else",
        ],
    ),
    (
        "app core@^1",
        &[
            "app 1.0.0 core@^2",
            "app 1.1.0 core@^2",
            "core 1.0.0",
            "core 2.0.0",
        ],
        &[
            "no versions fit together",
            "  `app` was asked for",
            "  `core@^1` was asked for",
            "  every version of `app` needs `core@^2`",
            "  no version of `core` matches both `^1` and `^2`; listed: 2.0.0, 1.0.0",
            "hint: ask for `core@2.0.0` instead of `core@^1`: it fits with everything else",
        ],
    ),
    (
        "slack@3.0.0",
        &["monitor =1.0.0 slack@^2", "slack =2.0.0", "slack 3.0.0"],
        &[
            "no versions fit together",
            "  `monitor@1.0.0` is installed",
            "  `slack@2.0.0` is installed",
            "  `slack@3.0.0` was asked for",
            "  `monitor@1.0.0` needs `slack@^2`",
            "  no version of `slack` matches both `3.0.0` and `^2`; listed: 3.0.0, 2.0.0",
            "hint: ask for `slack@2.0.0` instead of `slack@3.0.0`: it fits with everything else",
        ],
    ),
    (
        "app",
        &["app 1.0.0 core@^3", "core 1.0.0", "core 2.0.0"],
        &[
            "no versions fit together",
            "  `app` was asked for",
            "  `app@1.0.0` needs `core@^3`",
            "  no version of `core` matches `^3`; listed: 2.0.0, 1.0.0",
            "hint: ask for other versions, or leave out one of the packs above",
        ],
    ),
    (
        "app",
        &["app 1.0.0 core@^1", "core !1.0.0", "core 2.0.0"],
        &[
            "no versions fit together",
            "  `app` was asked for",
            "  `app@1.0.0` needs `core@^1`",
            "  no version of `core` matches `^1`; listed: 2.0.0, 1.0.0 (yanked: cuts long messages)",
            "hint: ask for other versions, or leave out one of the packs above",
        ],
    ),
    (
        "app",
        &["app 1.0.0 core@^2", "core 1.0.0", "core /2.0.0"],
        &[
            "no versions fit together",
            "  `app` was asked for",
            "  `app@1.0.0` needs `core@^2`",
            "  no version of `core` matches `^2`; listed: 1.0.0, 2.0.0 (needs Python `>=3.12`; this host has 3.11.7)",
            "hint: bring the host to what the pack needs, or ask for another version",
        ],
    ),
    (
        "slack@^2",
        &["slack 1.0.0", "slack ?2.0.0"],
        &[
            "no version of `slack` matches `^2`",
            "  listed: 1.0.0, 2.0.0 (published 2027-01-15T08:00:00Z, held back until 2027-01-22T08:00:00Z by `minimum_release_age`)",
            "hint: wait until 2027-01-22T08:00:00Z, or except the pack from `minimum_release_age`",
        ],
    ),
    (
        "slack@^2",
        &["slack 1.0.0", "slack /2.0.0"],
        &[
            "no version of `slack` matches `^2`",
            "  listed: 1.0.0, 2.0.0 (needs Python `>=3.12`; this host has 3.11.7)",
            "hint: bring the host to what the pack needs, or ask for another version",
        ],
    ),
    (
        "app",
        &["app 1.0.0 core@^2"],
        &[
            "a dependency is not listed in any registry",
            "  `app` was asked for",
            "  `app@1.0.0` needs `core@^2`",
            "  `core` is not listed in any registry",
            "hint: add the registry that holds `core`, or install it from a directory or archive first",
        ],
    ),
    (
        "app",
        &[
            "app 1.0.0 base",
            "base 1.0.0 core@^1 tool",
            "tool 1.0.0 core@^2",
            "core 1.0.0",
            "core 2.0.0-rc.1",
        ],
        &[
            "no versions fit together",
            "  `app` was asked for",
            "  `app@1.0.0` needs `base`",
            "  `base@1.0.0` needs `tool`",
            "  `tool@1.0.0` needs `core@^2`",
            "  no version of `core` matches `^2`; listed: 2.0.0-rc.1, 1.0.0",
            "hint: ask for other versions, or leave out one of the packs above",
        ],
    ),
    (
        "a c@^1",
        &[
            "a 1.0.0 b@^1",
            "a 2.0.0 b@^2",
            "b 1.0.0 c@^2",
            "b 2.0.0 c@^3",
            "c 1.0.0",
            "c 2.0.0",
            "c 3.0.0",
        ],
        &[
            "no versions fit together",
            "  `a` was asked for",
            "  `c@^1` was asked for",
            "  `a@1.0.0` needs `b@^1`",
            "  `a@2.0.0` needs `b@^2`",
            "  `b@1.0.0` needs `c@^2`",
            "  `b@2.0.0` needs `c@^3`",
            "  no version of `c` suits all of them; listed: 3.0.0, 2.0.0, 1.0.0",
            "hint: ask for `c@3.0.0` instead of `c@^1`: it fits with everything else",
        ],
    ),
];

/// Every failure, word for word.
#[test]
fn failures_say_what_to_do() {
    for (roots, versions, expected) in CASES {
        let error = resolve(&request(roots, versions)).unwrap_err();
        let said = format!("{error}\nhint: {}", error.hint().unwrap());
        assert_eq!(said, expected.join("\n"), "{roots}");
    }
}
