//! The API on PostgreSQL: accounts, tokens and components, over a restart.

use std::fs;

use serde_json::json;

use super::{Api, EMAIL};
use crate::support::Place;
use crate::support::postgres::Postgres;

/// What works on SQLite works here, and the rows are there.
#[test]
fn api_runs_on_postgresql() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let config = format!("database: {{url: '{}'}}\n", postgres.url());
    let mut api = Api::with(Place::new(), &config);
    let token = api.login();
    api.restart();
    assert_eq!(
        api.ask("GET", &token, "auth/whoami", "").body["data"]["email"],
        EMAIL
    );
    let pack = api.place.path("home/core");
    for version in ["1.0.0", "1.1.0"] {
        api.place.pack("core", "core", version, "");
        let _ = fs::remove_dir_all(&pack);
        fs::rename(api.place.path("packs/core"), &pack).unwrap();
        let body = json!({"pack_paths": [pack], "force": true});
        let answer = api.post(&token, "packs/register-batch", &body);
        let told = &answer.body["data"]["registered_packs"][0];
        assert_eq!(
            (&told["pack_id"], &told["pack_version"]),
            (&json!(1), &json!(version)),
            "{answer:?}"
        );
        assert_eq!(
            postgres.rows("SELECT ref, id, version FROM packs"),
            format!("core|1|{version}\n")
        );
        assert_eq!(
            postgres.rows("SELECT kind, ref FROM components"),
            "actions|core.run\n"
        );
    }
    assert_eq!(api.ask("POST", &token, "auth/logout", "").status, 200);
    assert_eq!(api.ask("GET", &token, "auth/whoami", "").status, 401);
    assert_eq!(
        postgres.rows("SELECT email, role FROM accounts"),
        format!("{EMAIL}|administrator\n")
    );
    assert!(!api.place.path("data/server.db").exists());
}
