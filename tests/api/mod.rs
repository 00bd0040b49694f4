//! `attune serve`: the installation API, as a platform uses it.

mod accounts;
mod build_envs;
mod dependencies;
mod download;
mod indices;
mod jobs;
mod packs;
mod postgres;
mod register;
mod workflow;

use std::fs;

use serde_json::{Value, json};

use crate::support::{Answer, Hosted, Place, Run};

pub(crate) const EMAIL: &str = "test@attune.local";
pub(crate) const PASSWORD: &str = "TestPass123!";

/// A server of the API in a place of its own.
pub(crate) struct Api {
    pub(crate) place: Place,
    pub(crate) hosted: Hosted,
}

impl Api {
    pub(crate) fn new() -> Self {
        Self::with(Place::new(), "")
    }

    /// With a configuration.
    pub(crate) fn with(place: Place, config: &str) -> Self {
        fs::write(place.path("config.yaml"), config).unwrap();
        let hosted = start(&place, &[]);
        Self { place, hosted }
    }

    /// With the registry of the place in the same process.
    pub(crate) fn hosting(place: Place) -> Self {
        let hosted = start(&place, &["--registry", "tree"]);
        Self { place, hosted }
    }

    /// Stops the server and starts it again.
    pub(crate) fn restart(&mut self) {
        self.hosted.stop();
        self.hosted = start(&self.place, &[]);
    }

    /// Ends the server without asking, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.hosted.kill();
        self.hosted = start(&self.place, &[]);
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
        let database = format!("sqlite://{}", self.place.path("data/server.db").display());
        command.env("ATTUNE__DATABASE__URL", database);
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

fn start(place: &Place, more: &[&str]) -> Hosted {
    let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"];
    args.extend(more);
    let mut command = place.attune(&args);
    command
        .env("ATTUNE_ADMIN_EMAIL", EMAIL)
        .env("ATTUNE_ADMIN_PASSWORD", PASSWORD)
        .env("ATTUNE__PACKS_BASE_DIR", place.path("installed"))
        .env("TMPDIR", place.path("home"));
    Hosted::start(command)
}
