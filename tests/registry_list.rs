//! `registry add` and `registry remove`: the list in the configuration changes, and nothing else in it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use crate::support::{Place, Run, snapshot};

/// What somebody wrote, with a place to fill in.
const CONFIG: &str = "\
# Ours.
pack_registry:
  # Asked in this order.
  indices:
    # The company's.
    - url: \"https://packs.example.org/\"
      name: Company   # ask ops
      priority: 20
      headers: {Authorization: \"Bearer ${NOT_SET_HERE}\"}

  cache_ttl: 0 # always fresh
updates: {policy: patch}
";

/// A place with that configuration, a built tree, and a server for it.
fn place() -> (Place, crate::support::Hosted) {
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    fs::write(place.path("config.yaml"), CONFIG).unwrap();
    let hosted = place.serve("tree");
    (place, hosted)
}

impl Place {
    fn config(&self) -> String {
        fs::read_to_string(self.path("config.yaml")).unwrap()
    }

    /// A change that must be refused; asserts that no file changed, and returns what was said.
    #[track_caller]
    fn refuses_change(&self, args: &[&str], code: i32) -> String {
        let before = snapshot(&self.path("."));
        let Run { stdout, stderr } = self.run(args, code);
        assert_eq!(snapshot(&self.path(".")), before);
        assert!(!stdout.contains('✓'), "{stdout}");
        stderr
    }
}

/// A registry is asked whether it is one, and comes to stand in the list with everything that was said of it.
#[test]
fn registry_is_added_after_a_check() {
    let (place, hosted) = place();
    let mode = fs::Permissions::from_mode(0o640);
    fs::set_permissions(place.path("config.yaml"), mode).unwrap();
    let add = ["registry", "add", &hosted.url, "--name", "Local"];
    let run = place.run(
        &[
            &add[..],
            &["--priority", "5", "--header", "X-Team: ${TEAM} a"],
        ]
        .concat(),
        2,
    );
    assert!(
        run.stderr
            .contains("environment variable `TEAM` is not set"),
        "{run:?}"
    );
    assert_eq!(place.config(), CONFIG);
    let output = place
        .attune(
            &[
                &add[..],
                &["--priority", "5", "--header", "X-Team: ${TEAM} a", "--json"],
            ]
            .concat(),
        )
        .env("TEAM", "ops")
        .output()
        .unwrap();
    let run = Run::of(&output);
    assert_eq!(output.status.code(), Some(0), "{run:?}");
    let result = run.json();
    assert_eq!(
        (&result["priority"], &result["format"], &result["packs"]),
        (&5.into(), &2.into(), &1.into())
    );
    let expected = CONFIG.replace(
        "}\n\n  cache_ttl",
        &format!(
            "}}\n    - url: \"{}\"\n      name: \"Local\"\n      priority: 5\n      headers:\n        X-Team: \"${{TEAM}} a\"\n\n  cache_ttl",
            hosted.url
        ),
    );
    assert_eq!(place.config(), expected);
    let mode = fs::metadata(place.path("config.yaml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}

/// What was added is used, and goes without a trace.
#[test]
fn registry_is_used_and_removed() {
    let (place, hosted) = place();
    place.run(&["registry", "add", &hosted.url, "--name", "Local"], 0);
    // The company's registry needs a variable that is not there, so that only the new one can be asked by name.
    place.run(&["registry", "remove", "Company"], 0);
    place.run(&["pack", "install", "slack"], 0);
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    // A slash less is the same registry.
    let url = hosted.url.trim_end_matches('/');
    let removed = place.run(&["registry", "remove", url, "--json"], 0).json();
    assert_eq!(removed["name"], "Local");
    let rest = "# Ours.\npack_registry:\n  # Asked in this order.\n  indices: []\n\n  cache_ttl: 0 # always fresh\nupdates: {policy: patch}\n";
    assert_eq!(place.config(), rest);
}

/// `--before` asks the new one first; a link to the file stays one; a folder is a registry from everywhere.
#[test]
fn registry_comes_before_another_one() {
    let (place, _) = place();
    fs::create_dir(place.path("etc")).unwrap();
    fs::rename(place.path("config.yaml"), place.path("etc/real.yaml")).unwrap();
    symlink("etc/real.yaml", place.path("config.yaml")).unwrap();
    let add = [
        "registry",
        "add",
        "tree",
        "--before",
        "Company",
        "--on-error",
        "continue",
    ];
    let run = place.run(&add, 0);
    assert!(
        run.stdout
            .contains("(1 pack in format 2) with priority 20 to"),
        "{run:?}"
    );
    assert!(
        fs::symlink_metadata(place.path("config.yaml"))
            .unwrap()
            .is_symlink()
    );
    let tree = fs::canonicalize(place.path("tree")).unwrap();
    let entry = format!(
        "  indices:\n    - url: \"{}\"\n      on_error: \"continue\"\n      priority: 20\n    # The company's.\n",
        tree.display()
    );
    assert!(place.config().contains(&entry), "{}", place.config());
    place.run(&["registry", "remove", "./tree"], 0);
    assert_eq!(place.config(), CONFIG);
}

/// Where there is no file, one is begun: the one that is named, else the user's own.
#[test]
fn first_registry_begins_a_configuration() {
    let (place, hosted) = place();
    fs::remove_file(place.path("config.yaml")).unwrap();
    let url = hosted.url.as_str();
    place.run(&["registry", "add", url], 0);
    let own = place.path("home/.config/attune/config.yaml");
    let text = format!("pack_registry:\n  indices:\n    - url: \"{url}\"\n");
    assert_eq!(fs::read_to_string(&own).unwrap(), text);
    place.run(&["registry", "add", url, "--config", "etc/config.yaml"], 0);
    assert_eq!(
        fs::read_to_string(place.path("etc/config.yaml")).unwrap(),
        text
    );
    place.run(
        &["pack", "install", "slack", "--config", "etc/config.yaml"],
        0,
    );
}

/// What would leave a registry that is there twice, no registry, or one that cannot be used, changes nothing.
#[test]
fn registries_of_no_use_are_refused() {
    let (place, hosted) = place();
    let add =
        |more: &[&str], code| place.refuses_change(&[&["registry", "add"], more].concat(), code);
    let gone = format!("{}nowhere/", hosted.url);
    let rows: [(&[&str], i32, &str); 11] = [
        (
            &["https://packs.example.org"],
            2,
            "`https://packs.example.org/` is a configured registry already",
        ),
        (
            &[&hosted.url, "--name", "Company"],
            2,
            "a registry called `Company` is configured already",
        ),
        (&[&gone], 1, "nowhere"),
        (&["http://127.0.0.1:9/"], 4, "127.0.0.1:9"),
        (&["./nowhere"], 2, "./nowhere"),
        (&["http://example.org/", "--no-check"], 2, "is refused"),
        (
            &["https://u:pw@example.org/", "--no-check"],
            2,
            "is refused",
        ),
        (
            &[&hosted.url, "--header", "s3cret"],
            2,
            "`--header` number 1 has no colon",
        ),
        (
            &[&hosted.url, "--header", "X Y: s3cret"],
            2,
            "`X Y` is not a header name",
        ),
        (
            &[&hosted.url, "--before", "Nobody"],
            2,
            "no configured registry called `Nobody`; configured: `Company`",
        ),
        (
            &[&hosted.url, "--mirror", "ftp://m.org/"],
            2,
            "ftp://m.org/",
        ),
    ];
    for (args, code, expected) in rows {
        let said = add(args, code);
        assert!(said.contains(expected), "{args:?}: {said}");
        assert!(!said.contains("s3cret") && !said.contains("pw"), "{said}");
    }
    let said = place.refuses_change(&["registry", "remove", "Nobody"], 2);
    assert!(said.contains("configured: `Company`"), "{said}");
}

/// A list that is not the file's to change, or written so that no edit is safe, stays; the entry to add is said.
#[test]
fn lists_that_cannot_be_changed_stay() {
    let (place, hosted) = place();
    // In a variable, the list is not the file's to change.
    let output = place
        .attune(&["registry", "remove", "Company"])
        .env("ATTUNE__PACK_REGISTRY__INDICES", "[]")
        .output()
        .unwrap();
    let run = Run::of(&output);
    assert!(
        run.stderr.contains("what the file says does not count"),
        "{run:?}"
    );
    // Written so that no edit is safe: the entry to add by hand is said.
    let odd = "pack_registry: {cache_ttl: 5}\n";
    fs::write(place.path("config.yaml"), odd).unwrap();
    let said = place.refuses_change(&["registry", "add", &hosted.url], 1);
    assert!(
        said.contains(&format!("- url: \"{}\"", hosted.url)),
        "{said}"
    );
    assert_eq!(place.config(), odd);
}

/// Without a check, a registry that cannot be reached now is added too; a token in the file is warned of.
#[test]
fn unreachable_registry_is_added_unchecked() {
    let (place, _) = place();
    let add = ["registry", "add", "https://a.invalid/", "--no-check"];
    let run = place.run(
        &[
            &add[..],
            &[
                "--header",
                "Authorization: Bearer abc",
                "--header",
                "X-Other: ${NOT_SET}",
            ],
        ]
        .concat(),
        0,
    );
    assert!(
        run.stderr.contains("header `Authorization` stands in"),
        "{run:?}"
    );
    assert!(
        !run.stderr.contains("abc") && !run.stdout.contains("abc"),
        "{run:?}"
    );
    assert!(
        place
            .config()
            .contains("        Authorization: \"Bearer abc\"\n")
    );
}

/// Many at once: each one's registry is there at the end.
#[test]
fn additions_at_once_lose_nothing() {
    let (place, _) = place();
    let children: Vec<_> = (0..8)
        .map(|number| {
            let url = format!("https://r{number}.invalid/");
            place
                .attune(&["registry", "add", &url, "--no-check"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for number in 0..8 {
        assert!(
            place
                .config()
                .contains(&format!("- url: \"https://r{number}.invalid/\""))
        );
    }
}
