//! What the database says of packs: a projection of what is active on the disk, which is the truth.

use std::collections::BTreeSet;
use std::path::Path;

use attune_indexer::PackDirectory;
use attune_installer::{Layout, Record};
use pack_format::documents::Component;

use super::workshop::reason;
use crate::clock::now;
use crate::state::{RegisteredPack, State};

/// What components are called in answers, and the folder of those that documents do not list.
pub(super) const POLICIES: &str = "policies";

/// What the database is to say of a pack that is active.
pub(super) fn of(base: &Path, record: &Record) -> Result<RegisteredPack, String> {
    let layout = Layout::new(base);
    Ok(RegisteredPack {
        base: base.display().to_string(),
        pack_ref: record.pack_ref.to_string(),
        pack_id: i64::try_from(record.id).unwrap_or(i64::MAX),
        version: record.version.to_string(),
        storage_path: layout.pack(&record.pack_ref).display().to_string(),
        components: components(&layout.stored(&record.store_key))?,
    })
}

/// Kind and ref of what a pack brings along.
fn components(stored: &Path) -> Result<Vec<(String, String)>, String> {
    let pack = PackDirectory::open(stored).map_err(|e| reason(&e))?;
    let pack_ref = &pack.manifest.pack_ref;
    let listed = &pack.components;
    let kinds: [(&str, &[Component]); 5] = [
        ("actions", &listed.actions),
        ("sensors", &listed.sensors),
        ("triggers", &listed.triggers),
        ("rules", &listed.rules),
        ("workflows", &listed.workflows),
    ];
    let mut found: BTreeSet<(String, String)> = BTreeSet::new();
    for (kind, components) in kinds {
        let refs = components.iter().map(|c| format!("{pack_ref}.{}", c.name));
        found.extend(refs.map(|name| (kind.to_owned(), name)));
    }
    let policies = std::fs::read_dir(stored.join(POLICIES));
    for file in policies.into_iter().flatten().flatten() {
        let path = file.path();
        let is_yaml = path.extension().is_some_and(|e| e == "yaml" || e == "yml");
        if let Some(name) = path.file_stem().filter(|_| is_yaml) {
            let name = format!("{pack_ref}.{}", name.to_string_lossy());
            found.insert((POLICIES.to_owned(), name));
        }
    }
    Ok(found.into_iter().collect())
}

/// How closely the database is compared with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Refs, numbers, versions and places.
    Versions,
    /// Components, too, for which every pack is read.
    Everything,
}

/// Makes the database say of a packs directory what is installed there: what it lacks or knows otherwise is written,
/// what is gone goes. Returns what could not be read or written, a line each; the rest is done.
pub(super) async fn reconcile(
    database: &State,
    (base, care): (&Path, Care),
    installed: &attune_installer::State,
) -> Vec<String> {
    let mut problems = Vec::new();
    let name = base.display().to_string();
    let known = match database.registered(&name).await {
        Ok(known) => known,
        Err(error) => return vec![reason(&error)],
    };
    for record in installed.packs.values() {
        let is_known = known.iter().any(|pack| is_of(pack, base, record));
        if is_known && care == Care::Versions {
            continue;
        }
        match of(base, record) {
            Ok(pack) if known.contains(&pack) => {}
            Ok(pack) => {
                if let Err(error) = database.register(&pack, now()).await {
                    problems.push(reason(&error));
                }
            }
            Err(error) => problems.push(format!("`{}`: {error}", record.pack_ref)),
        }
    }
    for pack in &known {
        let is_installed = (installed.packs.keys()).any(|r| r.as_str() == pack.pack_ref);
        if !is_installed && let Err(error) = database.unregister(&name, &pack.pack_ref).await {
            problems.push(reason(&error));
        }
    }
    problems
}

/// Whether the database knows a record, as far as can be told without reading the pack.
fn is_of(pack: &RegisteredPack, base: &Path, record: &Record) -> bool {
    let place = Layout::new(base).pack(&record.pack_ref);
    pack.pack_ref == record.pack_ref.as_str()
        && u64::try_from(pack.pack_id) == Ok(record.id)
        && pack.version == record.version.to_string()
        && Path::new(&pack.storage_path) == place
}
