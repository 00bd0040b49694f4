//! Resolution: what is chosen, in which order, and what a failure says.

#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::time::Instant;

use pack_resolve::{Candidate, Request, ResolveError, Withheld, resolve};

/// `app 1.0.0 core@^1` adds version 1.0.0 of `app`, which needs `core@^1`; `!` before a version yanks it.
fn request(roots: &[&str], versions: &[&str]) -> Request {
    let mut request = Request::default();
    for root in roots {
        request.roots.push(root.parse().unwrap());
    }
    for line in versions {
        let mut words = line.split(' ');
        let pack_ref = words.next().unwrap().parse().unwrap();
        let version = words.next().unwrap();
        let mut candidate = Candidate::new(
            version.trim_start_matches('!').parse().unwrap(),
            words.map(|w| w.parse().unwrap()).collect(),
        );
        candidate.withheld = version.starts_with('!').then(|| Withheld::Yanked {
            reason: String::new(),
        });
        request.add(pack_ref, candidate);
    }
    request
}

fn chosen(request: &Request) -> Vec<String> {
    resolve(request)
        .unwrap()
        .packs
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The newest stable version wins, dependencies come first.
#[test]
fn newest_versions_are_chosen_in_dependency_order() {
    let versions = [
        "app 1.0.0 core@^1",
        "core 1.0.0",
        "core 1.9.0",
        "core 2.0.0",
        "core 1.10.0-rc.1",
    ];
    assert_eq!(
        chosen(&request(&["app"], &versions)),
        ["core@1.9.0", "app@1.0.0"]
    );
}

/// An older version is taken where the newest one conflicts.
#[test]
fn conflict_with_the_newest_backtracks() {
    let versions = [
        "app 1.0.0 core@^1",
        "app 2.0.0 core@^2",
        "tool 1.0.0 core@^1",
        "core 1.0.0",
        "core 2.0.0",
    ];
    assert_eq!(
        chosen(&request(&["app", "tool"], &versions)),
        ["core@1.0.0", "app@1.0.0", "tool@1.0.0"]
    );
}

/// What is installed stays while it satisfies everybody, yanked or not.
#[test]
fn preferred_version_is_kept_while_it_fits() {
    let mut kept = request(
        &["app"],
        &["app 1.0.0 core@^1", "core !1.0.0", "core 1.1.0"],
    );
    kept.preferred
        .insert("core".parse().unwrap(), "1.0.0".parse().unwrap());
    assert_eq!(chosen(&kept), ["core@1.0.0", "app@1.0.0"]);

    let mut moved = request(
        &["app"],
        &["app 1.0.0 core@^1.1", "core 1.0.0", "core 1.1.0"],
    );
    moved
        .preferred
        .insert("core".parse().unwrap(), "1.0.0".parse().unwrap());
    assert_eq!(chosen(&moved), ["core@1.1.0", "app@1.0.0"]);
}

/// Yanked versions and pre-releases are not chosen unless a pre-release is named.
#[test]
fn yanked_and_prerelease_versions_wait_to_be_asked_for() {
    let versions = ["core 1.0.0", "core !1.1.0", "core 2.0.0-rc.1"];
    assert_eq!(chosen(&request(&["core"], &versions)), ["core@1.0.0"]);
    assert_eq!(
        chosen(&request(&["core@2.0.0-rc.1"], &versions)),
        ["core@2.0.0-rc.1"]
    );
    let error = resolve(&request(&["core@1.1.0"], &versions)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no version of `core` matches `1.1.0`\n  listed: 2.0.0-rc.1, 1.0.0, 1.1.0 (yanked)"
    );
}

/// Packs that need each other are resolved, and the cycle is told.
#[test]
fn cycle_is_resolved_and_reported() {
    let resolution = resolve(&request(&["b"], &["a 1.0.0 b", "b 1.0.0 a"])).unwrap();
    assert_eq!(resolution.packs.len(), 2);
    let cycle: Vec<&str> = resolution.cycles[0]
        .iter()
        .map(pack_format::PackRef::as_str)
        .collect();
    assert_eq!(cycle, ["a", "b"]);
}

/// A pack that needs itself is installed in a version that can; never left out.
#[test]
fn pack_that_needs_itself_is_chosen() {
    let versions = ["app 1.0.0 app@^1", "app 2.0.0 app@^1"];
    assert_eq!(chosen(&request(&["app"], &versions)), ["app@1.0.0"]);
    let error = resolve(&request(&["app@^2"], &versions)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no version of `app` matches `^2`\n  listed: 1.0.0, 2.0.0 (needs `app@^1`, another version of itself)"
    );
}

/// A dependency nobody lists is named, with who needs it.
#[test]
fn missing_dependency_is_named() {
    let error = resolve(&request(&["app"], &["app 1.0.0 core@^2"])).unwrap_err();
    let ResolveError::MissingDependency { missing, sentences } = &error else {
        panic!("{error}");
    };
    assert_eq!(missing.first().unwrap().as_str(), "core");
    assert!(
        sentences.contains(&"`app@1.0.0` needs `core@^2`".to_owned()),
        "{error}"
    );
    let error = resolve(&request(&["nowhere"], &[])).unwrap_err();
    assert_eq!(error.to_string(), "`nowhere` is not listed in any registry");
}

/// A chain through 2,000 packs of ten versions each ends soon.
#[test]
fn large_universe_is_resolved() {
    let mut request = Request::default();
    request.roots.push("p0".parse().unwrap());
    for pack in 0..2000 {
        for minor in 0..10 {
            let needs = (1..=3)
                .filter(|step| pack + step < 2000)
                .map(|step| {
                    format!("p{}@^1.{}", pack + step, minor / 2)
                        .parse()
                        .unwrap()
                })
                .collect();
            let version = format!("1.{minor}.0").parse().unwrap();
            request.add(
                format!("p{pack}").parse().unwrap(),
                Candidate::new(version, needs),
            );
        }
    }
    let start = Instant::now();
    let resolution = resolve(&request).unwrap();
    println!("2,000 packs x 10 versions: {:?}", start.elapsed());
    assert_eq!(resolution.packs.len(), 2000);
}
