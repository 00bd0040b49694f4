//! What changed in a registry: which packs and versions came and went, what was yanked or deprecated, and
//! whether a published version is still what it was.
//!
//! [`view`] is as much of a registry's documents as that takes, borrowed from their bytes; [`compare_packs`]
//! compares two of them. Pure: whoever calls has read the documents.

mod digests;
mod versions;
pub mod view;

use pack_format::text::printable;
use serde::Serialize;
use serde_json::Value;

use self::view::{PackView, RegistryView};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistryChangeKind {
    /// A published version has other bytes: no honest registry does that.
    VersionRewritten,
    /// A version is no longer listed.
    VersionRemoved,
    /// A pack is no longer listed.
    PackRemoved,
    /// A version is hidden from those who did not lock it.
    VersionYanked,
    /// A version is no longer hidden.
    VersionUnyanked,
    /// A version is hidden for another reason.
    YankReasonChanged,
    /// Newcomers should choose something else.
    PackDeprecated,
    /// Newcomers may choose the pack again.
    PackUndeprecated,
    /// The reason or the successor is another one.
    DeprecationChanged,
    /// A pack is new.
    PackAdded,
    /// A version is new.
    VersionAdded,
    /// Another version is the one a newcomer gets, where a registry lists no others.
    NewestChanged,
    /// A version has other sources of the same bytes.
    SourcesChanged,
    /// A version was published at another time.
    PublishedAtChanged,
    /// The ref belongs to others.
    OwnersChanged,
    /// Something people read changed.
    DetailsChanged,
    /// The registry has another name.
    NameChanged,
    /// The registry is hosted elsewhere.
    UrlChanged,
}

impl RegistryChangeKind {
    /// The group people see it under.
    pub fn group(self) -> &'static str {
        match self {
            Self::VersionRewritten => "Rewritten",
            Self::VersionRemoved | Self::PackRemoved => "Removed",
            Self::VersionYanked
            | Self::VersionUnyanked
            | Self::YankReasonChanged
            | Self::PackDeprecated
            | Self::PackUndeprecated
            | Self::DeprecationChanged => "Yanked and deprecated",
            Self::PackAdded | Self::VersionAdded | Self::NewestChanged => "Added",
            _ => "Changed",
        }
    }
}

/// One difference between two registries.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RegistryChange {
    /// What happened.
    pub kind: RegistryChangeKind,
    /// The pack, unless the registry as a whole is meant.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub pack_ref: Option<String>,
    /// The version, unless the pack as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A sentence for people.
    pub message: String,
    /// What it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// The differences found so far.
#[derive(Debug, Default)]
pub struct RegistryChanges(Vec<RegistryChange>);

impl RegistryChanges {
    /// The differences: alarming ones first, then by ref.
    pub fn sorted(mut self) -> Vec<RegistryChange> {
        self.0.sort_by(|a, b| {
            let key = |c: &RegistryChange| (c.kind, c.pack_ref.clone());
            key(a).cmp(&key(b))
        });
        self.0
    }

    /// That the pack is only in the new registry, with this newest version.
    pub fn pack_added(&mut self, pack_ref: &str, version: &str) {
        let subject = Subject::pack(pack_ref);
        let message = format!(
            "`{}` is new, with {}",
            printable(pack_ref),
            printable(version)
        );
        self.push(
            RegistryChangeKind::PackAdded,
            subject,
            message,
            (None, Some(version.into())),
        );
    }

    /// That the pack is only in the old registry, with this newest version.
    pub fn pack_removed(&mut self, pack_ref: &str, version: &str) {
        let subject = Subject::pack(pack_ref);
        let message = format!(
            "`{}` is no longer listed (was {})",
            printable(pack_ref),
            printable(version)
        );
        self.push(
            RegistryChangeKind::PackRemoved,
            subject,
            message,
            (Some(version.into()), None),
        );
    }

