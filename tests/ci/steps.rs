//! Steps by themselves: the program is installed, tokens reach git and nobody else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use super::place::Pipeline;
use super::template::runnable;
use crate::support::git::git_in;
use crate::support::path_variable;

/// Runs `install.sh` where there is no program yet, with a release at `file://`.
fn install(pipeline: &Pipeline, checksum: &str) -> Output {
    let place = pipeline.place.path("");
    Command::new("sh")
        .arg("ci/attune/install.sh")
        .current_dir(&pipeline.repository.path)
        .env_clear()
        .env("PATH", path_variable())
        .env("HOME", place.join("home"))
        .env("GITHUB_PATH", place.join("github-path"))
        .env(
            "ATTUNE_URL",
            format!("file://{}/release.tar.gz", place.display()),
        )
        .env("ATTUNE_SHA256", checksum)
        .output()
        .unwrap()
}

/// The program is installed from a release with the right checksum, and from no other.
#[test]
fn program_is_installed_and_verified() {
    if runnable().is_empty() {
        return;
    }
    let pipeline = Pipeline::new("github");
    let place = pipeline.place.path("");
    let folder = place.join("attune-9.9.9-x86_64-unknown-linux-musl");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("attune"), "#!/bin/sh\necho attune 9.9.9\n").unwrap();
    fs::set_permissions(folder.join("attune"), fs::Permissions::from_mode(0o755)).unwrap();
    let packed = Command::new("tar")
        .args([
            "-czf",
            "release.tar.gz",
            "attune-9.9.9-x86_64-unknown-linux-musl",
        ])
        .current_dir(&place)
        .status()
        .unwrap();
    assert!(packed.success());
    let digest = pack_format::ArchiveDigest::of(&fs::read(place.join("release.tar.gz")).unwrap())
        .to_string();
    let digest = digest.trim_start_matches("sha256:");

    for wrong in ["0".repeat(64), String::new()] {
        let done = install(&pipeline, &wrong);
        assert_eq!(done.status.code(), Some(1), "{done:?}");
        assert!(!place.join("home/.local").exists() && !place.join("github-path").exists());
    }
    let done = install(&pipeline, digest);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(String::from_utf8_lossy(&done.stdout), "attune 9.9.9\n");
    let bin = place.join("home/.local/bin");
    let told = fs::read_to_string(place.join("github-path")).unwrap();
    assert_eq!(told, format!("{}\n", bin.display()));
    // Where a service keeps no search path, the steps find it all the same.
    let step = Command::new("sh")
        .args(["-c", ". ci/attune/common.sh; attune --version"])
        .arg("ci/attune/step.sh")
        .current_dir(&pipeline.repository.path)
        .env_clear()
        .env("PATH", path_variable())
        .env("HOME", place.join("home"))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&step.stdout),
        "attune 9.9.9\n",
        "{step:?}"
    );
}

/// git gets the token as it is, whatever it is made of, for the host of the index repository over https alone.
#[test]
fn token_reaches_git() {
    let mut pipeline = Pipeline::new("github");
    let ask = |pipeline: &Pipeline, protocol: &str, host: &str| {
        let script = format!(
            ". ci/attune/common.sh; printf 'protocol={protocol}\\nhost={host}\\npath=org/other.git\\n\\n' | index_git credential fill"
        );
        let done = pipeline.shell(&script, &[]);
        let said = String::from_utf8(done.stdout).unwrap();
        done.status.success().then_some(said)
    };
    let token = "a\"b'c$(touch x)`touch x`%s\\n";
    pipeline.set("INDEX_TOKEN", token);
    pipeline.set("INDEX_USER", "robot");
    pipeline.set("INDEX_REPO", "https://git.example.org/org/index.git");
    let said = ask(&pipeline, "https", "git.example.org").unwrap();
    assert!(said.contains(&format!("password={token}\n")), "{said}");
    assert!(said.contains("username=robot\n"), "{said}");
    assert!(!pipeline.repository.path.join("x").exists());
    for (protocol, host) in [
        ("http", "git.example.org"),
        ("https", "evil.example.org"),
        ("https", "git.example.org.evil.example.org"),
        ("https", "git.example.org:8443"),
    ] {
        assert_eq!(ask(&pipeline, protocol, host), None, "{protocol}://{host}");
    }
    pipeline.set(
        "INDEX_REPO",
        "https://somebody@git.example.org:8443/org/index.git",
    );
    assert!(ask(&pipeline, "https", "git.example.org:8443").is_some());
    // Without a token, or where it would go in the clear, git asks nobody.
    pipeline.set("INDEX_REPO", "http://git.example.org/org/index.git");
    assert_eq!(ask(&pipeline, "http", "git.example.org"), None);
    pipeline.set("INDEX_REPO", "https://git.example.org/org/index.git");
    pipeline.variables.remove("INDEX_TOKEN");
    assert_eq!(ask(&pipeline, "https", "git.example.org"), None);
}

/// The token stands in no file of either repository after a run.
#[test]
fn token_is_kept_nowhere() {
    if runnable().is_empty() {
        return;
    }
    let mut pipeline = Pipeline::new("github");
    pipeline.set("INDEX_TOKEN", "index-secret");
    pipeline.pack("", "demo", "1.0.0", &["hello"]);
    pipeline.tag("v1.0.0");
    let said = pipeline
        .run("publish-pack")
        .unwrap_or_else(|said| panic!("{said}"));
    assert!(!said.contains("index-secret"), "{said}");
    for (name, content) in crate::support::snapshot(&pipeline.place.path("")) {
        let found = content.windows(12).any(|part| part == b"index-secret");
        assert!(!found, "{name}");
    }
    assert_eq!(
        git_in(
            &pipeline.place.path("index.git"),
            &["log", "--format=%s", "-1", "main"]
        ),
        "Publish demo 1.0.0"
    );
}

/// The commands that `docs/ci.md` gives for a laptop, with addresses of the test.
#[test]
fn steps_run_on_a_laptop() {
    if runnable().is_empty() {
        return;
    }
    let pipeline = Pipeline::new("jenkins");
    pipeline.pack("", "demo", "1.2.0", &["hello"]);
    pipeline.repository.commit();
    pipeline.repository.git(&["tag", "v1.2.0"]);
    let page = fs::read_to_string(crate::support::project().join("docs/ci.md")).unwrap();
    let block = page
        .split("```sh\n")
        .nth(1)
        .unwrap()
        .split("```")
        .next()
        .unwrap();
    let ours = block
        .replace(
            "git@example.org:org/index.git",
            &pipeline.variables["INDEX_REPO"],
        )
        .replace("https://packs.example.org/archives", &pipeline.host.url);
    let done = pipeline.shell(&ours, &[]);
    assert!(
        String::from_utf8_lossy(&done.stdout).contains("pushed demo 1.2.0"),
        "{done:?}"
    );
    assert_eq!(pipeline.index("main")["packs"][0]["version"], "1.2.0");
    assert!(pipeline.host.files().contains_key("/demo-1.2.0.tar.gz"));
    // `entry` alone pushes nothing.
    pipeline.forget_index();
    let before = pipeline.branches();
    let base = ("ARCHIVE_BASE".to_owned(), pipeline.host.url.clone());
    let done = pipeline.shell(
        "sh ci/attune/entry.sh && git -C dist/registry show --stat",
        &[base],
    );
    assert!(done.status.success(), "{done:?}");
    assert!(
        String::from_utf8_lossy(&done.stdout).contains("Publish demo 1.2.0"),
        "{done:?}"
    );
    assert_eq!(pipeline.branches(), before);
}
