//! Node.js environments: npm, pnpm and both kinds of yarn, by the lock that each of them wrote.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::registry::Stub;
use super::{install, keys, tools, write};
use crate::support::{Place, Run, path_variable};

/// A package manager: its name, where CI put it, its lock, and how it writes one.
struct Manager {
    program: &'static str,
    place: &'static str,
    lock: &'static str,
    locks: &'static [&'static str],
}

const MANAGERS: [Manager; 4] = [
    Manager {
        program: "npm",
        place: "",
        lock: "package-lock.json",
        locks: &[
            "install",
            "--package-lock-only",
            "--ignore-scripts",
            "--no-audit",
        ],
    },
    Manager {
        program: "pnpm",
        place: "node",
        lock: "pnpm-lock.yaml",
        locks: &["install", "--lockfile-only", "--ignore-scripts"],
    },
    Manager {
        program: "yarn",
        place: "node",
        lock: "yarn.lock",
        locks: &["install", "--ignore-scripts", "--non-interactive"],
    },
    Manager {
        program: "yarn",
        place: "yarn-later",
        lock: "yarn.lock",
        locks: &["install", "--mode", "skip-build"],
    },
];

impl Manager {
    /// Where its program is; npm comes with Node.js.
    fn bin(&self, tools: &Path) -> Option<PathBuf> {
        (!self.place.is_empty()).then(|| tools.join(self.place).join("node_modules/.bin"))
    }

