//! `index.json`: the rules of format 1, and that it says what the documents say.

use std::collections::{BTreeMap, BTreeSet};

use pack_check::Diagnostic;
use pack_format::documents::PackDocument;
use pack_format::entry::IndexEntry;
use pack_format::index::{self, IndexError, Root};
use pack_format::source::InstallSource;
use pack_format::{PackRef, Timestamp, Version};
use rayon::prelude::*;
use registry_tree::assemble;
use serde_json::Value;
use serde_json::value::RawValue;

use super::archive::{Promise, limit};
use super::context::{Context, count};
use super::rules;
use super::tree::{Unlisted, dependency};
use crate::index_file::{SOURCES, broken_rules, is_for_development};

/// Members every entry has.
const REQUIRED: [&str; 10] = [
    "ref",
    "label",
    "description",
    "version",
    "author",
    "license",
    "keywords",
    "runtime_deps",
    "install_sources",
    "contents",
];
/// Members of `contents`.
const KINDS: [&str; 5] = ["actions", "sensors", "triggers", "rules", "workflows"];

/// The entries of an index, each still as text.
pub(super) struct Entries<'a> {
    file: &'a str,
    text: &'a str,
    /// Base of archive URLs.
    base_url: String,
    pub(super) last_updated: Option<Timestamp>,
    by_ref: BTreeMap<PackRef, &'a str>,
}

impl<'a> Entries<'a> {
    /// Reads an index and checks it by itself; `None` if it is none.
    pub(super) fn read(context: &Context<'_>, file: &'a str, bytes: &'a [u8]) -> Option<Self> {
        let invalid = |error: &IndexError| {
            let line = match error {
                IndexError::Json(e) => Some(e.line()),
                _ => None,
            };
            let found = Diagnostic::new(rules::INDEX_INVALID, file, error.to_string());
            context.add(Diagnostic { line, ..found });
        };
        let text = index::safe_text(bytes).map_err(|e| invalid(&e)).ok()?;
        let root = Root::read(text).map_err(|e| invalid(&e)).ok()?;
        root_rules(context, file, &root);
        let raw: Vec<&'a str> = root.entries().collect();
        let mut entries = Self {
            file,
            text,
            base_url: root.registry_url.clone().unwrap_or_default(),
            last_updated: root.last_updated.as_deref().and_then(index::read_time),
            by_ref: BTreeMap::new(),
        };
        let read: Vec<(Option<PackRef>, bool)> = raw
            .par_iter()
            .map(|json| entries.check_entry(context, json))
            .collect();
        let development = read.iter().any(|(_, development)| *development);
        let plain = root.registry_url.as_deref().is_some_and(is_loopback_http);
        if development || plain {
            context.add(
                Diagnostic::new(
                    rules::INDEX_DEVELOPMENT,
                    file,
                    "its addresses are on this machine: it is for development",
                )
                .with_hint("build with `--base-url` before you publish it"),
            );
        }
        for (pair, json) in read.windows(2).zip(raw.iter().skip(1)) {
            let [(Some(first), _), (Some(second), _)] = pair else {
                continue;
            };
            let message = match first.cmp(second) {
                std::cmp::Ordering::Less => continue,
                std::cmp::Ordering::Equal => format!("`{first}` is listed twice"),
                std::cmp::Ordering::Greater => {
                    format!("`{first}` stands before `{second}`")
                }
            };
            let found = Diagnostic::new(rules::INDEX_ORDER, file, message);
            context.add(found.at(entries.line(json)));
        }
        for ((pack_ref, _), json) in read.into_iter().zip(raw) {
            if let Some(pack_ref) = pack_ref {
                entries.by_ref.entry(pack_ref).or_insert(json);
            }
        }
        Some(entries)
    }

