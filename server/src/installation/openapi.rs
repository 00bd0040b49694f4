//! What `/openapi.json` says of the installation API. Paths, methods and roles come from the table of operations; what
//! an operation takes and gives stands here, so that none can be left out. Forms of requests are made from the types that
//! they are read as, those of answers from the types that they are written from, or stand in `schemas.json`.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::page::Paged;
use super::target::{OPERATIONS, Operation, PREFIX};
use super::{
    build_envs, cache, config, dependencies, download, indices, install, login, packs, register,
    rollback, tests as test_runs, update,
};
use crate::forms::Forms;
use crate::jobs::{JobSummary, ShownJob};

/// Forms of answers, and of the one request that is no JSON; every object is closed that has named members.
const SCHEMAS: &str = include_str!("schemas.json");

/// What an operation takes and gives.
struct Form {
    summary: &'static str,
    request: Option<Request>,
    answer: Answer,
    query: &'static [&'static str],
    /// Whether it runs as a job.
    is_job: bool,
}

/// How a body is formed.
#[derive(Clone, Copy)]
enum Request {
    /// As the type it is read as.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// A form with files; its schema by name.
    Files(&'static str),
}

/// How an answer is formed.
#[derive(Clone, Copy)]
enum Answer {
    /// As the type it is written from.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// JSON; its schema by name.
    Named(&'static str),
    /// Events, as long as they happen.
    Events,
}

/// Paths, and the schemas they refer to.
pub(crate) fn paths_and_schemas() -> (Map<String, Value>, Map<String, Value>) {
    let mut paths = Map::new();
    let mut forms = Forms::new();
    for (method, pattern, operation, role) in &OPERATIONS {
        let parameter = parameter(pattern);
        let path = format!(
            "{PREFIX}{}",
            pattern.replace("{}", &format!("{{{parameter}}}"))
        );
        let item = paths.entry(path).or_insert_with(|| json!({}));
        let described = described((*operation, &mut forms), pattern, role.as_str());
        item[method.as_str().to_lowercase()] = described;
        if pattern.contains("{}") {
            let schema = match parameter {
                "ref" => json!({ "$ref": "#/components/schemas/Ref" }),
                _ => json!({ "type": "string" }),
            };
            item["parameters"] = json!([
                { "name": parameter, "in": "path", "required": true, "schema": schema }
            ]);
        }
    }
    let mut schemas: Map<String, Value> = serde_json::from_str(SCHEMAS).unwrap_or_default();
    schemas.extend(forms.into_schemas());
    (paths, schemas)
}

/// What the variable part of a path names.
fn parameter(pattern: &str) -> &'static str {
    if pattern.starts_with("packs/") || pattern.starts_with("pack-indices/packs/") {
        "ref"
    } else {
        "id"
    }
}

fn described((operation, forms): (Operation, &mut Forms), pattern: &str, role: &str) -> Value {
    let form = form(operation);
    let name = format!("{operation:?}");
    let (first, rest) = name.split_at(1);
    // Two paths may mean one operation.
    let suffix = if pattern.ends_with("/cancel") {
        "ByPost"
    } else {
        ""
    };
    let mut value = json!({
        "operationId": format!("{}{rest}{suffix}", first.to_lowercase()),
        "summary": form.summary,
        "tags": [pattern.split('/').next()],
        "responses": responses((operation, forms), &form, pattern),
    });
    if operation == Operation::Login {
        value["security"] = json!([]);
    } else {
        value["description"] = json!(format!("Needs the role {role}."));
        value["security"] = json!([{ "token": [] }]);
    }
    let mut parameters: Vec<Value> = form.query.iter().map(|name| query(name)).collect();
    if form.is_job {
        parameters.push(json!({
            "name": "Prefer", "in": "header", "schema": { "type": "string" },
            "description": "`respond-async`: the answer is the job, at once.",
        }));
    }
    if !parameters.is_empty() {
        value["parameters"] = json!(parameters);
    }
    if let Some(request) = form.request {
        let (media_type, schema) = match request {
            Request::Json(schema_of) => ("application/json", json!(schema_of(&mut forms.requests))),
            Request::Files(name) => {
                let schema = json!({ "$ref": place(name) });
                ("multipart/form-data", schema)
            }
        };
        let is_required = !matches!(
            operation,
            Operation::Rollback | Operation::Test | Operation::Update
        );
        value["requestBody"] =
            json!({ "required": is_required, "content": { media_type: { "schema": schema } } });
    }
    value
}

fn responses((operation, forms): (Operation, &mut Forms), form: &Form, pattern: &str) -> Value {
    let status = match operation {
        Operation::AddIndex | Operation::Register | Operation::Upload => "201",
        _ => "200",
    };
    let mut responses = json!({});
    let done = "What came of it.";
    responses[status] = match form.answer {
        Answer::Json(schema_of) => of_data(&schema_of(&mut forms.answers), done),
        Answer::Named(name) => of_data(&Schema::new_ref(place(name)), done),
        Answer::Events => {
            json!({ "description": "Events.", "content": { "text/event-stream": {} } })
        }
    };
    if form.is_job {
        let job = forms.answers.subschema_for::<ShownJob>();
        responses["202"] = of_data(&job, "The job, which goes on.");
    }
    for (status, name) in refusals(operation, form, pattern) {
        responses[status] = json!({ "$ref": format!("#/components/responses/{name}") });
    }
    responses
}

/// How a request may be refused: statuses, and what their answers are called.
fn refusals(operation: Operation, form: &Form, pattern: &str) -> Vec<(&'static str, &'static str)> {
    let installs = matches!(
        operation,
        Operation::Install | Operation::Register | Operation::Update | Operation::Upload
    );
    let has_conflicts = matches!(
        operation,
        Operation::AddIndex
            | Operation::CancelJob
            | Operation::ChangeIndex
            | Operation::Rollback
            | Operation::ShowConfig
            | Operation::Test
            | Operation::Uninstall
    );
    let mut refused = vec![
        ("400", "BadRequest"),
        ("401", "Unauthorized"),
        ("403", "Forbidden"),
        ("429", "TooManyRequests"),
        ("500", "Failed"),
        ("503", "Unavailable"),
    ];
    if pattern.contains("{}") || form.query.contains(&"registry_id") {
        refused.push(("404", "NotFound"));
    }
    if form.request.is_some() {
        refused.extend([("413", "TooLarge"), ("415", "UnsupportedMediaType")]);
    }
    if has_conflicts {
        refused.push(("409", "Conflict"));
    }
    if operation == Operation::FindIndexed {
        refused.push(("502", "BadGateway"));
    }
    if installs {
        refused.extend([
            ("404", "NotFound"),
            ("409", "Conflict"),
            ("422", "Unprocessable"),
            ("502", "BadGateway"),
        ]);
    }
    refused
}

fn place(schema: &str) -> String {
    format!("#/components/schemas/{schema}")
}

fn of_data(data: &Schema, description: &str) -> Value {
    let envelope = json!({
        "type": "object", "additionalProperties": false, "required": ["data"], "properties": { "data": data },
    });
    json!({ "description": description, "content": { "application/json": { "schema": envelope } } })
}

fn query(name: &str) -> Value {
    let (schema, text) = match name {
        "page" => (
            json!({ "type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1 }),
            "Number of the page.",
        ),
        "page_size" => (
            json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 50 }),
            "Items of a page.",
        ),
        "force" => (
            json!({ "type": "boolean", "default": false }),
            "Even if other packs need it.",
        ),
        "purge" => (
            json!({ "type": "boolean", "default": false }),
            "Its configuration, too.",
        ),
        "include_disabled" => (
            json!({ "type": "boolean", "default": false }),
            "Registries that are not asked, too.",
        ),
        "registry_id" => (json!({ "type": "string" }), "This registry only."),
        "kind" => (
            json!({ "type": "string" }),
            "Components of this kind only, such as `actions`.",
        ),
        _ => (json!({ "type": "string" }), "What is looked for."),
    };
    json!({ "name": name, "in": "query", "schema": schema, "description": text })
}

/// A request that is answered at once, and takes nothing.
const fn reads(summary: &'static str, answer: &'static str) -> Form {
    answered(summary, Answer::Named(answer))
}

/// The same with an answer that is written from a type.
fn gives<T: JsonSchema>(summary: &'static str) -> Form {
    answered(summary, Answer::Json(SchemaGenerator::subschema_for::<T>))
}

const fn answered(summary: &'static str, answer: Answer) -> Form {
    Form {
        summary,
        request: None,
        answer,
        query: &[],
        is_job: false,
    }
}

const PAGES: &[&str] = &["page", "page_size"];

impl Form {
    fn takes<T: JsonSchema>(mut self) -> Self {
        self.request = Some(Request::Json(SchemaGenerator::subschema_for::<T>));
        self
    }

