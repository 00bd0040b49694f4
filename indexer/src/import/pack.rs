//! One pack: read, converted, and read again as a build would read it.

use std::path::Path;

use pack_archive::Gate;
use pack_format::yaml::Node;
use pack_format::{Limits, PackRef, Version};

use super::components;
use super::error::RefusedPack;
use super::manifest;
use super::note::{Note, NoteKind, Notes};
use super::source::{self, File, Files, Place};
use super::values::{self, Members};
use crate::contents::Contents;
use crate::inputs::MANIFEST;
use crate::pack::PackError;

/// A pack in our format, not yet written.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) pack_ref: PackRef,
    pub(super) version: Version,
    pub(super) files: Files,
    pub(super) notes: Vec<Note>,
}

/// Directories of things that have no counterpart, and what they are.
const NOT_IMPORTED: [(&str, &str); 2] = [
    ("aliases", "chat commands have no counterpart"),
    ("policies", "its policies are of another kind"),
];

/// Converts the pack at `place`.
pub(super) fn convert(place: &Place) -> Result<Converted, RefusedPack> {
    let source = source::read(place)?;
    let mut files = source.files;
    let name = format!("{}/{MANIFEST}", place.path().display());
    let bytes = match files.get(MANIFEST) {
        Some(file) => &file.bytes,
        None => return Err(RefusedPack::NoManifest(place.path().to_owned())),
    };
    let node = Node::parse(&name, bytes)?;
    let mut notes = Notes::default();
    if manifest::is_ours(&node) {
        notes.say(
            NoteKind::Changed,
            MANIFEST,
            "copied as it is: it is a pack of this format already",
        );
        return checked(place.path(), files, notes);
    }
    leave_out(&mut files, &mut notes);
    let schema = config_schema(place.path(), &files, &mut notes);
    let repository = source.repository.as_deref();
    let converted = manifest::convert(&name, &node, &files, (schema, repository), &mut notes)?;
    components::convert(&converted.pack_ref, &mut files, &mut notes)?;
    put(&mut files, MANIFEST, &converted.members)?;
    checked(place.path(), files, notes)
}

/// Writes a converted mapping in the place of a file.
pub(super) fn put(files: &mut Files, path: &str, members: &Members) -> Result<(), RefusedPack> {
    let bytes = values::to_yaml(members).map_err(|source| RefusedPack::Yaml {
        path: path.to_owned(),
        source,
    })?;
    let file = File {
        executable: false,
        bytes,
    };
    files.insert(path.to_owned(), file);
    Ok(())
}

/// Takes out what is not imported, and says so.
fn leave_out(files: &mut Files, notes: &mut Notes) {
    for (directory, reason) in NOT_IMPORTED {
        let prefix = format!("{directory}/");
        let found: Vec<String> = files
            .keys()
            .filter(|path| path.starts_with(&prefix))
            .cloned()
            .collect();
        for path in found {
            notes.say(NoteKind::LeftOut, &path, reason);
            files.remove(&path);
        }
    }
    let rules: Vec<String> = files
        .keys()
        .filter(|path| path.rsplit('/').next() == Some(".gitignore"))
        .cloned()
        .collect();
    for path in rules {
        let message = "outside git it would hide files that git tracks";
        notes.say(NoteKind::LeftOut, &path, message);
        files.remove(&path);
    }
}

/// What `config.schema.yaml` says; the file itself stays.
fn config_schema(place: &Path, files: &Files, notes: &mut Notes) -> Option<Members> {
    const SCHEMA: &str = "config.schema.yaml";
    let file = files.get(SCHEMA)?;
    let name = format!("{}/{SCHEMA}", place.display());
    let reason = match Node::parse(&name, &file.bytes) {
        Ok(node) if node.is_null() => return None,
        Ok(node) => match values::value(&node) {
            Ok(serde_json::Value::Object(members)) => {
                notes.say(
                    NoteKind::Changed,
                    SCHEMA,
                    "it is `conf_schema` of `pack.yaml`",
                );
                return Some(members);
            }
            Ok(_) => format!("it is {}, not a mapping", node.describe()),
            Err(line) => format!("line {line} holds a number that is not finite"),
        },
        Err(error) => error.to_string(),
    };
    let message = format!("the pack has no `conf_schema`: {reason}");
    notes.say(NoteKind::Warning, SCHEMA, message);
    None
}

/// Reads the result with the eyes of a build.
fn checked(place: &Path, files: Files, notes: Notes) -> Result<Converted, RefusedPack> {
    let mut gate = Gate::new(&Limits::default());
    for (path, file) in &files {
        gate.admit_file(path.as_bytes(), file.bytes.len() as u64)
            .map_err(|refusal| PackError::Contents {
                directory: place.to_owned(),
                source: refusal.into(),
            })?;
    }
    let members = files
        .iter()
        .map(|(path, file)| (path.as_str(), file.executable, file.bytes.as_slice()));
    let contents = Contents::of_members(members);
    let (manifest, _) = contents.metadata(place)?;
    Ok(Converted {
        pack_ref: manifest.pack_ref,
        version: manifest.version,
        files,
        notes: notes.into_vec(),
    })
}
