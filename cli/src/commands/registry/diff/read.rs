//! Both sides in the same format, and the packs whose documents are not the same.
//!
//! In format 2 `packs.json` pins every document, so only documents with another digest are read. In format 1
//! entries with the same text are skipped. Either way the work is in the differences.

use std::borrow::Cow;
use std::collections::BTreeMap;

use attune_installer::Classify;
use futures_util::StreamExt as _;
use pack_client::snapshot::SnapshotContent;
use pack_client::{ClientSettings, RegistryConfig, Reporter as _, Snapshot, SnapshotFormat};
use pack_diff::registry::view::{self, EntryName, IndexView, RegistryView};
use pack_diff::registry::{RegistryChange, RegistryChanges, compare_packs, compare_registries};
use pack_format::documents::PackPointer;
use pack_format::text::printable;
use pack_format::{Hint, PackRef};
use serde_json::value::RawValue;

use crate::commands::pack::context::failed;
use crate::commands::pack::progress::Progress;
use crate::failure::{Code, Failure};

/// Documents in flight at once.
const IN_FLIGHT: usize = 16;

/// Two registries to compare.
pub(super) struct Sides<'a> {
    pub(super) old: RegistryConfig,
    pub(super) new: RegistryConfig,
    pub(super) client: &'a ClientSettings,
    pub(super) progress: &'a Progress,
}

/// What the comparison gave.
pub(super) struct Compared {
    pub(super) format: u32,
    pub(super) old: Counted,
    pub(super) new: Counted,
    pub(super) changes: Vec<RegistryChange>,
}

/// One side.
pub(super) struct Counted {
    pub(super) location: String,
    pub(super) packs: usize,
}

type Pointers = BTreeMap<PackRef, PackPointer>;
type Entries<'a> = BTreeMap<Cow<'a, str>, (&'a RawValue, Cow<'a, str>)>;