    const fn takes_files(mut self, request: &'static str) -> Self {
        self.request = Some(Request::Files(request));
        self
    }

    const fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    const fn job(mut self) -> Self {
        self.is_job = true;
        self
    }
}

#[expect(clippy::too_many_lines, reason = "a row for each operation")]
fn form(operation: Operation) -> Form {
    use Operation as O;
    const BROWSE: &[&str] = &["q", "page", "page_size"];
    match operation {
        O::Login => gives::<login::Login>("A token for an address and a password.")
            .takes::<login::Credentials>(),
        O::Logout => gives::<login::Logout>("Ends the token."),
        O::Whoami => gives::<login::Whoami>("Whose the token is."),
        O::Download => reads("Packs into a folder.", "Downloads")
            .takes::<download::Request>()
            .job(),
        O::Dependencies => reads("What packs need, and what of it is there.", "Dependencies")
            .takes::<dependencies::Request>(),
        O::BuildEnvs => reads("Python and Node.js environments.", "Environments")
            .takes::<build_envs::Request>()
            .job(),
        O::RegisterBatch => reads("Packs of folders become active.", "Registered")
            .takes::<register::Request>()
            .job(),
        O::Install => reads("A pack from a source, with what it needs.", "Installed")
            .takes::<install::Install>()
            .job(),
        O::Register => reads("A pack of a folder.", "Installed")
            .takes::<install::Register>()
            .job(),
        O::Upload => reads("A pack of an archive.", "Installed")
            .takes_files("UploadRequest")
            .job(),
        O::Update => reads("A pack to the newest version it may reach.", "Updated")
            .takes::<update::Request>()
            .job(),
        O::Rollback => reads("A pack as it was before its last change.", "RolledBack")
            .takes::<rollback::Request>()
            .job(),
        O::Test => reads("Runs the tests of an installed pack.", "TestReport")
            .takes::<test_runs::Request>()
            .job(),
        O::Tests => reads("What the tests of a pack gave, newest first.", "TestRuns").asks(PAGES),
        O::LatestTest => reads("What the tests of a pack gave last.", "TestRun"),
        O::ListJobs => {
            gives::<Paged<JobSummary>>("Requests that take a while, newest first.").asks(PAGES)
        }
        O::ShowJob => gives::<ShownJob>("How far a job is, or what came of it."),
        O::CancelJob => gives::<ShownJob>("Calls a job off."),
        O::JobEvents => answered("A job as it goes on.", Answer::Events),
        O::ListPacks => {
            gives::<Paged<packs::PackSummary>>("What is installed, by ref.").asks(BROWSE)
        }
        O::ShowPack => gives::<packs::InstalledPack>("An installed pack."),
        O::ChangePack => {
            gives::<packs::InstalledPack>("Configures a pack.").takes::<config::Request>()
        }
        O::ShowConfig => {
            gives::<config::PackConfig>("The configuration of a pack, with its secrets.")
        }
        O::Uninstall => gives::<packs::Uninstalled>("Removes a pack.")
            .asks(&["force", "purge"])
            .job(),
        O::Components => gives::<Paged<packs::Component>>("What a pack registered.").asks(&[
            "kind",
            "page",
            "page_size",
        ]),
        O::ListIndices => reads("Registries that are asked.", "PackIndices").asks(PAGES),
        O::AddIndex => reads("Adds a registry.", "PackIndex").takes::<indices::New>(),
        O::ShowIndex => reads("A registry.", "PackIndex"),
        O::ChangeIndex => reads("Changes a registry.", "PackIndex").takes::<indices::Changes>(),
        O::RemoveIndex => reads("Removes a registry.", "Done"),
        O::TestIndex => reads("Whether a registry answers.", "PackIndexAnswer"),
        O::RefreshIndex => reads("Asks a registry anew.", "PackIndexAnswer"),
        O::BrowseIndices => reads("What registries list.", "IndexedPacks").asks(&[
            "q",
            "registry_id",
            "include_disabled",
            "page",
            "page_size",
        ]),
        O::BrowseIndex => reads("What a registry lists.", "IndexedPacks").asks(BROWSE),
        O::FindIndexed => reads("What an installation would find.", "IndexedPack"),
        O::CacheUsage => reads("What the cache and the store cost.", "CacheUsage"),
        O::PruneCache => reads("Removes files that were not used.", "CacheRemoved")
            .takes::<cache::Keep>()
            .job(),
        O::ClearCache => reads("Removes every file of the cache.", "CacheRemoved").job(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every object with named members is closed, and everything that is referred to is there.
    #[test]
    fn schemas_are_closed_and_whole() {
        fn check(value: &Value, schemas: &Map<String, Value>) {
            // Members may be called as the parts of a schema.
            if value["properties"].is_object() && !value["type"].is_object() {
                assert_eq!(value["additionalProperties"], false, "{value}");
            }
            if let Some(name) = value["$ref"].as_str() {
                let name = name.rsplit('/').next().unwrap_or_default();
                assert!(schemas.contains_key(name), "{name}");
            }
            let parts: Vec<&Value> = match value {
                Value::Object(members) => members.values().collect(),
                Value::Array(items) => items.iter().collect(),
                _ => Vec::new(),
            };
            for part in parts {
                check(part, schemas);
            }
        }
        let (paths, schemas) = paths_and_schemas();
        assert!(!schemas.is_empty());
        check(&Value::Object(schemas.clone()), &schemas);
        for (method, pattern, operation, _) in &OPERATIONS {
            let form = form(*operation);
            let is_known = |name: &str| schemas.contains_key(name);
            if let Answer::Named(name) = form.answer {
                assert!(is_known(name), "{pattern}");
            }
            if let Some(Request::Files(name)) = form.request {
                assert!(is_known(name), "{pattern}");
            }
            let path = format!(
                "{PREFIX}{}",
                pattern.replace("{}", &format!("{{{}}}", parameter(pattern)))
            );
            assert!(
                paths[&path][method.as_str().to_lowercase()].is_object(),
                "{path}"
            );
        }
    }
}
