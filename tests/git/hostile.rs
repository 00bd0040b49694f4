//! Repositories built to do harm: refused with the path, and nothing left behind.

use std::fs;

use crate::support::Place;
use crate::support::git::Repository;

/// A repository with a valid pack beside whatever `entries` makes of it.
fn repository(place: &Place, entries: impl FnOnce(&Repository) -> Vec<String>) -> String {
    let repository = Repository::new(place.path("served/hostile.git"));
    let manifest = repository.blob(b"ref: slack\nlabel: slack\nversion: \"1.0.0\"\n");
    let mut all = entries(&repository);
    all.push(format!("100644 {manifest}\tpack.yaml"));
    repository.commit_raw(&all);
    format!("file://{}", repository.path.display())
}

/// Makes entries of a tree.
type Entries = fn(&Repository) -> Vec<String>;

/// Entries that are no files or have no place, and what the refusal says.
const NAMES: [(&str, Entries); 10] = [
    ("`link` is a symbolic link", |r: &Repository| {
        vec![format!("120000 {}\tlink", r.blob(b"/etc/passwd"))]
    }),
    ("`sub` is a submodule", |_: &Repository| {
        vec![format!("160000 {}\tsub", "1".repeat(40))]
    }),
    ("leaves the pack directory", |r: &Repository| {
        let inner = r.tree(&[format!("100644 {}\tx", r.blob(b"x"))]);
        vec![format!("40000 {inner}\t..")]
    }),
    ("leaves the pack directory", |r: &Repository| {
        vec![format!("100644 {}\t../../etc/cron.d/x", r.blob(b"x"))]
    }),
    ("has an absolute path", |r: &Repository| {
        vec![format!("100644 {}\t/etc/cron.d/x", r.blob(b"x"))]
    }),
    ("belongs to a `.git` directory", |r: &Repository| {
        let inner = r.tree(&[format!("100644 {}\tconfig", r.blob(b"[core]\n"))]);
        vec![format!("40000 {inner}\t.git")]
    }),
    ("belongs to a `.git` directory", |r: &Repository| {
        vec![format!("100644 {}\t.GIT", r.blob(b"gitdir: /\n"))]
    }),
    ("short form", |r: &Repository| {
        let inner = r.tree(&[format!("100644 {}\tconfig", r.blob(b"[core]\n"))]);
        vec![format!("40000 {inner}\tGIT~1")]
    }),
    ("case or Unicode form", |r: &Repository| {
        vec![
            format!("100644 {}\tREADME", r.blob(b"x")),
            format!("100644 {}\treadme", r.blob(b"y")),
        ]
    }),
    ("U+005C", |r: &Repository| {
        vec![format!("100644 {}\ta\\b", r.blob(b"x"))]
    }),
];

/// Entries that cost too much.
const SIZES: [(&str, Entries); 2] = [
    ("is larger than", |r: &Repository| {
        vec![format!(
            "100644 {}\thuge",
            r.blob(&vec![0; 257 * 1024 * 1024])
        )]
    }),
    // Ten levels of ten times the same directory are ten thousand million files.
    (
        "holds more files and directories than allowed",
        |r: &Repository| {
            let mut inner = r.tree(&[format!("100644 {}\tx", r.blob(b"x"))]);
            for _ in 0..10 {
                let copies: Vec<String> = (0..10).map(|n| format!("40000 {inner}\td{n}")).collect();
                inner = r.tree(&copies);
            }
            vec![format!("40000 {inner}\tbomb")]
        },
    ),
];

/// Every trick with every program that fetches.
#[test]
fn hostile_trees_are_refused_with_the_path() {
    for (expected, entries) in NAMES.into_iter().chain(SIZES) {
        for backend in ["libgit2", "cli"] {
            let place = Place::new();
            let url = repository(&place, entries);
            let said = place.refuses_git(&url, &["--git", backend], 5);
            assert!(said.contains(expected), "{expected} with {backend}: {said}");
            assert!(said.contains("hostile.git"), "{said}");
            assert!(!place.path("installed/slack").exists());
        }
    }
}