impl Sides<'_> {
    pub(super) async fn compare(&self) -> Result<Compared, Failure> {
        let (old, new) = tokio::join!(
            self.open(&self.old, SnapshotFormat::Best),
            self.open(&self.new, SnapshotFormat::Best)
        );
        let (mut old, mut new) = (old?, new?);
        // A registry that has only an index can be compared with the other one's index.
        match (&old.content, &new.content) {
            (SnapshotContent::Tree { .. }, SnapshotContent::Index(_)) => {
                old = self.open(&self.old, SnapshotFormat::Index).await?;
            }
            (SnapshotContent::Index(_), SnapshotContent::Tree { .. }) => {
                new = self.open(&self.new, SnapshotFormat::Index).await?;
            }
            _ => {}
        }
        match (&old.content, &new.content) {
            (SnapshotContent::Index(one), SnapshotContent::Index(other)) => {
                self.indexes((&old, one), (&new, other))
            }
            _ => self.trees(&old, &new).await,
        }
    }

    async fn open(
        &self,
        config: &RegistryConfig,
        format: SnapshotFormat,
    ) -> Result<Snapshot, Failure> {
        Snapshot::open(config, self.client, format, self.progress)
            .await
            .map_err(|e| located(&config.url, &e))
    }

    async fn trees(&self, old: &Snapshot, new: &Snapshot) -> Result<Compared, Failure> {
        let mut changes = RegistryChanges::default();
        let ((old_view, old_packs), (new_view, new_packs)) = (tree(old), tree(new));
        compare_registries(&old_view, &new_view, &mut changes);
        for (pack_ref, pointer) in old_packs
            .iter()
            .filter(|(r, _)| !new_packs.contains_key(*r))
        {
            changes.pack_removed(pack_ref.as_str(), &pointer.version.to_string());
        }
        for (pack_ref, pointer) in new_packs
            .iter()
            .filter(|(r, _)| !old_packs.contains_key(*r))
        {
            changes.pack_added(pack_ref.as_str(), &pointer.version.to_string());
        }
        let differing = old_packs.iter().filter_map(|(pack_ref, before)| {
            let after = new_packs.get(pack_ref)?;
            (before.document != after.document).then_some((pack_ref, before, after))
        });
        let mut documents = futures_util::stream::iter(differing)
            .map(|(pack_ref, before, after)| async move {
                let (one, other) = tokio::join!(
                    old.document(pack_ref, before, self.progress),
                    new.document(pack_ref, after, self.progress)
                );
                let one = one.map_err(|e| failed(&e))?;
                let other = other.map_err(|e| failed(&e))?;
                Ok::<_, Failure>((pack_ref, one, other))
            })
            .buffered(IN_FLIGHT);
        while let Some(read) = documents.next().await {
            let (pack_ref, one, other) = read?;
            let parse = |snapshot: &Snapshot, bytes| {
                serde_json::from_slice::<view::PackView<'_>>(bytes)
                    .map_err(|e| invalid(&snapshot.describe(&format!("packs/{pack_ref}.json")), &e))
            };
            compare_packs(&parse(old, &one)?, &parse(new, &other)?, &mut changes);
        }
        drop(documents);
        Ok(compared(
            2,
            (old, old_packs.len()),
            (new, new_packs.len()),
            changes,
        ))
    }

    fn indexes(
        &self,
        (old, old_bytes): (&Snapshot, &[u8]),
        (new, new_bytes): (&Snapshot, &[u8]),
    ) -> Result<Compared, Failure> {
        let mut changes = RegistryChanges::default();
        let (old_view, old_entries) = self.index(old, old_bytes)?;
        let (new_view, new_entries) = self.index(new, new_bytes)?;
        compare_registries(&old_view, &new_view, &mut changes);
        for (pack_ref, (before, version)) in &old_entries {
            let Some((after, _)) = new_entries.get(pack_ref) else {
                changes.pack_removed(pack_ref, version);
                continue;
            };
            if before.get() == after.get() {
                continue;
            }
            let (one, other) = (view::entry(before), view::entry(after));
            match (one, other) {
                (Ok(one), Ok(other)) => compare_packs(&one, &other, &mut changes),
                (Err(error), _) => self.unreadable(old, pack_ref, &error),
                (_, Err(error)) => self.unreadable(new, pack_ref, &error),
            }
        }
        for (pack_ref, (_, version)) in &new_entries {
            if !old_entries.contains_key(pack_ref) {
                changes.pack_added(pack_ref, version);
            }
        }
        Ok(compared(
            1,
            (old, old_entries.len()),
            (new, new_entries.len()),
            changes,
        ))
    }

    /// The entries of an index by ref; the ones that cannot be used are named.
    fn index<'b>(
        &self,
        snapshot: &Snapshot,
        bytes: &'b [u8],
    ) -> Result<(RegistryView<'b>, Entries<'b>), Failure> {
        let index: IndexView<'_> = serde_json::from_slice(bytes.trim_ascii_start())
            .map_err(|e| invalid(&snapshot.location, &e))?;
        let mut entries = Entries::new();
        for (position, raw) in index.packs.into_iter().enumerate() {
            match serde_json::from_str::<EntryName<'_>>(raw.get()) {
                Err(error) => self.unreadable(snapshot, &format!("entry {position}"), &error),
                Ok(name) if entries.contains_key(&name.pack_ref) => {
                    self.progress.warning(&format!(
                        "`{}`: `{}` is listed again; the first entry counts",
                        snapshot.location,
                        printable(&name.pack_ref)
                    ));
                }
                Ok(name) => {
                    entries.insert(name.pack_ref, (raw, name.version));
                }
            }
        }
        let view = RegistryView {
            name: index.registry_name,
            url: index.registry_url,
        };
        Ok((view, entries))
    }

    fn unreadable(&self, snapshot: &Snapshot, name: &str, error: &serde_json::Error) {
        self.progress.warning(&format!(
            "`{}`: {} is left out: {error}",
            snapshot.location,
            printable(name)
        ));
    }
}

fn tree(snapshot: &Snapshot) -> (RegistryView<'_>, &Pointers) {
    static NONE: Pointers = Pointers::new();
    match &snapshot.content {
        SnapshotContent::Tree { name, url, packs } => {
            let view = RegistryView {
                name: Some(name.into()),
                url: url.as_deref().map(Cow::from),
            };
            (view, packs)
        }
        SnapshotContent::Index(_) => (RegistryView::default(), &NONE),
    }
}

fn compared(
    format: u32,
    old: (&Snapshot, usize),
    new: (&Snapshot, usize),
    changes: RegistryChanges,
) -> Compared {
    let counted = |(snapshot, packs): (&Snapshot, usize)| Counted {
        location: snapshot.location.clone(),
        packs,
    };
    Compared {
        format,
        old: counted(old),
        new: counted(new),
        changes: changes.sorted(),
    }
}

fn located<E: std::error::Error + Hint + Classify>(url: &str, error: &E) -> Failure {
    let mut failure = failed(error);
    if !failure.messages.iter().any(|m| m.contains(url)) {
        failure
            .messages
            .insert(0, format!("cannot read the registry `{url}`"));
    }
    failure
}

fn invalid(name: &str, error: &serde_json::Error) -> Failure {
    Failure::text(
        Code::Failed,
        format!("`{name}` is not valid: {error}"),
        Some("ask the registry's operator to run `attune registry check`"),
    )
}
