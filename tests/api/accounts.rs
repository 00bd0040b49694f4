//! Accounts: who may ask, in which order a request is judged, and what stays in the database.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use serde_json::json;

use super::{Api, EMAIL, PASSWORD, shape};
use crate::support::{Run, snapshot};

/// The login of the quick reference gives a token that says who it is, until it is given back, also over a restart.
#[test]
fn login_gives_a_token_until_logout() {
    let mut api = Api::new();
    let login = json!({"email": " Test@Attune.local", "password": PASSWORD});
    let answer = api.post("", "auth/login", &login);
    assert_eq!(
        shape(&answer.body),
        json!({"data": {"access_token": "string", "token_type": "string", "expires_in": "number",
            "expires_at": "string", "user": {"email": "string", "role": "string"}}})
    );
    let token = answer.body["data"]["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    api.restart();
    let who = api.ask("GET", &token, "auth/whoami", "");
    assert_eq!(who.status, 200, "{who:?}");
    assert_eq!(
        (&who.body["data"]["email"], &who.body["data"]["role"]),
        (&json!(EMAIL), &json!("administrator"))
    );
    let other = api.login();
    assert_eq!(
        api.ask("POST", &token, "auth/logout", "").body,
        json!({"data": {"success": true}})
    );
    assert_eq!(api.ask("GET", &token, "auth/whoami", "").status, 401);
    assert_eq!(api.ask("GET", &other, "auth/whoami", "").status, 200);
    api.hosted.stop();
    for (name, bytes) in snapshot(&api.place.path("data")) {
        for secret in [PASSWORD, &token, &other] {
            assert!(
                !bytes.windows(secret.len()).any(|w| w == secret.as_bytes()),
                "{name}"
            );
        }
    }
}

/// Wrong passwords and addresses are told apart by nobody, and are counted.
#[test]
fn logins_are_counted_and_say_nothing() {
    let api = Api::new();
    let tried = |email: &str, password: &str| {
        let answer = api.post(
            "",
            "auth/login",
            &json!({"email": email, "password": password}),
        );
        (
            answer.status,
            answer.body["message"].clone(),
            answer.body["code"].clone(),
        )
    };
    let wrong = tried(EMAIL, "wrong");
    assert_eq!((wrong.0, &wrong.2), (401, &json!("wrong_credentials")));
    assert_eq!(tried("nobody@attune.local", PASSWORD), wrong);
    assert_eq!(tried(EMAIL, &"x".repeat(2000)), wrong);
    let statuses: Vec<u16> = (0..10).map(|_| tried(EMAIL, "wrong").0).collect();
    assert_eq!(statuses.last(), Some(&429));
    let answer = api.post(
        "",
        "auth/login",
        &json!({"email": EMAIL, "password": PASSWORD}),
    );
    assert_eq!(answer.status, 429);
    assert!(answer.head.contains("retry-after: 60"), "{}", answer.head);
}

/// Who asks is settled before the body is read; errors have one form.
#[test]
fn requests_are_judged_in_order() {
    let api = Api::new();
    assert_eq!(
        api.rows("SELECT email, role FROM accounts"),
        json!([[EMAIL, "administrator"]])
    );
    let answer = api.ask("POST", "", "auth/logout", "not json");
    assert_eq!(answer.status, 401);
    assert_eq!(answer.body["status"], 401);
    for member in ["error", "message", "code"] {
        assert!(answer.body[member].is_string(), "{answer:?}");
    }
    assert_eq!(
        api.ask("POST", "attune_wrong", "auth/logout", "{}").status,
        401
    );
    let answer = api.ask("GET", "", "auth/login", "");
    assert_eq!(answer.status, 405);
    assert!(answer.head.contains("allow: POST"), "{}", answer.head);
    for body in [
        "",
        "not json",
        "[]",
        "{}",
        r#"{"email":"a","password":"b","x":1}"#,
    ] {
        let answer = api.ask("POST", "", "auth/login", body);
        assert_eq!(
            (answer.status, &answer.body["code"]),
            (400, &json!("bad_request")),
            "{body}"
        );
    }
    let form = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
    assert_eq!(api.hosted.send(form).status, 415);
}

/// The variables make an account only where there is none, and only a usable one.
#[test]
fn first_account_is_made_once() {
    let api = Api::new();
    let serve = |password: &str, data: &str, code: i32| {
        let mut command = api
            .place
            .attune(&["serve", "--listen", "nowhere", "--data-dir", data]);
        command
            .env("ATTUNE_ADMIN_EMAIL", EMAIL)
            .env("ATTUNE_ADMIN_PASSWORD", password);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(serve("short", "other", 1).contains("at least 8 characters"));
    assert!(serve("another password", "data", 1).contains("nowhere"));
    api.login();
    assert!(
        fs::read_dir(api.place.path("data/public"))
            .unwrap()
            .next()
            .is_none()
    );
}

/// `auth`: a password for a token that is kept for its owner only, works, and ends with the logout.
#[test]
fn command_line_logs_in_and_out() {
    let api = Api::new();
    let run = |verb: &str, input: &str, code: i32| {
        let mut command = api
            .place
            .attune(&["auth", verb, "--api-url", &api.hosted.url]);
        if verb == "login" {
            command.args(["--email", EMAIL]);
        }
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = child.stderr(Stdio::piped()).spawn().unwrap();
        // It may not be read.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let run = Run::of(&output);
        assert_eq!(output.status.code(), Some(code), "{verb}: {run:?}");
        assert!(!format!("{run:?}").contains(PASSWORD));
        run.stdout.trim().to_owned()
    };
    let before = snapshot(&api.place.path("home"));
    run("token", "", 7);
    run("whoami", "", 7);
    run("logout", "", 7);
    run("login", "wrong\n", 7);
    run("login", "", 2);
    assert_eq!(snapshot(&api.place.path("home")), before);
    run("login", &format!("{PASSWORD}\n"), 0);
    let token = run("token", "", 0);
    let who = api.ask("GET", &token, "auth/whoami", "");
    assert_eq!(who.body["data"]["email"], EMAIL, "{who:?}");
    let end = who.body["data"]["expires_at"].as_str().unwrap();
    let said = run("whoami", "", 0);
    assert_eq!(said, format!("{EMAIL} (administrator), until {end}"));
    run("logout", "", 0);
    assert_eq!(api.ask("GET", &token, "auth/whoami", "").status, 401);
    run("token", "", 7);
    run("whoami", "", 7);
    // The token ends elsewhere: it is forgotten all the same.
    run("login", PASSWORD, 0);
    let token = run("token", "", 0);
    api.ask("POST", &token, "auth/logout", "");
    run("whoami", "", 7);
    run("logout", "", 0);
    run("token", "", 7);
}
