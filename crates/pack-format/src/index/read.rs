//! Tolerant reading of an index: its root, and one entry at a time.
//!
//! An entry is mended where what it means is beyond doubt: missing arrays are empty, a blank label is the
//! ref, `{ref, version}` is `ref@version`, a component or keyword listed twice is listed once. What is lost
//! on the way, members that format 1 does not have among it, is told as a [`Mend`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{FORMAT, IndexError};
use crate::documents::PackDependency;
use crate::entry::{ContentItem, Contents, Dependencies, IndexEntry};
use crate::pack_ref::PackRef;
use crate::source::{InstallSource, WireSource};
use crate::text::printable;
use crate::url_policy::UrlPolicy;
use crate::version::Version;

/// Something an entry says that is not carried over.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// A member that format 1 does not have, by its path, such as `install_sources[].size`.
    Unknown(String),
    /// A component listed again, by its kind.
    Twin(&'static str),
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(path) => write!(f, "`{}` is no member of format 1", printable(path)),
            Self::Twin(kind) => write!(f, "one of `{kind}` is listed again"),
        }
    }
}

/// The root of an index, its entries not read yet.
#[derive(Debug)]
pub struct Root<'a> {
    /// Name people see, if it is there.
    pub registry_name: Option<String>,
    /// Where the registry is hosted, if it is there.
    pub registry_url: Option<String>,
    /// Version of the format, if it is there: then it is [`FORMAT`].
    pub version: Option<String>,
    /// When content last changed, if it is there; see [`super::read_time`].
    pub last_updated: Option<String>,
    /// Members that format 1 does not have.
    pub unknown: Vec<String>,
    packs: Vec<&'a RawValue>,
}

impl<'a> Root<'a> {
    /// Reads the root; `text` is from [`super::safe_text`].
    ///
    /// # Errors
    /// [`IndexError`] if it is no index of this format.
    pub fn read(text: &'a str) -> Result<Self, IndexError> {
        let wire: WireRoot<'a> = serde_json::from_str(text).map_err(IndexError::Json)?;
        let wire = wire.0;
        if let Some(version) = wire.version.as_ref().filter(|v| *v != FORMAT) {
            return Err(IndexError::Format(version.clone()));
        }
        Ok(Self {
            registry_name: wire.registry_name,
            registry_url: wire.registry_url,
            version: wire.version,
            last_updated: wire.last_updated,
            unknown: wire.unknown,
            packs: wire.packs.ok_or(IndexError::NoPacks)?,
        })
    }

    /// The text of each entry, in order; each is a part of the text that was read.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a, '_> {
        self.packs.iter().map(|raw| raw.get())
    }
}

#[derive(Default)]
struct RootMembers<'a> {
    registry_name: Option<String>,
    registry_url: Option<String>,
    version: Option<String>,
    last_updated: Option<String>,
    packs: Option<Vec<&'a RawValue>>,
    unknown: Vec<String>,
}

/// By hand: a derived reader cannot borrow the entries and name unknown members at once.
struct WireRoot<'a>(RootMembers<'a>);

impl<'de> Deserialize<'de> for WireRoot<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RootVisitor).map(WireRoot)
    }
}

struct RootVisitor;

impl<'de> Visitor<'de> for RootVisitor {
    type Value = RootMembers<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an index")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        fn once<T, E: de::Error>(
            slot: &mut Option<T>,
            value: T,
            name: &'static str,
        ) -> Result<(), E> {
            match slot.replace(value) {
                None => Ok(()),
                Some(_) => Err(E::duplicate_field(name)),
            }
        }
        let mut root = RootMembers::default();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "registry_name" => {
                    once(&mut root.registry_name, map.next_value()?, "registry_name")?;
                }
                "registry_url" => once(&mut root.registry_url, map.next_value()?, "registry_url")?,
                "version" => once(&mut root.version, map.next_value()?, "version")?,
                "last_updated" => once(&mut root.last_updated, map.next_value()?, "last_updated")?,
                "packs" => once(&mut root.packs, map.next_value()?, "packs")?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    root.unknown.push(name.into_owned());
                }
            }
        }
        Ok(root)
    }
}

#[derive(Deserialize)]
struct WireEntry {
    #[serde(rename = "ref")]
    pack_ref: PackRef,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    description: String,
    version: Version,
    #[serde(default)]
    author: Option<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    keywords: Vec<String>,
    #[serde(default)]
    runtime_deps: Vec<String>,
    #[serde(default)]
    install_sources: Vec<WireSource>,
    #[serde(default)]
    contents: Contents,
    #[serde(default)]
    meta: Map<String, Value>,
    #[serde(default)]
    repository: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    homepage: Option<String>,
    #[serde(default)]
    use_case: Option<String>,
    #[serde(default)]
    dependencies: Option<WireDependencies>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireDependencies {
    attune_version: Option<String>,
    python_version: Option<String>,
    nodejs_version: Option<String>,
    packs: Vec<WireDependency>,
}

/// `ref@constraint`, or `{ref, version}` as older tools wrote it.
struct WireDependency(PackDependency);

impl<'de> Deserialize<'de> for WireDependency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DependencyVisitor)
    }
}

struct DependencyVisitor;

