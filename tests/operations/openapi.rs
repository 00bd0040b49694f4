//! `/openapi.json`: it is what it says it is, and every operation in it is answered as it says.

use serde_json::{Value, json};

use crate::publishing::Registry;
use crate::support::contract::Description;
use crate::support::{Answer, people_can_read};

/// Every operation, asked with what is in the registry: the status is one that the document names.
#[test]
fn every_operation_of_the_document_is_answered_as_it_says() {
    let registry = Registry::with("server: {access: private}\n");
    let document = Description::of(&registry.hosted).0;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    people_can_read(&registry.hosted);
    let token = registry.token("ann", &["--scope", "admin"]);
    let bearer = format!("Bearer {token}");
    let mut asked = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        let path = template
            .replace("{ref}", "base")
            .replace("{version}", "1.0.0")
            .replace("{file}", "base-1.0.0.tar.gz")
            .replace("{name}", "eve");
        let query = match path.rsplit('/').next() {
            Some("diff") => "?from=1.0.0&to=1.0.0",
            Some("search") => "?q=base",
            Some("source") => "?pack=base",
            _ => "?dry_run=true",
        };
        for method in ["get", "put", "post", "delete"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let responses = &operation["responses"];
            let before = registry.tree();
            for headers in [&[][..], &[("Authorization", bearer.as_str())]] {
                let method = method.to_uppercase();
                let full = format!("{path}{query}");
                let answer = registry.request(&method, &full, headers, b"");
                let named = responses.get(answer.status.to_string());
                assert!(named.is_some(), "{method} {full}: {answer:?}");
                let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
                let refused = headers.is_empty() && !is_open;
                assert_eq!(answer.status == 401, refused, "{method} {full}: {answer:?}");
                assert_ne!(answer.body["code"], "not_found", "{method} {full}");
                asked += 1;
            }
            assert_eq!(registry.tree(), before, "{method} {path}");
        }
    }
    assert!(asked > 40, "{asked}");
}

/// An answer of another form, or type, is found: the tests here would be worth nothing else.
#[test]
fn answers_of_another_form_are_found() {
    if !crate::schema::has_validator() {
        return;
    }
    let registry = Registry::new();
    let description = Description::of(&registry.hosted);
    let held = |media_type: &str, body: Value| {
        let answer = Answer {
            status: 200,
            head: format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\n"),
            body,
        };
        let held = || description.hold_answers(&[("owners", answer)]);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(held)).is_ok()
    };
    assert!(held(
        "application/json",
        json!({"ref": "base", "owners": ["ann"]})
    ));
    for wrong in [
        json!({"ref": "base", "owners": [1]}),
        json!({"ref": "base"}),
        json!({"ref": "base", "owners": [], "more": 1}),
    ] {
        assert!(!held("application/json", wrong.clone()), "{wrong}");
    }
    assert!(!held("text/html", json!({"ref": "base", "owners": []})));
}

type Answers = Vec<(&'static str, Answer)>;

/// Archives that are taken and refused.
fn puts(registry: &Registry, token: &str) -> Answers {
    let reader = registry.token("eve", &["--scope", "read"]);
    let one = registry.archive("one", "1.0.0", "");
    let other = registry.archive("one", "1.0.0", "description: Another\n");
    let rows: [(&str, &str, &[u8], u16); 8] = [
        ("one/1.0.0?dry_run=true", token, &one, 200),
        ("one/1.0.0", token, &one, 201),
        ("one/1.0.0", token, &one, 200),
        ("one/1.0.0", token, &other, 409),
        ("one/1.0.0", &reader, &other, 403),
        ("one/1.0.0", "nobody", &other, 401),
        ("one/2.0.0", token, &one, 422),
        ("one/2.0.0?dry_run=perhaps", token, &one, 400),
    ];
    let put = |(path, token, archive, status): (&str, &str, &[u8], u16)| {
        let before = registry.tree();
        let answer = registry.put(path, token, archive);
        assert_eq!(answer.status, status, "{path} {answer:?}");
        assert_eq!(registry.tree() == before, status != 201, "{path}");
        ("publish", answer)
    };
    rows.map(put).into()
}

/// What is said of versions and packs, and taken back.
fn changes(registry: &Registry, token: &str) -> Answers {
    let reason = r#"{"reason": "why"}"#;
    let rows = [
        ("yank", "POST", "one/1.0.0/yank?dry_run=true", reason),
        ("yank", "POST", "one/1.0.0/yank", reason),
        ("yank", "POST", "one/7.0.0/yank", reason),
        ("unyank", "POST", "one/1.0.0/unyank", "{}"),
        ("deprecate", "POST", "one/deprecate", reason),
        ("undeprecate", "POST", "one/undeprecate", "{}"),
        ("addOwner", "PUT", "one/owners/eve?dry_run=true", ""),
        ("addOwner", "PUT", "one/owners/eve", ""),
        ("owners", "GET", "one/owners", ""),
        ("removeOwner", "DELETE", "one/owners/eve", ""),
        ("owners", "GET", "nothing/owners", ""),
        ("takedown", "POST", "one/1.0.0/takedown", reason),
    ];
    let bearer = format!("Bearer {token}");
    let ask = |(id, method, path, body): (&'static str, &str, &str, &str)| {
        let fields = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let answer = registry.ask(method, path, &fields, body.as_bytes());
        let is_there = path.starts_with("one/") && !path.contains("7.0.0");
        let expected = if is_there { 200 } else { 404 };
        assert_eq!(answer.status, expected, "{path} {answer:?}");
        (id, answer)
    };
    rows.map(ask).into()
}

/// Everything that is published, said of it, taken back and shown is answered as the document says, and so is what is
/// refused.
#[test]
fn answers_about_versions_are_as_the_document_says() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish,yank,admin"]);
    let mut answers = puts(&registry, &token);
    answers.extend(changes(&registry, &token));
    let shows = [
        ("search", "/api/v1/search?q=base"),
        ("diff", "/api/v1/packs/base/diff?from=1.0.0&to=1.0.0"),
        ("live", "/health/live"),
        ("ready", "/health/ready"),
        ("registry", "/registry.json"),
        ("packs", "/packs.json"),
        ("index", "/index.json"),
        ("pack", "/packs/base.json"),
    ];
    answers.extend(shows.map(|(id, path)| {
        let answer = registry.request("GET", path, &[], b"");
        assert_eq!(answer.status, 200, "{path} {answer:?}");
        (id, answer)
    }));
    Description::of(&registry.hosted).hold_answers(&answers);
}
