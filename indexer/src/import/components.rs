//! Component files: actions, sensors with the triggers written into them, triggers and rules.
//!
//! Each file keeps its path; what it says is said in our words. A file that cannot be converted is left out
//! with the reason, as StackStorm would not register it either.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::PackRef;
use pack_format::yaml::Node;
use serde_json::Value;

use super::error::RefusedPack;
use super::names;
use super::note::{NoteKind, Notes};
use super::pack::put;
use super::rules;
use super::source::Files;
use super::values::{self, Members};

/// A component file, read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) path: String,
    pub(super) members: Members,
}

/// What the files of one directory are made into.
pub(super) struct Workbench<'a> {
    pub(super) pack_ref: &'a PackRef,
    pub(super) files: &'a mut Files,
    pub(super) notes: &'a mut Notes,
    /// Names taken so far, by directory.
    taken: BTreeSet<(&'static str, String)>,
}

/// Converts all component files of a pack.
pub(super) fn convert(
    pack_ref: &PackRef,
    files: &mut Files,
    notes: &mut Notes,
) -> Result<(), RefusedPack> {
    let mut bench = Workbench {
        pack_ref,
        files,
        notes,
        taken: BTreeSet::new(),
    };
    let mut runners = BTreeMap::new();
    for file in bench.read("actions") {
        bench.action(file, &mut runners)?;
    }
    say_runners(&runners, bench.notes);
    for file in bench.read("triggers") {
        bench.trigger(file)?;
    }
    for file in bench.read("sensors") {
        bench.sensor(file)?;
    }
    for file in bench.read("rules") {
        rules::convert(&mut bench, file)?;
    }
    scripts(bench.files, bench.notes);
    Ok(())
}

/// The runners of StackStorm and ours that do the same.
fn runner(theirs: &str) -> Option<&'static str> {
    match theirs {
        "python-script" | "run-python" => Some("python"),
        "local-shell-script" | "run-local-script" => Some("shell"),
        _ => None,
    }
}

/// The runners whose entry point is a definition of tasks.
fn is_workflow(theirs: &str) -> bool {
    matches!(
        theirs,
        "orquesta" | "action-chain" | "mistral-v2" | "mistral"
    )
}

