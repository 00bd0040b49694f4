//! One pack of an index: what it says, as a document with one version.

use std::collections::BTreeSet;
use std::path::Path;

use pack_format::documents::{Component, Components, FORMAT, PackDocument, VersionDocument};
use pack_format::entry::Dependencies;
use pack_format::source::InstallSource;
use pack_format::text::printable;
use pack_format::url_policy::UrlPolicy;
use pack_format::{Timestamp, Version};
use serde_json::Value;

use crate::import::names;
use crate::import::note::{Note, NoteKind};
use crate::import::version::{self, Dependency};
use crate::import::{ImportedPack, Outcome};

/// The verdict on a pack nobody has looked at yet.
pub(super) fn verdict(index: &Path, name: &str) -> ImportedPack {
    ImportedPack {
        source: index.join(name),
        pack_ref: None,
        version: None,
        result: Outcome::Imported,
        directory: None,
        reason: None,
        hint: None,
        notes: Vec::new(),
    }
}

/// Turns a verdict into a refusal.
pub(super) fn refuse(verdict: &mut ImportedPack, reason: String) {
    verdict.result = Outcome::Refused;
    verdict.reason = Some(reason);
}

/// The document of a pack; what was changed is noted in `verdict`.
pub(super) fn document(
    name: &str,
    value: &Value,
    made: Timestamp,
    verdict: &mut ImportedPack,
) -> Result<PackDocument, String> {
    if !value.is_object() {
        return Err("it is not an object".to_owned());
    }
    let mut reader = Reader {
        value,
        notes: &mut verdict.notes,
    };
    let given = reader.text("ref").or_else(|| reader.text("name"));
    let given = given.unwrap_or_else(|| name.to_owned());
    let pack_ref = names::pack_ref(&given)
        .ok_or_else(|| format!("`{}` cannot be made a pack ref", printable(&given)))?;
    if reader.text("ref").is_none() {
        let message = format!("there is none; `{pack_ref}`, by the name");
        reader.say(NoteKind::Changed, "ref", message);
    }
    if pack_ref.as_str() != given {
        let message = format!("`{}` is the ref `{pack_ref}`", printable(&given));
        reader.say(NoteKind::Renamed, "ref", message);
    }
    verdict.pack_ref = Some(pack_ref.to_string());
    let (version, document) = reader.version_document(&given, made)?;
    verdict.version = Some(version);
    Ok(PackDocument {
        format: FORMAT,
        pack_ref,
        deprecated: None,
        owners: Vec::new(),
        downloads: None,
        versions: vec![document],
    })
}

struct Reader<'a> {
    value: &'a Value,
    notes: &'a mut Vec<Note>,
}

