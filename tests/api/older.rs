//! Databases of older versions of the program: brought up to date, with everything that is in them.

use serde_json::{Value, json};

use super::Api;
use super::jobs::data;
use super::packs::register;

/// What later versions added, taken out again: the database as one of them left it.
const WITHOUT: [(i64, &str); 2] = [(8, "DROP TABLE counters"), (7, "DROP TABLE pack_configs")];

/// Everything that was there is there, and what is new works.
#[test]
fn older_databases_are_brought_up_to_date() {
    let mut api = Api::new();
    let token = api.login();
    register(
        &api,
        &token,
        &[("aws", "1.0.0", "config: {region: here}\n")],
    );
    let index = json!({"url": "https://registry.example.org/", "headers": {"A": "b"}});
    for id in [1, 2] {
        let url = format!("https://registry.example.org/{id}/");
        let answer = api.post(&token, "pack-indices", &json!({ "url": url }));
        assert_eq!(answer.body["data"]["id"], id, "{answer:?}");
    }
    let tables = |api: &Api| {
        let queries = [
            "SELECT id, hash, account, scopes FROM tokens ORDER BY id",
            "SELECT email, password_hash, role FROM accounts",
            "SELECT ref, id, version, storage_path FROM packs",
            "SELECT pack, kind, ref FROM components",
            "SELECT id, state, result FROM jobs",
            "SELECT id, url, position FROM pack_indices ORDER BY id",
        ];
        queries.map(|query| api.rows(query))
    };
    let before = tables(&api);
    for (version, statement) in WITHOUT {
        let forgotten = format!("DELETE FROM _sqlx_migrations WHERE version = {version}");
        api.alter(&[statement, &forgotten]);
    }
    api.restart();
    assert_eq!(tables(&api), before);
    let versions = api.rows("SELECT version FROM _sqlx_migrations ORDER BY version DESC");
    assert_eq!(versions[0][0], json!(8));
    let answer = api.post(&token, "pack-indices", &index);
    assert_eq!(answer.body["data"]["id"], 3, "{answer:?}");
    let body = json!({"config": {"region": "there"}}).to_string();
    let answer = api.ask("PUT", &token, "packs/aws", &body);
    assert_eq!(data(&answer)["config"], json!({"region": "there"}));
}

/// A database of a newer version is left alone, with advice.
#[test]
fn newer_databases_are_left_alone() {
    let api = Api::new();
    let newer = "UPDATE _sqlx_migrations SET version = 1000 WHERE version = 8";
    api.alter(&[newer]);
    let mut command = api
        .place
        .attune(&["registry", "token", "list", "--data-dir", "data"]);
    command.env("ATTUNE__DATABASE__URL", api.database_url());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("a newer version of the program"), "{text}");
    let count = api.rows("SELECT count(*) FROM _sqlx_migrations WHERE version = 1000");
    assert_eq!(count, Value::from(vec![json!([1])]));
}