    /// Writes the lock of `demo`, with what `registry` has if it needs one.
    fn write_lock(&self, place: &Place, tools: &Path, registry: Option<&str>) {
        let demo = place.path("demo");
        let mut search = self
            .bin(tools)
            .map_or_else(String::new, |b| format!("{}:", b.display()));
        search.push_str(path_variable().to_str().unwrap());
        let mut command = Command::new(self.program);
        command
            .args(self.locks)
            .current_dir(&demo)
            .env_clear()
            .env("PATH", search)
            .env("HOME", place.path("home"))
            .env("YARN_CACHE_FOLDER", place.path("home/cache"))
            .env("YARN_ENABLE_TELEMETRY", "0")
            .env("YARN_NODE_LINKER", "node-modules")
            .env("YARN_UNSAFE_HTTP_WHITELIST", "127.0.0.1");
        if let Some(registry) = registry {
            command.env("YARN_NPM_REGISTRY_SERVER", registry);
            if self.place != "yarn-later" {
                command.args(["--registry", registry]);
            }
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{} {output:?}", self.program);
        for left in ["node_modules", ".yarn"] {
            let _ = fs::remove_dir_all(demo.join(left));
        }
        assert!(demo.join(self.lock).is_file());
    }

    /// A place where it is the one that is found.
    fn place(&self, tools: &Path) -> Place {
        let mut place = Place::new();
        if let Some(bin) = self.bin(tools) {
            place.prefer_programs_of(bin);
        }
        place
    }
}

/// A lifecycle script: it writes what it knows beside itself, and tries to write elsewhere.
const RUN: &str = "const fs = require('fs');
fs.writeFileSync('ran.json', JSON.stringify(process.env));
try { fs.writeFileSync(fs.readFileSync('where.txt', 'utf8'), 'ran'); } catch (e) { fs.writeFileSync('refused.txt', e.code); }
";

/// Makes an archive `tiny-1.0.0.tgz` of a package whose lifecycle scripts run a command.
fn tarball(directory: &Path, run: &str) {
    let package = directory.join("package");
    fs::create_dir_all(&package).unwrap();
    let manifest = json!({"name": "tiny", "version": "1.0.0", "main": "index.js",
        "scripts": {"preinstall": run, "install": run, "postinstall": run}});
    fs::write(package.join("package.json"), manifest.to_string()).unwrap();
    fs::write(package.join("index.js"), "module.exports = 'tiny';\n").unwrap();
    fs::write(package.join("run.js"), RUN).unwrap();
    let done = Command::new("tar")
        .args(["-czf", "tiny-1.0.0.tgz", "package"])
        .current_dir(directory)
        .status()
        .unwrap();
    assert!(done.success());
    fs::remove_dir_all(package).unwrap();
}

/// A pack that needs `tiny` from there, with a test and an action that use it, and scripts of its own.
fn pack(place: &Place, tiny: &str, run: &str) {
    let manifest = json!({"name": "demo", "version": "1.0.0", "dependencies": {"tiny": tiny},
        "scripts": {"preinstall": run, "install": run, "postinstall": run, "prepare": run}});
    write(
        place,
        "1.0.0\ntesting: {runners: {node: {type: script, entry_point: tests/run.sh}}}",
        &[
            ("package.json", &manifest.to_string()),
            (
                "tests/run.sh",
                "node -e 'process.exit(require(\"tiny\") === \"tiny\" ? 0 : 1)'\n",
            ),
            (
                "actions/say.yaml",
                "ref: demo.say\nrunner_type: nodejs\nentry_point: say.js\n",
            ),
            (
                "actions/say.js",
                "console.log(require('tiny'), require.resolve('tiny'));\n",
            ),
        ],
    );
}

fn environment_of(place: &Place, run: &Run) -> PathBuf {
    let key = keys(run)["nodejs"].as_str().unwrap().to_owned();
    place.installed().join(".attune/envs").join(key)
}

/// Each package manager installs by its lock, offline, without lifecycle scripts of the package or of the pack; the
/// pack's tests and actions run in the environment, and a new version of the pack that needs the same uses it again.
#[test]
fn each_manager_builds_by_its_lock_offline_without_scripts() {
    let Some(tools) = tools() else { return };
    for manager in &MANAGERS {
        let place = manager.place(&tools);
        let canary = place.path("canary");
        fs::write(&canary, "untouched").unwrap();
        let run = format!("echo ran > {}", canary.display());
        tarball(&place.path("demo/vendor"), &run);
        pack(&place, "file:vendor/tiny-1.0.0.tgz", &run);
        manager.write_lock(&place, &tools, None);
        fs::write(&canary, "untouched").unwrap();
        let first = install(&place, 0, &[]);
        let who = format!("{} {}", manager.program, manager.place);
        assert_eq!(
            first.json()["packs"][0]["tests"]["passed"],
            1,
            "{who}: {first:?}"
        );
        let path = environment_of(&place, &first);
        let said = place.run(&["action", "execute", "demo.say"], 0);
        let real = path.join("node_modules").canonicalize().unwrap();
        let (tiny, module) = said.stdout.trim().split_once(' ').unwrap();
        assert_eq!(tiny, "tiny", "{who}");
        assert!(Path::new(module).starts_with(real), "{who}: {module}");
        assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched", "{who}");
        let record = || -> Value {
            serde_json::from_slice(&fs::read(path.join("environment.json")).unwrap()).unwrap()
        };
        assert_eq!(record()["package_count"], 1, "{who}");
        let inode = || fs::metadata(path.join("environment.json")).unwrap().ino();
        let built = inode();
        // A new version of the pack with new code, also in its manifest.
        let manifest = place.path("demo/package.json");
        let text = fs::read_to_string(&manifest).unwrap();
        fs::write(&manifest, text.replacen("\"1.0.0\"", "\"1.2.0\"", 1)).unwrap();
        write(
            &place,
            "1.2.0",
            &[("actions/say.js", "console.log('new', require('tiny'));\n")],
        );
        assert_eq!(
            environment_of(&place, &install(&place, 0, &[])),
            path,
            "{who}"
        );
        assert_eq!(inode(), built, "{who}");
        assert_eq!(
            place.run(&["action", "execute", "demo.say"], 0).stdout,
            "new tiny\n"
        );
        place.run(&["doctor"], 0);
    }
}

/// What only developers need is in the lock, and not in the environment; a lock that lacks what is asked for is refused.
#[test]
fn what_developers_need_is_not_installed() {
    let Some(tools) = tools() else { return };
    for manager in &MANAGERS {
        let place = manager.place(&tools);
        let who = format!("{} {}", manager.program, manager.place);
        tarball(&place.path("demo/vendor"), "true");
        let vendor = place.path("demo/vendor");
        fs::rename(vendor.join("tiny-1.0.0.tgz"), vendor.join("kept.tgz")).unwrap();
        tarball(&vendor, "echo dev");
        fs::rename(vendor.join("tiny-1.0.0.tgz"), vendor.join("dev.tgz")).unwrap();
        fs::rename(vendor.join("kept.tgz"), vendor.join("tiny-1.0.0.tgz")).unwrap();
        pack(&place, "file:vendor/tiny-1.0.0.tgz", "true");
        let path = place.path("demo/package.json");
        let text = fs::read_to_string(&path).unwrap();
        let mut manifest: Value = serde_json::from_str(&text).unwrap();
        manifest["devDependencies"] = json!({"only-dev": "file:vendor/dev.tgz"});
        fs::write(&path, manifest.to_string()).unwrap();
        manager.write_lock(&place, &tools, None);
        let lock = fs::read_to_string(place.path("demo").join(manager.lock)).unwrap();
        assert!(lock.contains("dev.tgz"), "{who}");
        let modules = environment_of(&place, &install(&place, 0, &[])).join("node_modules");
        assert!(modules.join("tiny/index.js").is_file(), "{who}");
        assert!(!modules.join("only-dev").exists(), "{who}");
        // One more than the lock knows.
        manifest["dependencies"]["more"] = json!("file:vendor/dev.tgz");
        fs::write(&path, manifest.to_string()).unwrap();
        write(&place, "1.1.0", &[]);
        let refused = install(&place, 1, &[]);
        assert!(
            refused.stderr.contains("nodejs environment"),
            "{who}: {refused:?}"
        );
        assert_eq!(place.active("demo").as_deref(), Some("1.0.0"), "{who}");
    }
}

/// Whatever address a lock names, packages come from the operator's registry.
#[test]
fn locked_packages_come_from_the_operators_registry() {
    let Some(tools) = tools() else { return };
    for manager in &MANAGERS {
        let place = manager.place(&tools);
        tarball(&place.path("served"), "true");
        let archive = place.path("served/tiny-1.0.0.tgz");
        let others = Stub::of_archive(&archive);
        pack(&place, "^1.0.0", "true");
        manager.write_lock(&place, &tools, Some(&others.url("/npm")));
        let before = others.asked().len();
        let operators = Stub::of_archive(&archive);
        let output = place
            .attune(&["pack", "install", "./demo", "--json"])
            .env("ATTUNE__ENVIRONMENTS__NPM_REGISTRY", operators.url("/npm"))
            .output()
            .unwrap();
        let who = format!("{} {}", manager.program, manager.place);
        assert!(output.status.success(), "{who}: {:?}", Run::of(&output));
        let asked = operators.asked();
        assert!(
            asked
                .iter()
                .any(|path| path == "/npm/tiny/-/tiny-1.0.0.tgz"),
            "{who}: {asked:?}"
        );
        assert_eq!(others.asked().len(), before, "{who}");
        let said = place.run(&["action", "execute", "demo.say"], 0);
        assert!(said.stdout.starts_with("tiny "), "{who}: {said:?}");
    }
}

/// Where an operator lets packages run scripts, they run, bounded as everything that builds.
#[test]
fn scripts_run_where_they_are_allowed_and_stay_inside() {
    let Some(tools) = tools() else { return };
    for manager in &MANAGERS {
        let place = manager.place(&tools);
        let canary = place.path("canary");
        fs::write(&canary, "untouched").unwrap();
        let elsewhere = canary.display();
        let run =
            format!("node -e \"fs.writeFileSync('where.txt', '{elsewhere}')\" && node run.js");
        tarball(&place.path("demo/vendor"), &run);
        pack(&place, "file:vendor/tiny-1.0.0.tgz", "true");
        manager.write_lock(&place, &tools, None);
        fs::write(&canary, "untouched").unwrap();
        let with = [
            ("ATTUNE__ENVIRONMENTS__ALLOW_BUILD_SCRIPTS", "true"),
            ("ATTUNE_TOKEN", "t0ken"),
            ("NPM_TOKEN", "t0ken"),
        ];
        let path = environment_of(&place, &install(&place, 0, &with));
        let who = format!("{} {}", manager.program, manager.place);
        let tiny = path.join("node_modules/tiny");
        let env = fs::read_to_string(tiny.join("ran.json")).unwrap();
        assert!(!env.contains("t0ken"), "{who}: {env}");
        assert_eq!(
            fs::read_to_string(tiny.join("refused.txt")).unwrap(),
            "EACCES",
            "{who}"
        );
        assert_eq!(fs::read_to_string(&canary).unwrap(), "untouched", "{who}");
    }
}

/// A lock that the yarn at hand did not write is told, not read anew.
#[test]
fn lock_of_another_yarn_is_told() {
    let Some(tools) = tools() else { return };
    for (writer, reader, told) in [
        (
            &MANAGERS[2],
            &MANAGERS[3],
            "was written by yarn 1, and this is yarn 4",
        ),
        (
            &MANAGERS[3],
            &MANAGERS[2],
            "was written by yarn 2 or later, and this is yarn 1",
        ),
    ] {
        let place = reader.place(&tools);
        tarball(&place.path("demo/vendor"), "true");
        pack(&place, "file:vendor/tiny-1.0.0.tgz", "true");
        writer.write_lock(&place, &tools, None);
        let failed = install(&place, 1, &[]);
        assert!(failed.stderr.contains(told), "{failed:?}");
        assert_eq!(place.active("demo"), None);
    }
}
