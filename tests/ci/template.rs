//! The steps in the templates.

use std::fs;

use serde_yaml::Value;

use crate::support::{installed, project};

/// The services there are templates for; each has a folder.
pub(crate) const SERVICES: [&str; 3] = ["github", "gitlab", "jenkins"];

/// Those whose pipelines can be run: all of them where the programs are that the steps use beside git.
pub(crate) fn runnable() -> Vec<&'static str> {
    if installed("curl") && installed("rsync") {
        SERVICES.to_vec()
    } else {
        Vec::new()
    }
}

/// One step of a template.
#[derive(Debug)]
pub(crate) enum Step {
    /// A shell script, with the job it belongs to and the variables the template gives it, unexpanded.
    Shell {
        job: String,
        script: String,
        variables: Vec<(String, String)>,
    },
    /// Something only the service can do.
    Outside(String),
}

/// Names of the templates of a service, sorted.
pub(crate) fn files(service: &str) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(project().join("templates/ci").join(service))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

pub(crate) fn text(service: &str, file: &str) -> String {
    fs::read_to_string(project().join("templates/ci").join(service).join(file)).unwrap()
}

pub(crate) fn yaml(service: &str, file: &str) -> Value {
    serde_yaml::from_str(&text(service, file)).unwrap_or_else(|e| panic!("{service}/{file}: {e}"))
}

/// All steps of a template, in the order they are run in.
pub(crate) fn steps(service: &str, file: &str) -> Vec<Step> {
    match service {
        "github" => github(&yaml(service, file)),
        "gitlab" => gitlab(&yaml(service, file)),
        _ => jenkins(&text(service, file)),
    }
}

fn github(workflow: &Value) -> Vec<Step> {
    let mut steps = Vec::new();
    for (job, definition) in workflow["jobs"].as_mapping().unwrap() {
        for step in definition["steps"].as_sequence().unwrap() {
            let mut variables = variables(&workflow["env"]);
            variables.extend(self::variables(&definition["env"]));
            variables.extend(self::variables(&step["env"]));
            let what = step["uses"].as_str().or(step["run"].as_str()).unwrap();
            if step["run"].is_null() || super::OUTSIDE.contains(&what) {
                steps.push(Step::Outside(what.to_owned()));
            } else {
                steps.push(Step::Shell {
                    job: job.as_str().unwrap().to_owned(),
                    script: what.to_owned(),
                    variables,
                });
            }
        }
    }
    steps
}

fn gitlab(pipeline: &Value) -> Vec<Step> {
    let stages = pipeline["stages"].as_sequence().unwrap();
    let mut steps = Vec::new();
    for stage in stages {
        for (job, definition) in pipeline.as_mapping().unwrap() {
            if definition.get("stage") != Some(stage) {
                continue;
            }
            let mut variables = variables(&pipeline["variables"]);
            variables.extend(self::variables(&definition["variables"]));
            let before = definition
                .get("before_script")
                .unwrap_or(&pipeline["default"]["before_script"]);
            let lines = before
                .as_sequence()
                .into_iter()
                .chain(definition["script"].as_sequence());
            let lines = lines.flatten().map(|line| line.as_str().unwrap());
            let (outside, script): (Vec<&str>, Vec<&str>) =
                lines.partition(|line| super::OUTSIDE.contains(line));
            steps.extend(
                outside
                    .into_iter()
                    .map(|line| Step::Outside(line.to_owned())),
            );
            // The service runs all lines of a job in one shell.
            steps.push(Step::Shell {
                job: job.as_str().unwrap().to_owned(),
                script: script.join("\n"),
                variables,
            });
        }
    }
    steps
}

fn variables(mapping: &Value) -> Vec<(String, String)> {
    let pairs = mapping.as_mapping().into_iter().flatten();
    pairs
        .map(|(name, value)| {
            let value = value.as_str().unwrap().to_owned();
            (name.as_str().unwrap().to_owned(), value)
        })
        .collect()
}

/// Blocks of a declarative pipeline whose lines are settings, not steps.
const SETTINGS: [&str; 5] = ["options", "when", "triggers", "environment", "parameters"];

/// Reads a declarative pipeline: blocks, one a line; `sh '…'` and `sh '''…'''`; settings; everything else is outside.
fn jenkins(text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut blocks: Vec<String> = Vec::new();
    let mut scopes: Vec<(usize, (String, String))> = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let line = line.split(" // ").next().unwrap().trim();
        if line.starts_with("agent {") && line.ends_with('}') {
            continue;
        }
        if line == "}" || line == "]) {" {
            let closed = blocks.pop().unwrap();
            if line == "]) {" {
                blocks.push("withCredentials".to_owned());
            } else if closed != "environment" {
                scopes.retain(|(depth, _)| *depth < blocks.len());
            }
        } else if let Some(block) = line.strip_suffix(" {") {
            blocks.push(block.to_owned());
        } else if line == "withCredentials([" {
            blocks.push("[".to_owned());
        } else if blocks.last().is_some_and(|b| b == "environment") {
            let (name, value) = line.split_once(" = ").unwrap();
            let value = value.trim_matches('\'').to_owned();
            // They hold in the block around.
            scopes.push((blocks.len() - 2, (name.to_owned(), value)));
        } else if let Some(script) = line.strip_prefix("sh ") {
            steps.push(Step::Shell {
                job: blocks
                    .iter()
                    .rfind(|b| b.starts_with("stage("))
                    .unwrap()
                    .clone(),
                script: literal(script, &mut lines),
                variables: scopes.iter().map(|(_, pair)| pair.clone()).collect(),
            });
        } else if blocks
            .last()
            .is_some_and(|b| b == "steps" || b == "withCredentials")
        {
            steps.push(Step::Outside(line.to_owned()));
        } else {
            let inside = |block: &String| block == "[" || SETTINGS.contains(&block.as_str());
            assert!(
                line.starts_with("agent ") || blocks.iter().any(inside),
                "`{line}` is no line of a pipeline this test knows"
            );
        }
    }
    assert!(blocks.is_empty(), "blocks are left open: {blocks:?}");
    steps
}

/// The text between the quotes that `first` begins with; three of them go on over more lines.
fn literal<'a>(first: &str, lines: &mut impl Iterator<Item = &'a str>) -> String {
    if first == "'''" {
        let block: Vec<&str> = lines.take_while(|line| *line != "'''").collect();
        return block.join("\n");
    }
    let inner = first
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    inner.unwrap().to_owned()
}