impl Workbench<'_> {
    /// The component files of a directory that hold a mapping; the others are left out.
    fn read(&mut self, directory: &str) -> Vec<Read> {
        let prefix = format!("{directory}/");
        let is_component = |path: &&String| {
            path.strip_prefix(&prefix).is_some_and(|name| {
                // Case counts, as for builds.
                !name.contains('/') && matches!(extension(name), "yaml" | "yml")
            })
        };
        let paths: Vec<String> = self.files.keys().filter(is_component).cloned().collect();
        let mut read = Vec::new();
        for path in paths {
            let Some(file) = self.files.get(&path) else {
                continue;
            };
            let reason = match Node::parse(&path, &file.bytes) {
                Ok(node) if node.is_mapping() => match values::value(&node) {
                    Ok(Value::Object(members)) => {
                        read.push(Read { path, members });
                        continue;
                    }
                    Ok(_) => "it is not a mapping".to_owned(),
                    Err(line) => format!("line {line}: a number is not finite"),
                },
                Ok(node) if node.is_null() => "it is empty".to_owned(),
                Ok(node) => format!("it is {}, not a mapping", node.describe()),
                Err(error) => error.to_string(),
            };
            self.leave_out(&path, reason);
        }
        read
    }

    /// Takes a file out.
    pub(super) fn leave_out(&mut self, path: &str, reason: String) {
        self.notes.say(NoteKind::LeftOut, path, reason);
        self.files.remove(path);
    }

    /// Replaces a file by a mapping.
    pub(super) fn put(&mut self, path: &str, members: &Members) -> Result<(), RefusedPack> {
        put(self.files, path, members)
    }

    /// The valid name of a component, which nothing else of its kind has; `None` leaves the file out.
    pub(super) fn name(
        &mut self,
        kind: &'static str,
        file: &Read,
        valid: fn(&str) -> Option<String>,
        field: &str,
    ) -> Option<String> {
        let given = given_name(file, field);
        let Some(name) = valid(&given) else {
            let shown = pack_format::text::printable(&given);
            self.leave_out(&file.path, format!("`{shown}` cannot be made a name"));
            return None;
        };
        if !self.taken.insert((kind, name.clone())) {
            let message = format!("another file of `{kind}` has the name `{name}`");
            self.leave_out(&file.path, message);
            return None;
        }
        if name != given {
            let shown = pack_format::text::printable(&given);
            let message = format!("`{shown}` is `{}.{name}`", self.pack_ref);
            self.notes.say(NoteKind::Renamed, &file.path, message);
        }
        Some(name)
    }

    fn action(
        &mut self,
        mut file: Read,
        runners: &mut BTreeMap<String, Vec<String>>,
    ) -> Result<(), RefusedPack> {
        let Some(name) = self.name("actions", &file, names::component, "name") else {
            return Ok(());
        };
        let mut members = head(self.pack_ref, &name, &mut file.members, &["name", "pack"]);
        let theirs = take_text(&mut file.members, "runner_type");
        let entry_point = take_text(&mut file.members, "entry_point");
        let mut definition = None;
        match theirs.as_deref() {
            None => {
                let message = "it has no `runner_type`; here that is `shell`";
                self.notes.say(NoteKind::Warning, &file.path, message);
            }
            Some(theirs) if is_workflow(theirs) => {
                definition.clone_from(&entry_point);
                runners.entry(theirs.to_owned()).or_default().push(name);
            }
            Some(theirs) => {
                let ours = runner(theirs);
                members.insert("runner_type".to_owned(), ours.unwrap_or(theirs).into());
                runners.entry(theirs.to_owned()).or_default().push(name);
            }
        }
        if let Some(path) = definition {
            if let Err(reason) = self.definition(&path) {
                self.leave_out(&file.path, reason);
                return Ok(());
            }
            members.insert("workflow_file".to_owned(), path.into());
        } else if let Some(entry_point) = entry_point {
            members.insert("entry_point".to_owned(), entry_point.into());
        }
        members.extend(file.members);
        self.put(&file.path, &members)
    }

    /// Whether the definition of a workflow can be read, if it is there.
    fn definition(&self, path: &str) -> Result<(), String> {
        let path = format!("actions/{path}");
        match self.files.get(&path) {
            Some(file) => match Node::parse(&path, &file.bytes) {
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            },
            None => Ok(()),
        }
    }

    fn trigger(&mut self, mut file: Read) -> Result<(), RefusedPack> {
        let Some(name) = self.name("triggers", &file, names::component, "name") else {
            return Ok(());
        };
        let mut members = head(self.pack_ref, &name, &mut file.members, &["name", "pack"]);
        members.extend(file.members);
        self.put(&file.path, &members)
    }

    fn sensor(&mut self, mut file: Read) -> Result<(), RefusedPack> {
        let Some(name) = self.name("sensors", &file, names::of_class, "class_name") else {
            return Ok(());
        };
        let label = file.members.get("class_name").cloned();
        let mut members = head(self.pack_ref, &name, &mut file.members, &["name", "pack"]);
        if let Some(label) = label {
            members.insert("label".to_owned(), label);
        }
        members.insert("runner_type".to_owned(), "python".into());
        let mut emitted = Vec::new();
        if let Some(Value::Array(types)) = file.members.shift_remove("trigger_types") {
            for trigger in types {
                let reference = match trigger {
                    Value::String(text) => names::reference(&text, self.pack_ref),
                    Value::Object(trigger) => self.embedded(&file.path, trigger)?,
                    _ => None,
                };
                emitted.extend(reference);
            }
        }
        if !emitted.is_empty() {
            members.insert("trigger_types".to_owned(), emitted.into());
        }
        members.extend(file.members);
        self.put(&file.path, &members)
    }

    /// A trigger that is written into a sensor, as a file of its own; returns its ref.
    fn embedded(
        &mut self,
        sensor: &str,
        mut trigger: Members,
    ) -> Result<Option<String>, RefusedPack> {
        let given = take_text(&mut trigger, "name").unwrap_or_default();
        let Some(name) = names::component(&given) else {
            let shown = pack_format::text::printable(&given);
            let message = format!("the trigger `{shown}`: it cannot be made a name");
            self.notes.say(NoteKind::LeftOut, sensor, message);
            return Ok(None);
        };
        let reference = format!("{}.{name}", self.pack_ref);
        let path = format!("triggers/{name}.yaml");
        let mut members = head(self.pack_ref, &name, &mut trigger, &["pack"]);
        members.extend(trigger);
        let before = self.files.get(&path).cloned();
        if before.is_some() || !self.taken.insert(("triggers", name.clone())) {
            let again = values::to_yaml(&members).ok();
            if before.map(|file| file.bytes) != again {
                let message =
                    format!("the trigger `{name}` is described elsewhere too; that one counts");
                self.notes.say(NoteKind::Warning, sensor, message);
            }
            return Ok(Some(reference));
        }
        if name == given {
            self.notes.say(
                NoteKind::Changed,
                sensor,
                format!("the trigger `{name}` is `{path}`"),
            );
        } else {
            let shown = pack_format::text::printable(&given);
            let message = format!("the trigger `{shown}` is `{reference}` in `{path}`");
            self.notes.say(NoteKind::Renamed, sensor, message);
        }
        self.put(&path, &members)?;
        Ok(Some(reference))
    }
}

