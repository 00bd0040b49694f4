//! What the database says of packs: a projection of what is active on the disk, which is the truth.

use std::collections::BTreeSet;
use std::path::Path;

use attune_indexer::PackDirectory;
use attune_installer::{Layout, Record};
use pack_format::documents::Component;

use super::workshop::{reader, reason};
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

/// How the database and the disk differ.
enum Difference {
    /// The disk has it, and the database does not or has it otherwise.
    Written { pack: RegisteredPack, is_new: bool },
    /// The database has it, and the disk does not.
    Gone { pack_ref: String },
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Written { pack, is_new } => {
                let how = if *is_new {
                    "not in the database"
                } else {
                    "otherwise in the database"
                };
                write!(
                    f,
                    "`{}` {} is installed, and {how}",
                    pack.pack_ref, pack.version
                )
            }
            Self::Gone { pack_ref } => {
                write!(f, "`{pack_ref}` is in the database, and not installed")
            }
        }
    }
}

/// What `doctor` found.
#[derive(Debug, Default)]
pub struct Compared {
    /// How the database differed from the disk, a line each.
    pub differences: Vec<String>,
    /// What could not be read or written, a line each.
    pub problems: Vec<String>,
}

/// Compares what a database says of the packs directory `base` with its generations; with `fix`, makes it say the same.
/// A server may run meanwhile.
pub async fn compare_projection(database: &State, base: &Path, fix: bool) -> Compared {
    let mut all = Compared::default();
    loop {
        let installed = match reader(base).list() {
            Ok(installed) => installed,
            Err(error) => {
                all.problems.push(reason(&error));
                return all;
            }
        };
        let place = (base, Care::Everything);
        let (differences, mut problems) = compare(database, place, &installed).await;
        all.differences
            .extend(differences.iter().map(ToString::to_string));
        if fix {
            problems.extend(apply(database, base, differences).await);
        }
        all.problems.extend(problems);
        // A server that changed packs meanwhile may have been overwritten with what was.
        let is_as_it_was = reader(base)
            .list()
            .is_ok_and(|now| now.generation == installed.generation);
        if !fix || is_as_it_was || !all.problems.is_empty() {
            return all;
        }
    }
}

/// Makes the database say of a packs directory what is installed there: what it lacks or knows otherwise is written,
/// what is gone goes. Returns what could not be read or written, a line each; the rest is done.
pub(super) async fn reconcile(
    database: &State,
    (base, care): (&Path, Care),
    installed: &attune_installer::State,
) -> Vec<String> {
    let (differences, mut problems) = compare(database, (base, care), installed).await;
    problems.extend(apply(database, base, differences).await);
    problems
}

/// The differences, and what could not be read.
async fn compare(
    database: &State,
    (base, care): (&Path, Care),
    installed: &attune_installer::State,
) -> (Vec<Difference>, Vec<String>) {
    let (mut differences, mut problems) = (Vec::new(), Vec::new());
    let known = match database.registered(&base.display().to_string()).await {
        Ok(known) => known,
        Err(error) => return (differences, vec![reason(&error)]),
    };
    for record in installed.packs.values() {
        let is_known = known.iter().any(|pack| is_of(pack, base, record));
        if is_known && care == Care::Versions {
            continue;
        }
        match of(base, record) {
            Ok(pack) if known.contains(&pack) => {}
            Ok(pack) => {
                let is_new = known.iter().all(|other| other.pack_ref != pack.pack_ref);
                differences.push(Difference::Written { pack, is_new });
            }
            Err(error) => problems.push(format!("`{}`: {error}", record.pack_ref)),
        }
    }
    let gone = known.into_iter().map(|pack| pack.pack_ref);
    let gone = gone.filter(|pack_ref| installed.packs.keys().all(|own| own.as_str() != pack_ref));
    differences.extend(gone.map(|pack_ref| Difference::Gone { pack_ref }));
    (differences, problems)
}

/// Brings the database up to date. Returns what could not be written; the rest is done.
async fn apply(database: &State, base: &Path, differences: Vec<Difference>) -> Vec<String> {
    let name = base.display().to_string();
    let mut problems = Vec::new();
    for difference in differences {
        let done = match difference {
            Difference::Written { pack, .. } => database.register(&pack, now()).await,
            Difference::Gone { pack_ref } => database.unregister(&name, &pack_ref).await,
        };
        problems.extend(done.err().map(|error| reason(&error)));
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