    /// Line of the file, from 1, where the text of an entry begins.
    fn line(&self, json: &str) -> usize {
        let offset = (json.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        memchr::memchr_iter(b'\n', before).count() + 1
    }

    /// Checks one entry; its ref, and whether it is for development.
    fn check_entry(&self, context: &Context<'_>, json: &str) -> (Option<PackRef>, bool) {
        let name = index::name_of(json);
        let broken = |field: &str, message: String| {
            let field = if field.is_empty() {
                format!("packs.{name}")
            } else {
                format!("packs.{name}.{field}")
            };
            context.add(
                Diagnostic::new(rules::INDEX_ENTRY, self.file, message)
                    .at(self.line(json))
                    .in_field(&field),
            );
        };
        for missing in missing_members(json) {
            broken(&missing, "it is missing".to_owned());
        }
        let mut mended = Vec::new();
        let entry = match index::entry(json, SOURCES, &mut |mend| mended.push(mend)) {
            Ok(entry) => entry,
            Err(reason) => {
                broken("", reason);
                return (None, false);
            }
        };
        for mend in mended {
            broken("", mend.to_string());
        }
        for rule in broken_rules(&entry) {
            broken("", rule);
        }
        (Some(entry.pack_ref.clone()), is_for_development(&entry))
    }

    /// Checks that the index says of a pack what its document says.
    pub(super) fn compare(&self, context: &Context<'_>, document: &PackDocument) {
        let pack_ref = &document.pack_ref;
        let json = self.by_ref.get(pack_ref);
        let differs = |line: Option<usize>, field: String, message: String| {
            let found = Diagnostic::new(rules::INDEX_DIFFERS, self.file, message)
                .in_field(&field)
                .with_hint("build the tree again");
            context.add(Diagnostic { line, ..found });
        };
        let field = format!("packs.{pack_ref}");
        match (assemble::entry_of(document, &self.base_url), json) {
            (Ok(expected), Some(json)) => {
                let Ok(found) = index::entry(json, SOURCES, &mut |_| {}) else {
                    return;
                };
                for member in different_members(&expected, &found) {
                    let (expected, found) = (member.expected, member.found);
                    differs(
                        Some(self.line(json)),
                        format!("{field}.{}", member.name),
                        format!(
                            "the document says something else\n  expected  {expected}\n  found     {found}"
                        ),
                    );
                }
            }
            (Ok(expected), None) => differs(
                None,
                field,
                format!(
                    "it is not listed, and has the stable version {}",
                    expected.version
                ),
            ),
            (Err(reason), Some(json)) => differs(
                Some(self.line(json)),
                field,
                format!("it should not be listed: {reason}"),
            ),
            (Err(_), None) => {}
        }
    }

    /// Checks that every entry is of a pack that `lists`.
    pub(super) fn only_listed(&self, context: &Context<'_>, lists: impl Fn(&PackRef) -> bool) {
        for (pack_ref, json) in self.by_ref.iter().filter(|(r, _)| !lists(r)) {
            context.add(
                Diagnostic::new(
                    rules::INDEX_DIFFERS,
                    self.file,
                    "`packs.json` does not list it",
                )
                .at(self.line(json))
                .in_field(&format!("packs.{pack_ref}")),
            );
        }
    }
}

fn is_loopback_http(url: &str) -> bool {
    url.starts_with("http://") && SOURCES.check(url).is_ok()
}

fn root_rules(context: &Context<'_>, file: &str, root: &Root<'_>) {
    let broken = |field: &str, message: String| {
        context.add(Diagnostic::new(rules::INDEX_ROOT, file, message).in_field(field));
    };
    let members = [
        ("registry_name", &root.registry_name),
        ("registry_url", &root.registry_url),
        ("version", &root.version),
        ("last_updated", &root.last_updated),
    ];
    for (name, value) in members {
        match value.as_deref() {
            None => broken(name, "it is missing".to_owned()),
            Some(text) if text.trim().is_empty() => broken(name, "it is empty".to_owned()),
            Some(_) => {}
        }
    }
    if let Some(url) = root.registry_url.as_deref().filter(|url| !url.is_empty())
        && let Err(reason) = SOURCES.check(url)
    {
        broken("registry_url", format!("`{url}` {reason}"));
    }
    if let Some(time) = root.last_updated.as_deref().filter(|time| !time.is_empty())
        && time.parse::<Timestamp>().is_err()
    {
        broken(
            "last_updated",
            format!("`{time}` is no time such as `2026-01-31T12:00:00Z`"),
        );
    }
    for name in &root.unknown {
        broken(name, "format 1 has no such member".to_owned());
    }
}

/// Members of format 1 that an entry lacks; readers fill them in, older ones refuse the whole index.
fn missing_members(json: &str) -> Vec<String> {
    type Members<'j> = BTreeMap<String, &'j RawValue>;
    let Ok(members) = serde_json::from_str::<Members<'_>>(json) else {
        return Vec::new();
    };
    let absent = |name: &&str| !members.contains_key(*name);
    let mut missing: Vec<String> = REQUIRED
        .iter()
        .filter(|n| absent(n))
        .map(|n| (*n).to_owned())
        .collect();
    if let Some(contents) = members.get("contents")
        && let Ok(kinds) = serde_json::from_str::<Members<'_>>(contents.get())
    {
        let absent = KINDS.iter().filter(|kind| !kinds.contains_key(**kind));
        missing.extend(absent.map(|kind| format!("contents.{kind}")));
    }
    missing
}

