//! Who may do what: every write against every kind of token.

use std::process::Command;

use serde_json::json;

use super::Registry;

/// A token of each kind; the two that have ended have.
pub(crate) fn callers(registry: &Registry) -> [(&'static str, String); 10] {
    let revoked = registry.token("ann", &["--scope", "admin"]);
    let list = ["registry", "token", "list", "--tree", "tree", "--json"];
    let tokens = registry.place.run(&list, 0).json();
    let id = tokens
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["scopes"] == json!(["admin"]))
        .unwrap()["id"]
        .clone();
    registry.place.run(
        &[
            "registry",
            "token",
            "revoke",
            id.as_str().unwrap(),
            "--tree",
            "tree",
        ],
        0,
    );
    let ended = registry.token("ann", &["--scope", "admin", "--note", "ends"]);
    end(registry);
    [
        ("no token", String::new()),
        (
            "unknown",
            "attune_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        ),
        ("revoked", revoked),
        ("ended", ended),
        ("read", registry.token("ann", &["--scope", "read"])),
        ("publish", registry.token("ann", &["--scope", "publish"])),
        ("yank", registry.token("ann", &["--scope", "yank"])),
        (
            "other refs",
            registry.token("ann", &["--scope", "publish,yank", "--refs", "slack*"]),
        ),
        (
            "other user",
            registry.token("bob", &["--scope", "publish,yank"]),
        ),
        ("admin", registry.token("root", &["--scope", "admin"])),
    ]
}

/// Brings the end of the token with the note `ends` to the first second of 1970.
fn end(registry: &Registry) {
    let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndone = db.execute(\"UPDATE tokens SET expires_at = 0 WHERE note = 'ends'\")\nassert done.rowcount == 1\ndb.commit()";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(registry.place.path("tree.state/server.db"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// The authorisation matrix. `x`: 401, `-`: 403, `+`: allowed.
#[test]
fn every_write_is_held_to_its_token() {
    let registry = Registry::new();
    let mine = registry.archive("aws", "1.0.0", "");
    let ann = registry.token("ann", &["--scope", "publish,yank"]);
    assert_eq!(registry.put("aws/1.0.0", &ann, &mine).status, 201);
    let callers = callers(&registry);
    let next = registry.archive("aws", "1.1.0", "");
    let reason = br#"{"reason": "because"}"#.as_slice();
    let rows: [(&str, &str, &[u8], &str); 7] = [
        ("POST", "aws/1.0.0/yank", reason, "xxxx--+--+"),
        ("POST", "aws/1.0.0/unyank", b"", "xxxx--+--+"),
        ("POST", "aws/deprecate", reason, "xxxx--+--+"),
        ("PUT", "aws/owners/eve", b"", "xxxx-+---+"),
        ("DELETE", "aws/owners/eve", b"", "xxxx-+---+"),
        ("PUT", "aws/1.1.0?dry_run=true", &next, "xxxx-+---+"),
        // Last, because it is for good.
        ("POST", "aws/1.0.0/takedown", reason, "xxxx-----+"),
    ];
    let mut wrong = Vec::new();
    for (method, path, body, verdicts) in rows {
        for ((caller, token), verdict) in callers.iter().zip(verdicts.chars()) {
            let before = registry.tree();
            let bearer = format!("Bearer {token}");
            let headers = [("Authorization", bearer.as_str())];
            let headers = if token.is_empty() { &[][..] } else { &headers };
            let answer = registry.ask(method, path, headers, body);
            let expected = match verdict {
                'x' => 401,
                '-' => 403,
                _ => 200,
            };
            if answer.status != expected {
                wrong.push(format!("{method} {path}, {caller}: {answer:?}"));
            }
            if verdict != '+' && registry.tree() != before {
                wrong.push(format!("{method} {path}, {caller}: the tree changed"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    registry.is_sound();
}

/// A pack that nobody owns is for administrators, and for tokens whose patterns name it.
#[test]
fn unowned_pack_needs_a_token_that_names_it() {
    let registry = Registry::new();
    let next = registry.archive("base", "1.1.0", "");
    let any = registry.token("ann", &["--scope", "publish"]);
    let answer = registry.put("base/1.1.0", &any, &next);
    assert_eq!(
        (answer.status, &answer.body["code"]),
        (403, &json!("not_owner"))
    );
    assert!(
        answer.body["hint"]
            .as_str()
            .unwrap()
            .contains("--refs base")
    );
    let named = registry.token("ann", &["--scope", "publish", "--refs", "ba*"]);
    assert_eq!(registry.put("base/1.1.0", &named, &next).status, 201);
}

/// A secret is shown once: no list, log or file of the server holds it, and an unknown one is told nothing.
#[test]
fn secrets_are_shown_once() {
    let registry = Registry::new();
    let token = registry.token("ann", &["--scope", "publish", "--note", "for CI"]);
    let archive = registry.archive("one", "1.0.0", "");
    assert_eq!(registry.put("one/1.0.0", &token, &archive).status, 201);
    let list = registry
        .place
        .run(&["registry", "token", "list", "--tree", "tree"], 0)
        .stdout;
    assert!(list.contains("for CI") && !list.contains(&token), "{list}");
    let audit = registry
        .place
        .run(&["registry", "audit", "--tree", "tree"], 0)
        .stdout;
    assert!(
        audit.contains("one@1.0.0") && !audit.contains(&token),
        "{audit}"
    );
    for (name, bytes) in crate::support::snapshot(&registry.place.path("tree.state")) {
        assert!(
            !bytes.windows(token.len()).any(|w| w == token.as_bytes()),
            "{name}"
        );
    }
    for wrong in [
        "registry token create --tree tree --scope write",
        "registry token create --tree nowhere --scope read",
        "registry token create --tree tree --scope read --refs a/b",
        "registry token create --tree tree --scope read --expires 0d",
        "registry token create --tree tree --scope read --user a/b",
        "registry token revoke nobody --tree tree",
    ] {
        let args: Vec<&str> = wrong.split(' ').collect();
        let output = registry.place.attune(&args).output().unwrap();
        assert!(
            !output.status.success() && !output.stderr.is_empty(),
            "{wrong}"
        );
    }
    assert!(!registry.place.path("nowhere.state").exists());
}

/// Whoever guesses tokens is soon told to wait.
#[test]
fn guesses_are_slowed_down() {
    let registry = Registry::new();
    registry.token("ann", &["--scope", "publish"]);
    let statuses: Vec<u16> = (0..40)
        .map(|n| registry.put("one/1.0.0", &format!("guess{n}"), b"").status)
        .collect();
    assert_eq!(statuses[0], 401);
    assert!(statuses.contains(&429), "{statuses:?}");
}