/// Runs `touch` from wherever git could be told to run something: the repository, its configuration, its hooks,
/// and a person's own configuration.
fn set_traps(place: &Place, repository: &Repository, touch: &str) {
    fs::write(
        repository.path.join(".gitattributes"),
        "* filter=evil diff=evil merge=evil\n",
    )
    .unwrap();
    fs::write(
        repository.path.join(".gitmodules"),
        "[submodule \"x\"]\npath = x\nurl = ext::sh -c id\nupdate = !touch x\n",
    )
    .unwrap();
    fs::write(
        repository.path.join(".lfsconfig"),
        "[lfs]\nurl = https://example.org/\n",
    )
    .unwrap();
    repository.commit();
    let configuration = format!(
        "[core]\nfsmonitor = {touch}\nhooksPath = {hooks}\nsshCommand = {touch}\naskPass = {touch}\n\
         [filter \"evil\"]\nsmudge = {touch}\nclean = {touch}\nrequired = true\n[uploadpack]\npackObjectsHook = {touch}\n\
         [init]\ntemplateDir = {hooks}\n[url \"ext::{touch} \"]\ninsteadOf = file://\n[credential]\nhelper = !{touch}\n",
        hooks = place.path("hooks").display(),
    );
    for hooks in [place.path("hooks"), repository.path.join(".git/hooks")] {
        fs::create_dir_all(&hooks).unwrap();
        for hook in [
            "post-checkout",
            "reference-transaction",
            "post-merge",
            "pre-auto-gc",
            "post-index-change",
        ] {
            let path = hooks.join(hook);
            fs::write(&path, format!("#!/bin/sh\n{touch}\n")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(&path, mode).unwrap();
        }
    }
    let own = format!("[core]\nfsmonitor = {touch}\n[filter \"evil\"]\nsmudge = {touch}\n");
    let mut in_repository = fs::read_to_string(repository.path.join(".git/config")).unwrap();
    in_repository.push_str(&own);
    fs::write(repository.path.join(".git/config"), in_repository).unwrap();
    fs::write(place.path("home/.gitconfig"), configuration).unwrap();
}

/// Hooks, filters, templates and configuration that would run a program or change what is fetched: none is heard.
#[test]
fn nothing_of_a_repository_or_a_person_runs() {
    let place = Place::new();
    let canary = place.path("canary");
    let touch = format!("touch {}", canary.display());
    let repository = Repository::new(place.path("served/slack.git"));
    repository.pack("", "slack", "1.0.0");
    set_traps(&place, &repository, &touch);
    let url = format!("file://{}", repository.path.display());
    for backend in ["libgit2", "cli"] {
        let args = ["pack", "install", &url, "--git", backend, "--force"];
        let output = place
            .attune(&args)
            .env("GIT_DIR", "/nonexistent")
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", "core.hooksPath")
            .env("GIT_CONFIG_VALUE_0", place.path("hooks"))
            .env("GIT_TEMPLATE_DIR", place.path("hooks"))
            .env("GIT_ASKPASS", place.path("hooks/post-checkout"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{backend}: {said}");
        assert!(!canary.exists(), "{backend} ran something");
    }
}

/// Refs and URLs that a command line would take for options or other programs.
#[test]
fn options_in_disguise_are_refused() {
    let place = Place::new();
    let url = repository(&place, |_| Vec::new());
    for git_ref in [
        "--upload-pack=touch x",
        "-v",
        "HEAD^{/x}",
        "a:b",
        "+main",
        "@{-1}",
    ] {
        let argument = format!("--ref={git_ref}");
        let said = place.refuses_git(&url, &[&argument], 2);
        assert!(said.contains("is not a git ref"), "{said}");
    }
    for url in [
        "ssh://-oProxyCommand=touch%20x/y",
        "git@-oProxyCommand=x:y",
        "https://user:s3cret@example.org/x.git",
        "github:../x",
    ] {
        let said = place.refuses_git(url, &[], 2);
        assert!(
            said.contains("is refused") && !said.contains("s3cret"),
            "{said}"
        );
    }
    let said = place.refuses_git("ext::sh -c touch% x", &[], 2);
    assert!(!place.path("x").exists(), "{said}");
}