impl<'de> Visitor<'de> for DependencyVisitor {
    type Value = WireDependency;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a dependency such as `core@^1.0`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<WireDependency, E> {
        text.parse().map(WireDependency).map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WireDependency, A::Error> {
        let (mut pack_ref, mut version) = (None::<String>, None::<String>);
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            match name.as_ref() {
                "ref" if pack_ref.is_none() => pack_ref = Some(map.next_value()?),
                "version" if version.is_none() => version = map.next_value()?,
                other => {
                    return Err(de::Error::custom(format!(
                        "the member `{}` of a dependency is not `ref` or `version`",
                        printable(other)
                    )));
                }
            }
        }
        let pack_ref = pack_ref.ok_or_else(|| de::Error::missing_field("ref"))?;
        match version {
            Some(version) => self.visit_str(&format!("{pack_ref}@{version}")),
            None => self.visit_str(&pack_ref),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<WireDependency, A::Error> {
        Err(de::Error::invalid_type(de::Unexpected::Seq, &self))
    }
}

/// Reads one entry; URLs in it must pass `policy`, and what is not carried over goes to `mended`.
///
/// # Errors
/// What makes the entry unusable, in a sentence.
pub fn entry(
    json: &str,
    policy: UrlPolicy,
    mended: &mut dyn FnMut(Mend),
) -> Result<IndexEntry, String> {
    let mut json = serde_json::Deserializer::from_str(json);
    let wire: WireEntry = serde_ignored::deserialize(&mut json, |path| {
        mended(Mend::Unknown(without_positions(&path)));
    })
    .map_err(|e| strip_position(&e.to_string()))?;
    if wire.install_sources.is_empty() {
        return Err("it has no install source".to_owned());
    }
    let mut install_sources = Vec::new();
    for (i, source) in wire.install_sources.into_iter().enumerate() {
        install_sources.push(
            InstallSource::from_wire(source, policy)
                .map_err(|e| format!("install source {i}: {e}"))?,
        );
    }
    let or = |value: Option<String>, default: &str| {
        value
            .filter(|v| !v.trim().is_empty())
            .unwrap_or_else(|| default.to_owned())
    };
    Ok(IndexEntry {
        label: or(wire.label, wire.pack_ref.as_str()),
        author: or(wire.author, "Unknown"),
        license: or(wire.license, "NOASSERTION"),
        pack_ref: wire.pack_ref,
        description: wire.description,
        version: wire.version,
        keywords: each_once(wire.keywords),
        runtime_deps: each_once(wire.runtime_deps),
        install_sources,
        contents: named_once(wire.contents, mended),
        meta: wire.meta,
        repository: wire.repository,
        email: wire.email,
        homepage: wire.homepage,
        use_case: wire.use_case,
        dependencies: wire.dependencies.map(|wire| Dependencies {
            attune_version: wire.attune_version,
            python_version: wire.python_version,
            nodejs_version: wire.nodejs_version,
            packs: wire.packs.into_iter().map(|needed| needed.0).collect(),
        }),
    })
}

/// Items in their order, each the first time it comes.
fn each_once(items: Vec<String>) -> Vec<String> {
    if items.windows(2).all(|pair| pair[0] < pair[1]) {
        return items;
    }
    let distinct: BTreeSet<&String> = items.iter().collect();
    if distinct.len() == items.len() {
        return items;
    }
    let mut seen = BTreeSet::new();
    let mut kept = items;
    kept.retain(|item| seen.insert(item.clone()));
    kept
}

fn named_once(mut contents: Contents, mended: &mut dyn FnMut(Mend)) -> Contents {
    for (kind, list) in [
        ("actions", &mut contents.actions),
        ("sensors", &mut contents.sensors),
        ("triggers", &mut contents.triggers),
        ("rules", &mut contents.rules),
        ("workflows", &mut contents.workflows),
    ] {
        if !has_twins(list) {
            continue;
        }
        let mut seen = BTreeSet::new();
        list.retain(|item| {
            let first = seen.insert(item.name.clone());
            if !first {
                mended(Mend::Twin(kind));
            }
            first
        });
    }
    contents
}

fn has_twins(list: &[ContentItem]) -> bool {
    if list.windows(2).all(|pair| pair[0].name < pair[1].name) {
        return false;
    }
    let names: BTreeSet<&str> = list.iter().map(|item| item.name.as_str()).collect();
    names.len() < list.len()
}

/// The path of a member without positions in lists, such as `install_sources[].size`: packs that have the
/// same one are told together.
fn without_positions(path: &serde_ignored::Path<'_>) -> String {
    let mut text = String::new();
    for part in path.to_string().split('.') {
        match part {
            "?" => {}
            _ if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) => {
                text.push_str("[]");
            }
            _ if text.is_empty() => text.push_str(part),
            _ => {
                text.push('.');
                text.push_str(part);
            }
        }
    }
    text
}

/// A position inside one entry says nothing about the file.
fn strip_position(message: &str) -> String {
    let end = message.rfind(" at line ").unwrap_or(message.len());
    message[..end].to_owned()
}

/// The ref of an entry as far as it can be read; for display only.
pub fn name_of(json: &str) -> String {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "ref")]
        name: Option<String>,
    }
    let named: Option<Named> = serde_json::from_str(json).ok();
    named
        .and_then(|n| n.name)
        .map_or_else(|| "?".to_owned(), |name| printable(&name))
}
