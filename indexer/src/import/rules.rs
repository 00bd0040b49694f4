//! Rules: a trigger, an action, and the criteria between them.

use serde_json::Value;

use super::components::{Read, Workbench, head, take_text};
use super::error::RefusedPack;
use super::names;
use super::note::NoteKind;
use super::values::Members;

/// Converts one rule.
pub(super) fn convert(bench: &mut Workbench<'_>, mut file: Read) -> Result<(), RefusedPack> {
    let Some(name) = bench.name("rules", &file, names::component, "name") else {
        return Ok(());
    };
    let mut members = head(bench.pack_ref, &name, &mut file.members, &["name", "pack"]);
    if !members.contains_key("enabled") {
        members.insert("enabled".to_owned(), false.into());
        let message = "a rule that does not say so is off in StackStorm: `enabled` is `false`";
        bench.notes.say(NoteKind::Changed, &file.path, message);
    }
    for (side, key) in [("trigger", "type"), ("action", "ref")] {
        let Some(Value::Object(mut inner)) = file.members.shift_remove(side) else {
            bench.leave_out(&file.path, format!("it names no {side}"));
            return Ok(());
        };
        let given = take_text(&mut inner, key).unwrap_or_default();
        let Some(reference) = names::reference(&given, bench.pack_ref) else {
            bench.leave_out(&file.path, format!("it names no {side}"));
            return Ok(());
        };
        say_reference(bench, &file.path, side, (&given, &reference));
        members.insert(format!("{side}_ref"), reference.into());
        if let Some(Value::Object(parameters)) = inner.shift_remove("parameters")
            && !parameters.is_empty()
        {
            members.insert(format!("{side}_params"), Value::Object(parameters));
        }
    }
    if let Some(Value::Object(criteria)) = file.members.get("criteria")
        && !criteria.is_empty()
    {
        let message = "its `criteria` are kept and have no effect; write them as `conditions`";
        bench.notes.say(NoteKind::Warning, &file.path, message);
    }
    let rest: Members = file.members;
    members.extend(rest);
    bench.put(&file.path, &members)
}

fn say_reference(
    bench: &mut Workbench<'_>,
    path: &str,
    side: &str,
    (given, reference): (&str, &str),
) {
    let shown = pack_format::text::printable(given);
    if given.starts_with("core.") {
        let message = format!("its {side} `{shown}` is StackStorm's own");
        bench.notes.say(NoteKind::Warning, path, message);
    }
    if given != reference {
        let message = format!("its {side} `{shown}` is `{reference}`");
        bench.notes.say(NoteKind::Renamed, path, message);
    }
}