struct Difference {
    name: String,
    expected: String,
    found: String,
}

/// Members by which two entries differ.
fn different_members(expected: &IndexEntry, found: &IndexEntry) -> Vec<Difference> {
    if expected == found {
        return Vec::new();
    }
    let members = |entry: &IndexEntry| match serde_json::to_value(entry) {
        Ok(Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (expected, found) = (members(expected), members(found));
    let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    names
        .into_iter()
        .filter(|name| expected.get(*name) != found.get(*name))
        .map(|name| Difference {
            name: name.clone(),
            expected: shown(expected.get(name)),
            found: shown(found.get(name)),
        })
        .collect()
}

/// A value as far as a line holds it.
fn shown(value: Option<&Value>) -> String {
    const CHARACTERS: usize = 160;
    let text = value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    match text.char_indices().nth(CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Checks an index that is all there is of a registry.
pub(super) fn check_alone(context: &Context<'_>, file: &str, bytes: &[u8]) {
    let Some(index) = Entries::read(context, file, bytes) else {
        return;
    };
    let read = |json: &&str| index::entry(json, SOURCES, &mut |_| {}).ok();
    let versions: BTreeMap<&PackRef, Vec<Version>> = index
        .by_ref
        .iter()
        .filter_map(|(pack_ref, json)| Some((pack_ref, vec![read(json)?.version])))
        .collect();
    let versions = versions.iter().map(|(r, v)| (*r, v.as_slice())).collect();
    count(&context.packs, index.by_ref.len() as u64);
    count(&context.versions, index.by_ref.len() as u64);
    let mut unlisted = Unlisted::default();
    for (pack_ref, json) in &index.by_ref {
        let entry = read(json);
        let needed = entry.iter().flat_map(|entry| &entry.dependencies);
        for needed in needed.flat_map(|d| &d.packs) {
            let field = format!("packs.{pack_ref}.dependencies.packs");
            let lists = index.by_ref.contains_key(&needed.pack_ref);
            let place = (file, field.as_str());
            dependency(context, place, needed, (lists, &mut unlisted), &versions);
        }
    }
    unlisted.tell(context);
    index.by_ref.par_iter().for_each(|(pack_ref, json)| {
        let Some(entry) = read(json) else {
            return;
        };
        for (position, source) in entry.install_sources.iter().enumerate() {
            let InstallSource::Archive { url, checksum } = source else {
                count(&context.git_sources, 1);
                continue;
            };
            if !context.options.archives {
                continue;
            }
            let promise = Promise {
                file,
                field: format!("packs.{pack_ref}.install_sources.{position}"),
                archive: &url.to_string(),
                pack_ref,
                version: &entry.version,
                checksum: checksum.clone(),
                size_bytes: None,
                document: None,
            };
            promise.check(context, context.source.url(url, limit()));
        }
    });
}
