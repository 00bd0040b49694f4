//! The descriptions of a server, held against it by a program that makes up requests: `schemathesis`.

use std::path::Path;
use std::process::Command;

use crate::api::Api;
use crate::support::{Place, Run};

/// Names the program.
const VARIABLE: &str = "ATTUNE_TEST_SCHEMATHESIS";

/// What is not asked: the end of the token that is asked with, answers that go on, and bodies that only a pack fills. Tests
/// of their own hold those to the document (`api/openapi.rs`, `operations/openapi.rs`).
const LEFT_OUT: [&str; 3] = ["logout", "jobEvents", "publish"];

/// Made-up requests of each kind, beside those at the bounds of every member.
const REQUESTS: &str = "25";

/// Thousands of requests, right and wrong, to both roles of one server: none is answered by a failure of the server, and each
/// as the document says. That a request fits the document does not mean that it makes sense, such as a path that is not
/// there, so that nothing is said of those that are refused.
#[test]
fn made_up_requests_are_answered_as_the_document_says() {
    #[expect(clippy::disallowed_methods, reason = "a test's own switch")]
    let Some(program) = std::env::var_os(VARIABLE) else {
        println!("skipped: {VARIABLE} is not set");
        return;
    };
    let place = Place::new();
    place.pack("slack", "slack", "1.0.0", "");
    place.build();
    let api = Api::hosting(place);
    let made = Run::of(&token(&api).output().unwrap()).json();
    let mut command = Command::new(&program);
    command
        .arg("run")
        .arg(format!("{}openapi.json", api.hosted.url))
        .args([
            "--phases",
            "coverage,fuzzing",
            "--seed",
            "1",
            "--workers",
            "1",
        ])
        .args(["--max-examples", REQUESTS, "--request-timeout", "30"])
        .args(["--exclude-checks", "positive_data_acceptance"])
        .args(["--no-color", "--continue-on-failure", "--warnings", "off"])
        .arg("-H")
        .arg(format!(
            "Authorization: Bearer {}",
            made["token"].as_str().unwrap()
        ))
        .current_dir(api.place.path("home"));
    for name in LEFT_OUT {
        command.args(["--exclude-operation-id", name]);
    }
    let output = command.output();
    let output = output.unwrap_or_else(|e| panic!("{}: {e}", Path::new(&program).display()));
    let run = Run::of(&output);
    assert!(output.status.success(), "{}{}", run.stdout, run.stderr);
    assert_eq!(api.hosted.get("/health/ready").0, 200);
}

/// Makes a token that may do everything, in the folder of the server.
fn token(api: &Api) -> Command {
    let scopes = "read,publish,yank,admin,administrator";
    let args = ["registry", "token", "create", "--data-dir", "data"];
    let mut command = api.place.attune(&args);
    command.args(["--scope", scopes, "--user", "somebody", "--json"]);
    command
}