/// `field` of a file, else `name`, else the file's stem.
fn given_name(file: &Read, field: &str) -> String {
    let base = file.path.rsplit('/').next().unwrap_or(&file.path);
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    [field, "name"]
        .into_iter()
        .find_map(|key| file.members.get(key)?.as_str())
        .filter(|name| !name.trim().is_empty())
        .unwrap_or(stem)
        .trim()
        .to_owned()
}

/// The first members of a converted component; `gone` and what is in them leave `members`.
pub(super) fn head(
    pack_ref: &PackRef,
    name: &str,
    members: &mut Members,
    gone: &[&str],
) -> Members {
    for member in gone.iter().chain(&["ref"]) {
        members.shift_remove(*member);
    }
    let mut head = Members::new();
    head.insert("ref".to_owned(), format!("{pack_ref}.{name}").into());
    for member in ["description", "enabled"] {
        match members.shift_remove(member) {
            None | Some(Value::Null) => {}
            Some(Value::Bool(value)) => {
                head.insert(member.to_owned(), value.into());
            }
            Some(Value::String(text)) => {
                head.insert(member.to_owned(), text.trim().into());
            }
            // A description such as `1.0` is text.
            Some(other) => {
                head.insert(member.to_owned(), other.to_string().into());
            }
        }
    }
    head
}

/// What follows the last dot.
fn extension(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, extension)| extension)
}

/// Takes a text out of a mapping.
pub(super) fn take_text(members: &mut Members, key: &str) -> Option<String> {
    match members.shift_remove(key)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// One note per runner: what it became, and what does not work yet.
fn say_runners(runners: &BTreeMap<String, Vec<String>>, notes: &mut Notes) {
    for (theirs, actions) in runners {
        let shown = pack_format::text::printable(theirs);
        let subject = format!("runner_type {shown}");
        let list = actions.join(", ");
        match runner(theirs) {
            Some(ours) => {
                notes.say(
                    NoteKind::Changed,
                    &subject,
                    format!("it is `{ours}`: {list}"),
                );
            }
            None if is_workflow(theirs) => notes.say(
                NoteKind::Warning,
                &subject,
                format!("listed as workflows; their definitions are not translated: {list}"),
            ),
            None => notes.say(
                NoteKind::Warning,
                &subject,
                format!("there is no such runner; kept as it is: {list}"),
            ),
        }
        if matches!(theirs.as_str(), "local-shell-script" | "run-local-script") {
            notes.say(
                NoteKind::Warning,
                &subject,
                "StackStorm gives parameters on the command line, here they come on stdin",
            );
        }
    }
}

/// Says which scripts use StackStorm's own libraries.
fn scripts(files: &Files, notes: &mut Notes) {
    let uses = |bytes: &[u8]| {
        ["st2common", "st2reactor", "st2client"]
            .iter()
            .any(|library| {
                bytes
                    .windows(library.len())
                    .any(|window| window == library.as_bytes())
            })
    };
    let found = files
        .iter()
        .filter(|(path, file)| extension(path) == "py" && uses(&file.bytes));
    let count = found.count();
    if count > 0 {
        let message = format!("{count} of them use StackStorm's libraries and must be ported");
        notes.say(NoteKind::Warning, "scripts", message);
    }
}
