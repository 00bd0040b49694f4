//! `attune serve`: the installation API, as a platform uses it. All of it runs twice, on SQLite and, as the module
//! `api_on_postgresql`, on PostgreSQL.

mod accounts;
mod actions;
mod build_envs;
mod config;
mod cuts;
mod dependencies;
mod doctor;
mod download;
mod indices;
mod install;
mod jobs;
mod many;
mod older;
mod openapi;
mod packs;
mod register;
mod workflow;

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::postgres::Postgres;
use crate::support::{Answer, Hosted, Place, Run};

pub(crate) const EMAIL: &str = "test@attune.local";
pub(crate) const PASSWORD: &str = "TestPass123!";

/// A server of the API in a place of its own.
pub(crate) struct Api {
    pub(crate) place: Place,
    pub(crate) hosted: Hosted,
    /// Its database, unless that is SQLite in a file of the place.
    postgres: Option<Postgres>,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::with(Place::new(), "")
    }

    /// With a configuration.
    pub(crate) fn with(place: Place, config: &str) -> Self {
        fs::write(place.path("config.yaml"), config).unwrap();
        Self::start(place, &[])
    }

    /// With the registry of the place in the same process.
    pub(crate) fn hosting(place: Place) -> Self {
        Self::start(place, &["--registry", "tree"])
    }

    fn start(place: Place, more: &[&str]) -> Self {
        let is_wanted = module_path!().contains("postgresql");
        let postgres = is_wanted.then(Postgres::new).flatten();
        let hosted = start(&place, postgres.as_ref(), more);
        Self {
            place,
            hosted,
            postgres,
        }
    }

    /// Stops the server and starts it again.
    pub(crate) fn restart(&mut self) {
        self.hosted.stop();
        self.hosted = start(&self.place, self.postgres.as_ref(), &[]);
    }

    /// Ends the server without asking, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.hosted.kill();
        self.hosted = start(&self.place, self.postgres.as_ref(), &[]);
    }

    /// Where its database is.
    pub(crate) fn database_url(&self) -> String {
        let file = self.place.path("data/server.db");
        assert_eq!(file.exists(), self.postgres.is_none());
        self.postgres
            .as_ref()
            .map_or_else(|| format!("sqlite://{}", file.display()), Postgres::url)
    }

    /// Rows of its database, each a list of its values.
    pub(crate) fn rows(&self, query: &str) -> Value {
        if let Some(postgres) = &self.postgres {
            return postgres.rows(query);
        }
        let script = "import json, sqlite3, sys\nprint(json.dumps(sqlite3.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()))";
        let output = Command::new("python3")
            .args(["-c", script])
            .arg(self.place.path("data/server.db"))
            .arg(query)
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"))
    }

    /// Changes its database.
    pub(crate) fn alter(&self, statements: &[&str]) {
        if let Some(postgres) = &self.postgres {
            return postgres.alter(&statements.join("; "));
        }
        let script = "import sqlite3, sys\ndb = sqlite3.connect(sys.argv[1])\ndb.executescript(sys.argv[2])\ndb.commit()";
        let output = Command::new("python3")
            .args(["-c", script])
            .arg(self.place.path("data/server.db"))
            .arg(statements.join("; "))
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// A token of the administrator.
    pub(crate) fn login(&self) -> String {
        let body = json!({"email": EMAIL, "password": PASSWORD});
        let answer = self.post("", "auth/login", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let token = answer.body["data"]["access_token"].as_str();
        token.unwrap().to_owned()
    }

    /// A token with a role.
    pub(crate) fn token(&self, role: &str) -> String {
        let other = Place::new();
        other.pack("any", "any", "1.0.0", "");
        other.build();
        let args = [
            "registry", "token", "create", "--tree", "tree", "--scope", role,
        ];
        let mut command = other.attune(&args);
        command.args(["--user", "somebody", "--json"]);
        command.env("ATTUNE__DATABASE__URL", self.database_url());
        let made = Run::of(&command.output().unwrap()).json();
        made["token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.ask("POST", token, path, &body.to_string())
    }

    /// Asks with a token, if it is not empty.
    pub(crate) fn ask(&self, method: &str, token: &str, path: &str, body: &str) -> Answer {
        self.ask_with(method, token, (path, ""), body)
    }

    /// The same with more fields, each with its end of line.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        token: &str,
        (path, fields): (&str, &str),
        body: &str,
    ) -> Answer {
        let mut head = format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Type: application/json\r\n"
        );
        if !token.is_empty() {
            head.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        head.push_str(fields);
        let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
        self.hosted.send(request.as_bytes())
    }
}

/// The members and the types of a value; of a list, of its first element.
pub(crate) fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => items
            .first()
            .map_or(json!([]), |first| json!([shape(first)])),
        Value::Object(members) => members.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
    }
}

fn start(place: &Place, postgres: Option<&Postgres>, more: &[&str]) -> Hosted {
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"];
    args.extend(more);
    let mut command = place.attune(&args);
    command
        .env("ATTUNE_ADMIN_EMAIL", EMAIL)
        .env("ATTUNE_ADMIN_PASSWORD", PASSWORD)
        .env("ATTUNE__PACKS_BASE_DIR", place.path("installed"))
        .env("TMPDIR", place.path("home"));
    if let Some(postgres) = postgres {
        command.env("ATTUNE__DATABASE__URL", postgres.url());
    }
    Hosted::start(command)
}