    pub(crate) fn push(
        &mut self,
        kind: RegistryChangeKind,
        subject: Subject<'_>,
        message: String,
        (old, new): (Option<Value>, Option<Value>),
    ) {
        self.0.push(RegistryChange {
            kind,
            pack_ref: subject.pack_ref.map(str::to_owned),
            version: subject.version.map(str::to_owned),
            message,
            old,
            new,
        });
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// What a change is about.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Subject<'a> {
    pub(crate) pack_ref: Option<&'a str>,
    pub(crate) version: Option<&'a str>,
}

impl<'a> Subject<'a> {
    pub(crate) fn pack(pack_ref: &'a str) -> Self {
        Self {
            pack_ref: Some(pack_ref),
            version: None,
        }
    }
}

/// Compares what registries say of themselves.
pub fn compare_registries(
    old: &RegistryView<'_>,
    new: &RegistryView<'_>,
    changes: &mut RegistryChanges,
) {
    let rows = [
        (
            RegistryChangeKind::NameChanged,
            "is called",
            &old.name,
            &new.name,
        ),
        (
            RegistryChangeKind::UrlChanged,
            "is hosted at",
            &old.url,
            &new.url,
        ),
    ];
    for (kind, verb, old, new) in rows {
        if old == new {
            continue;
        }
        let (was, is) = (old.as_deref(), new.as_deref());
        let shown = |text: Option<&str>| match text {
            Some(text) => format!("`{}`", printable(text)),
            None => "nothing".to_owned(),
        };
        let message = format!(
            "the registry {verb} {} instead of {}",
            shown(is),
            shown(was)
        );
        let values = (was.map(Value::from), is.map(Value::from));
        changes.push(kind, Subject::default(), message, values);
    }
}

/// Compares one pack of two registries of format 2, or one entry of two indexes.
pub fn compare_packs(old: &PackView<'_>, new: &PackView<'_>, changes: &mut RegistryChanges) {
    let before = changes.len();
    let pack_ref = new.pack_ref.as_ref();
    let name = printable(pack_ref);
    let subject = Subject::pack(pack_ref);
    if old.owners != new.owners {
        let names = |pack: &PackView<'_>| pack.owners.join(", ");
        let message = format!(
            "`{name}` belongs to {} instead of {}",
            or_nobody(&names(new)),
            or_nobody(&names(old))
        );
        let list = |pack: &PackView<'_>| Some(Value::from(pack.owners.clone()));
        let values = (list(old), list(new));
        changes.push(RegistryChangeKind::OwnersChanged, subject, message, values);
    }
    deprecation(subject, old, new, changes);
    versions::compare(pack_ref, old, new, changes);
    if changes.len() == before {
        // The documents are not the same, or nobody would ask.
        let message = format!("`{name}` is described differently");
        let values = (None, None);
        changes.push(RegistryChangeKind::DetailsChanged, subject, message, values);
    }
}

fn or_nobody(names: &str) -> String {
    if names.is_empty() {
        "nobody".to_owned()
    } else {
        printable(names)
    }
}

fn deprecation(
    subject: Subject<'_>,
    old: &PackView<'_>,
    new: &PackView<'_>,
    changes: &mut RegistryChanges,
) {
    let name = printable(&new.pack_ref);
    let (kind, message) = match (&old.deprecated, &new.deprecated) {
        (None, Some(now)) => {
            let successor = now
                .successor
                .as_ref()
                .map_or_else(String::new, |s| format!("; use `{s}`"));
            let message = format!("`{name}` is deprecated{}{successor}", because(&now.reason));
            (RegistryChangeKind::PackDeprecated, message)
        }
        (Some(_), None) => (
            RegistryChangeKind::PackUndeprecated,
            format!("`{name}` is no longer deprecated"),
        ),
        (Some(before), Some(now)) if before != now => (
            RegistryChangeKind::DeprecationChanged,
            format!(
                "`{name}` is deprecated for another reason{}",
                because(&now.reason)
            ),
        ),
        _ => return,
    };
    let value = |pack: &PackView<'_>| serde_json::to_value(pack.deprecated.as_ref()?).ok();
    changes.push(kind, subject, message, (value(old), value(new)));
}

pub(crate) fn because(reason: &str) -> String {
    if reason.is_empty() {
        String::new()
    } else {
        format!(": {}", printable(reason))
    }
}
