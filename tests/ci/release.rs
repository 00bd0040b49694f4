//! This project is released. Compiling it is not part of the test: a stand-in for cargo leaves a program where cargo would.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::place::Pipeline;
use super::template::runnable;
use crate::support::{project, snapshot};

const TEMPLATE: &str = "release";

/// A pipeline of this project at the version of its workspace.
fn checkout(service: &'static str, program: &str) -> Pipeline {
    let mut pipeline = Pipeline::new(service);
    for file in [
        "LICENSE",
        "README.md",
        "CHANGELOG.md",
        "templates/ci/release.sh",
    ] {
        let to = pipeline.repository.path.join(file);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(project().join(file), to).unwrap();
    }
    let program_file = pipeline.place.path("program");
    fs::write(&program_file, program).unwrap();
    let cargo = format!(
        "#!/bin/sh\nset -eu\ncase $1 in\npkgid) echo 'path+file:///src/cli#attune@0.1.0' ;;\nbuild)\n    printf '%s\\n' \"$*\" >>'{0}/cargo-said'\n    while [ \"$1\" != --target ]; do shift; done\n    mkdir -p \"target/$2/release\"\n    install -m 755 '{0}/program' \"target/$2/release/attune\"\n    ;;\nesac\n",
        pipeline.place.path("").display()
    );
    for (name, text) in [("cargo", cargo.as_str()), ("rustup", "#!/bin/sh\n")] {
        let file = pipeline.place.path("bin").join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    pipeline.set("TARGET", "x86_64-unknown-linux-musl");
    pipeline.tag("v0.1.0");
    pipeline
}

/// The archive holds the program and what belongs to it, its checksum is right, and the next build gives the same bytes.
#[test]
fn tag_releases_the_program() {
    for service in runnable() {
        let pipeline = checkout(service, "#!/bin/sh\necho attune 0.1.0\n");
        let said = pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        let dist = pipeline.repository.path.join("dist");
        let name = "attune-0.1.0-x86_64-unknown-linux-musl";
        let archive = fs::read(dist.join(format!("{name}.tar.gz"))).unwrap();
        let digest = pack_format::ArchiveDigest::of(&archive).to_string();
        let line = format!("{}  {name}.tar.gz\n", digest.trim_start_matches("sha256:"));
        assert_eq!(
            fs::read_to_string(dist.join("SHA256SUMS")).unwrap(),
            line,
            "{said}"
        );
        let listed = pipeline.shell(&format!("tar -tzf dist/{name}.tar.gz"), &[]);
        let listed = String::from_utf8(listed.stdout).unwrap();
        let expected = ["", "CHANGELOG.md", "LICENSE", "README.md", "attune"];
        assert_eq!(
            listed,
            expected.map(|file| format!("{name}/{file}\n")).concat()
        );
        let asked = fs::read_to_string(pipeline.place.path("cargo-said")).unwrap();
        assert!(asked.starts_with(
            "build --release --locked --package attune --target x86_64-unknown-linux-musl\n"
        ));
        match service {
            "github" => assert_eq!(
                fs::read(pipeline.place.path("releases/v0.1.0/SHA256SUMS")).unwrap(),
                line.as_bytes()
            ),
            "gitlab" => {
                let path =
                    format!("/api/v4/projects/7/packages/generic/attune/0.1.0/{name}.tar.gz");
                assert_eq!(pipeline.host.files()[&path], archive);
                assert!(!said.contains("job-secret"), "{said}");
            }
            _ => {}
        }
        let before = snapshot(&dist);
        pipeline
            .run(TEMPLATE)
            .unwrap_or_else(|said| panic!("{service}\n{said}"));
        assert_eq!(snapshot(&dist), before);
    }
}

/// A tag of another version, a machine without a release, and a program that needs libraries of its host are refused.
#[test]
fn wrong_releases_are_refused() {
    for service in runnable() {
        let mut pipeline = checkout(service, "#!/bin/sh\necho attune 0.1.0\n");
        for tag in ["v0.2.0", "v0.1.0;touch x", "$(touch x)"] {
            pipeline.at_tag(tag);
            let said = pipeline.run(TEMPLATE).unwrap_err();
            assert!(
                said.contains("does not name version 0.1.0"),
                "{service} {tag}\n{said}"
            );
        }
        pipeline.at_tag("v0.1.0");
        pipeline.set("TARGET", "riscv64gc-unknown-linux-musl");
        let said = pipeline.run(TEMPLATE).unwrap_err();
        assert!(said.contains("releases are made for"), "{said}");
        assert!(!pipeline.repository.path.join("x").exists());
        assert!(!pipeline.repository.path.join("dist").exists());
    }
    if !runnable().is_empty() {
        let pipeline = checkout("github", "");
        fs::copy(env!("CARGO_BIN_EXE_attune"), pipeline.place.path("program")).unwrap();
        let said = pipeline.run(TEMPLATE).unwrap_err();
        assert!(said.contains("needs shared libraries"), "{said}");
        assert!(!pipeline.repository.path.join("dist").exists());
    }
}