impl Reader<'_> {
    fn say(&mut self, kind: NoteKind, subject: &str, message: String) {
        self.notes.push(Note {
            kind,
            subject: subject.to_owned(),
            message,
        });
    }

    /// A text; numbers count as their text, blank ones as none.
    fn text(&self, key: &str) -> Option<String> {
        text(self.value.get(key)?)
    }

    fn texts(&self, key: &str) -> Vec<String> {
        let items = self.value.get(key).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(text).collect()
    }

    fn version_document(
        &mut self,
        name: &str,
        made: Timestamp,
    ) -> Result<(String, VersionDocument), String> {
        let given = self.text("version").ok_or("it has no `version`")?;
        let version = version::filled(&given)
            .ok_or_else(|| format!("`{}` is not a SemVer version", printable(&given)))?;
        if version.to_string() != given {
            let message = format!("`{}` is written `{version}`", printable(&given));
            self.say(NoteKind::Changed, "version", message);
        }
        let keywords: BTreeSet<String> = self.texts("keywords").into_iter().collect();
        let repository = self.text("repo_url");
        let install_sources = self.source(repository.as_deref(), &version);
        let dependencies = self.dependencies();
        Ok((
            version.to_string(),
            VersionDocument {
                published_at: made,
                published_by: None,
                yanked: None,
                taken_down: None,
                label: self.text("name").unwrap_or_else(|| name.to_owned()),
                description: self.text("description").unwrap_or_default(),
                use_case: None,
                author: self.text("author").unwrap_or_else(|| "Unknown".to_owned()),
                email: self.text("email"),
                license: "NOASSERTION".to_owned(),
                homepage: None,
                repository,
                keywords: keywords.into_iter().collect(),
                runtime_deps: Vec::new(),
                dependencies,
                python: version::oldest_python(&self.texts("python_versions")),
                nodejs: None,
                archive: None,
                icon: None,
                install_sources,
                given_sources: Vec::new(),
                patches: Vec::new(),
                tree: None,
                store_key: None,
                file_count: 0,
                unpacked_bytes: 0,
                components: self.components(),
                configuration: Vec::new(),
                meta: self.meta(),
                version,
            },
        ))
    }

    /// The repository at the tag that the Exchange gives its versions.
    fn source(&mut self, repository: Option<&str>, version: &Version) -> Vec<InstallSource> {
        let Some(url) = repository else {
            let message = "there is none: nobody can tell where the pack is".to_owned();
            self.say(NoteKind::Warning, "repo_url", message);
            return Vec::new();
        };
        match UrlPolicy::PUBLIC.check(url) {
            Ok(url) => vec![InstallSource::Git {
                url,
                git_ref: format!("v{version}").parse().ok(),
                checksum: None,
                subdir: None,
            }],
            Err(error) => {
                self.say(NoteKind::LeftOut, "repo_url", error.to_string());
                Vec::new()
            }
        }
    }

    fn dependencies(&mut self) -> Option<Dependencies> {
        let mut packs = Vec::new();
        for given in self.texts("dependencies") {
            let dependency =
                version::dependency(&given).and_then(|d: Dependency| d.text.parse().ok());
            if let Some(dependency) = dependency {
                packs.push(dependency);
            } else {
                let message = format!("`{}` names no pack and version", printable(&given));
                self.say(NoteKind::LeftOut, "dependencies", message);
            }
        }
        (!packs.is_empty()).then(|| Dependencies {
            packs,
            ..Dependencies::default()
        })
    }

    /// Names of components; an index has no more of them.
    fn components(&mut self) -> Components {
        let mut lists: [Vec<Component>; 4] = Default::default();
        for (list, kind) in lists
            .iter_mut()
            .zip(["actions", "sensors", "triggers", "rules"])
        {
            let resources = self
                .value
                .pointer(&format!("/content/{kind}/resources"))
                .and_then(Value::as_array);
            let mut found = BTreeSet::new();
            for given in resources.into_iter().flatten().filter_map(text) {
                let valid = if kind == "sensors" {
                    names::of_class(&given)
                } else {
                    names::component(&given)
                };
                match valid {
                    Some(name) if name == given => {
                        found.insert(name);
                    }
                    Some(name) => {
                        let message = format!("`{}` is `{name}`", printable(&given));
                        self.say(NoteKind::Renamed, kind, message);
                        found.insert(name);
                    }
                    None => {
                        let message = format!("`{}` cannot be made a name", printable(&given));
                        self.say(NoteKind::LeftOut, kind, message);
                    }
                }
            }
            list.extend(found.into_iter().map(|name| Component {
                name,
                ..Component::default()
            }));
        }
        for kind in ["aliases", "policies"] {
            let count = self.value.pointer(&format!("/content/{kind}/count"));
            if let Some(count) = count.and_then(Value::as_u64).filter(|count| *count > 0) {
                self.say(
                    NoteKind::LeftOut,
                    kind,
                    format!("{count}: they have no counterpart"),
                );
            }
        }
        let [actions, sensors, triggers, rules] = lists;
        Components {
            actions,
            sensors,
            triggers,
            rules,
            workflows: Vec::new(),
        }
    }

    /// What has no word of ours, and the other versions in their true order.
    fn meta(&mut self) -> std::collections::BTreeMap<String, Value> {
        let mut meta = std::collections::BTreeMap::new();
        for key in ["stackstorm_version", "python_versions", "contributors"] {
            if let Some(value) = self.value.get(key).filter(|value| !value.is_null()) {
                meta.insert(key.to_owned(), value.clone());
            }
        }
        let given = self.texts("versions");
        let mut versions: Vec<Version> = given.iter().filter_map(|v| version::filled(v)).collect();
        versions.sort_by(|a, b| b.cmp(a));
        let sorted: Vec<String> = versions.iter().map(ToString::to_string).collect();
        if sorted != given && !sorted.is_empty() {
            let message = "they are sorted by SemVer, not as texts".to_owned();
            self.say(NoteKind::Changed, "versions", message);
        }
        if !sorted.is_empty() {
            meta.insert("stackstorm_versions".to_owned(), sorted.into());
        }
        meta
    }
}

fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}
