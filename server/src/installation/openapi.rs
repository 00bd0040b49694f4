//! What `/openapi.json` says of the installation API. Paths, methods and roles come from the table of operations; what
//! an operation takes and gives stands here, so that none can be left out. Forms of requests are made from the types that
//! they are read as, those of answers from the types that they are written from.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::page::Paged;
use super::target::{OPERATIONS, Operation, PREFIX};
use super::{
    browse, build_envs, cache, config, dependencies, download, indices, install, login, mirrors,
    packs, register, rollback, tests as test_runs, update, upload,
};
use crate::forms::Forms;
use crate::jobs::{JobSummary, ShownJob, forms_of_events};

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
    /// A form with files.
    Files(fn(&mut SchemaGenerator) -> Schema),
}

/// How an answer is formed.
#[derive(Clone, Copy)]
enum Answer {
    /// As the type it is written from.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// Events, as long as they happen.
    Events,
}

/// Paths; what they refer to is with the forms.
pub(crate) fn paths(forms: &mut Forms) -> Map<String, Value> {
    let mut paths = Map::new();
    for (method, pattern, operation, role) in &OPERATIONS {
        let parameter = parameter(pattern);
        let path = format!(
            "{PREFIX}{}",
            pattern.replace("{}", &format!("{{{parameter}}}"))
        );
        let item = paths.entry(path).or_insert_with(|| json!({}));
        let described = described((*operation, forms), pattern, role.as_str());
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
    paths
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
    if matches!(form.answer, Answer::Events) {
        parameters.push(json!({
            "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" },
            "description": "The last event that was seen: those behind it are sent.",
        }));
    }
    if !parameters.is_empty() {
        value["parameters"] = json!(parameters);
    }
    if let Some(request) = form.request {
        let (media_type, schema_of) = match request {
            Request::Json(schema_of) => ("application/json", schema_of),
            Request::Files(schema_of) => ("multipart/form-data", schema_of),
        };
        let schema = json!(schema_of(&mut forms.requests));
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
        Answer::Events => of_events(&mut forms.answers),
    };
    if matches!(form.answer, Answer::Events) {
        let told = "`Last-Event-ID` says that the end was seen.";
        responses["204"] = json!({ "description": told });
    }
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

/// A stream, and what the data of each of its events is; `OpenAPI` 3.1 has no words of its own for that.
fn of_events(generator: &mut SchemaGenerator) -> Value {
    let forms = forms_of_events(generator);
    let events: Map<String, Value> = forms
        .into_iter()
        .map(|(name, form)| (name.to_owned(), form.into()))
        .collect();
    let stream = json!({ "schema": { "type": "string" }, "x-events": events });
    json!({
        "description": "Server-Sent Events. The data of each is JSON, of the form that `x-events` gives by its name; `end` is the last.",
        "content": { "text/event-stream": stream },
    })
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
fn reads<T: JsonSchema>(summary: &'static str) -> Form {
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

    fn takes_files<T: JsonSchema>(mut self) -> Self {
        self.request = Some(Request::Files(SchemaGenerator::subschema_for::<T>));
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
        O::Login => reads::<login::Login>("A token for an address and a password.")
            .takes::<login::Credentials>(),
        O::Logout => reads::<login::Logout>("Ends the token."),
        O::Whoami => reads::<login::Whoami>("Whose the token is."),
        O::Download => reads::<download::Downloads>("Packs into a folder.")
            .takes::<download::Request>()
            .job(),
        O::Dependencies => {
            reads::<dependencies::Needs>("What packs need, and what of it is there.")
                .takes::<dependencies::Request>()
        }
        O::BuildEnvs => reads::<build_envs::Answer>("Python and Node.js environments.")
            .takes::<build_envs::Request>()
            .job(),
        O::RegisterBatch => reads::<register::Answer>("Packs of folders become active.")
            .takes::<register::Request>()
            .job(),
        O::Install => reads::<install::Installed>("A pack from a source, with what it needs.")
            .takes::<install::Install>()
            .job(),
        O::Register => reads::<install::Installed>("A pack of a folder.")
            .takes::<install::Register>()
            .job(),
        O::Upload => reads::<install::Installed>("A pack of an archive.")
            .takes_files::<upload::Request>()
            .job(),
        O::Update => reads::<update::Updated>("A pack to the newest version it may reach.")
            .takes::<update::Request>()
            .job(),
        O::Rollback => reads::<rollback::RolledBack>("A pack as it was before its last change.")
            .takes::<rollback::Request>()
            .job(),
        O::Test => reads::<mirrors::TestReport>("Runs the tests of an installed pack.")
            .takes::<test_runs::Request>()
            .job(),
        O::Tests => {
            reads::<Paged<test_runs::Summary>>("What the tests of a pack gave, newest first.")
                .asks(PAGES)
        }
        O::LatestTest => reads::<test_runs::Shown>("What the tests of a pack gave last."),
        O::ListJobs => {
            reads::<Paged<JobSummary>>("Requests that take a while, newest first.").asks(PAGES)
        }
        O::ShowJob => reads::<ShownJob>("How far a job is, or what came of it."),
        O::CancelJob => reads::<ShownJob>("Calls a job off."),
        O::JobEvents => answered("A job as it goes on.", Answer::Events),
        O::ListPacks => {
            reads::<Paged<packs::PackSummary>>("What is installed, by ref.").asks(BROWSE)
        }
        O::ShowPack => reads::<packs::InstalledPack>("An installed pack."),
        O::ChangePack => {
            reads::<packs::InstalledPack>("Configures a pack.").takes::<config::Request>()
        }
        O::ShowConfig => {
            reads::<config::PackConfig>("The configuration of a pack, with its secrets.")
        }
        O::Uninstall => reads::<packs::Uninstalled>("Removes a pack.")
            .asks(&["force", "purge"])
            .job(),
        O::Components => reads::<Paged<packs::Component>>("What a pack registered.").asks(&[
            "kind",
            "page",
            "page_size",
        ]),
        O::ListIndices => reads::<Paged<indices::Shown>>("Registries that are asked.").asks(PAGES),
        O::AddIndex => reads::<indices::Shown>("Adds a registry.").takes::<indices::New>(),
        O::ShowIndex => reads::<indices::Shown>("A registry."),
        O::ChangeIndex => {
            reads::<indices::Shown>("Changes a registry.").takes::<indices::Changes>()
        }
        O::RemoveIndex => reads::<indices::Done>("Removes a registry."),
        O::TestIndex => reads::<browse::Answered>("Whether a registry answers."),
        O::RefreshIndex => reads::<browse::Answered>("Asks a registry anew."),
        O::BrowseIndices => reads::<browse::IndexedPacks>("What registries list.").asks(&[
            "q",
            "registry_id",
            "include_disabled",
            "page",
            "page_size",
        ]),
        O::BrowseIndex => reads::<browse::IndexedPacks>("What a registry lists.").asks(BROWSE),
        O::FindIndexed => reads::<browse::IndexedPack>("What an installation would find."),
        O::CacheUsage => reads::<mirrors::Usage>("What the cache and the store cost."),
        O::PruneCache => reads::<cache::Removed>("Removes files that were not used.")
            .takes::<cache::Keep>()
            .job(),
        O::ClearCache => reads::<cache::Removed>("Removes every file of the cache.").job(),
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
            let place = value["$ref"].as_str().unwrap_or_default();
            if let Some(name) = place.strip_prefix("#/components/schemas/") {
                // Refs are described by the registry.
                assert!(name == "Ref" || schemas.contains_key(name), "{name}");
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
        let mut forms = Forms::new();
        let paths = paths(&mut forms);
        // One name, one form.
        let requests = forms.requests.definitions();
        let twice = |name: &&String| forms.answers.definitions().contains_key(*name);
        assert_eq!(requests.keys().find(twice), None);
        let schemas = forms.into_schemas();
        let numbered = |name: &&String| name.ends_with(|last: char| last.is_ascii_digit());
        assert_eq!(schemas.keys().find(numbered), None);
        check(&Value::Object(paths.clone()), &schemas);
        check(&Value::Object(schemas.clone()), &schemas);
        for (method, pattern, _, _) in &OPERATIONS {
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
