//! `doctor`: the database of a server is compared with the generations, and rebuilt from them.

use serde_json::{Value, json};

use super::Api;
use crate::support::Run;

fn doctor(api: &Api, args: &[&str], code: i32) -> Value {
    let mut command = api.place.attune(&["doctor", "--json"]);
    command.args(args);
    command.env("ATTUNE__DATABASE__URL", api.database_url());
    let output = command.output().unwrap();
    let run = Run::of(&output);
    assert_eq!(output.status.code(), Some(code), "{run:?}");
    run.json()
}

/// What was changed behind the server's back is told, then mended, and the server sees it.
#[test]
fn database_is_rebuilt_from_the_generations() {
    let api = Api::new();
    let token = api.login();
    for pack_ref in ["core", "aws"] {
        api.place.pack(pack_ref, pack_ref, "1.0.0", "");
        let from = api.place.path("packs").join(pack_ref);
        let to = api.place.path("home").join(pack_ref);
        std::fs::rename(from, &to).unwrap();
        let body = json!({"pack_paths": [to]});
        let answer = api.post(&token, "packs/register-batch", &body);
        assert_eq!(
            answer.body["data"]["summary"]["success_count"], 1,
            "{answer:?}"
        );
    }
    let rows = || {
        let packs = api.rows("SELECT ref, version FROM packs ORDER BY ref");
        json!([
            packs,
            api.rows("SELECT pack, ref FROM components ORDER BY ref")
        ])
    };
    let right = rows();
    assert_eq!(doctor(&api, &[], 0)["differences"], json!([]));
    // Behind its back: one pack goes, one comes.
    api.place.run(&["pack", "uninstall", "core"], 0);
    api.place.pack("slack", "slack", "2.0.0", "");
    api.place.run(&["pack", "install", "./packs/slack"], 0);
    let found = doctor(&api, &[], 1);
    assert_eq!(
        found["differences"],
        json!([
            "`slack` 2.0.0 is installed, and not in the database",
            "`core` is in the database, and not installed"
        ])
    );
    assert_eq!(rows(), right);
    let found = doctor(&api, &["--fix"], 0);
    assert_eq!(
        (&found["fixed"], &found["problems"]),
        (&json!(true), &json!([]))
    );
    assert_eq!(
        rows(),
        json!([
            [["aws", "1.0.0"], ["slack", "2.0.0"]],
            [["aws", "aws.run"], ["slack", "slack.run"]]
        ])
    );
    assert_eq!(doctor(&api, &[], 0)["differences"], json!([]));
    let answer = api.ask("GET", &token, "packs/slack/components", "");
    assert_eq!(answer.body["data"]["items"][0]["ref"], "slack.run");
}
