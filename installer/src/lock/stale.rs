//! Whether a lock is the answer to what is wanted: pure, without asking anybody.

use std::collections::BTreeSet;
use std::fmt;

use pack_format::documents::PackDependency;
use pack_format::{PackRef, Version};

use super::wanted_source::{described, is_source_of};
use super::{Lock, PacksFile};

/// One thing a lock does not satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stale {
    /// It is wanted, and not locked.
    Missing {
        /// What is wanted.
        wanted: PackDependency,
        /// Who wants it; `None` for the file of wanted packs.
        by: Option<PackRef>,
    },
    /// It is locked in a version that nobody wants.
    Outside {
        /// What is wanted.
        wanted: PackDependency,
        /// The locked version.
        locked: Version,
        /// Who wants it; `None` for the file of wanted packs.
        by: Option<PackRef>,
    },
    /// It is locked from somewhere else than it is wanted from.
    Elsewhere {
        /// The pack.
        pack_ref: PackRef,
        /// Where it is wanted from.
        wanted: String,
        /// Where it is locked from.
        locked: String,
    },
    /// It is locked, and nothing needs it any more.
    Needless {
        /// The pack.
        pack_ref: PackRef,
        /// The locked version.
        locked: Version,
    },
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wants = |by: &Option<PackRef>| match by {
            Some(pack_ref) => format!("`{pack_ref}` needs"),
            None => "wanted is".to_owned(),
        };
        match self {
            Self::Missing { wanted, by } => {
                write!(f, "+ {} `{wanted}`, which is not locked", wants(by))
            }
            Self::Outside { wanted, locked, by } => {
                let pack_ref = &wanted.pack_ref;
                write!(
                    f,
                    "~ {} `{wanted}`, locked is `{pack_ref}@{locked}`",
                    wants(by)
                )
            }
            Self::Elsewhere {
                pack_ref,
                wanted,
                locked,
            } => write!(
                f,
                "~ wanted is `{pack_ref}` from {wanted}, locked is {locked}"
            ),
            Self::Needless { pack_ref, locked } => {
                write!(f, "- locked is `{pack_ref}@{locked}`, which nothing needs")
            }
        }
    }
}

impl Lock {
    /// What keeps this lock from being the answer to `wanted`; empty if nothing does.
    pub fn stale(&self, wanted: &PacksFile) -> Vec<Stale> {
        let mut stale = Vec::new();
        let mut reached: BTreeSet<PackRef> = BTreeSet::new();
        let mut open: Vec<(Option<PackRef>, PackDependency)> =
            (wanted.wanted()).map(|(root, _)| (None, root)).collect();
        open.reverse();
        while let Some((by, need)) = open.pop() {
            let Some(locked) = self.packs.get(&need.pack_ref) else {
                stale.push(Stale::Missing { wanted: need, by });
                continue;
            };
            if reached.insert(need.pack_ref.clone()) {
                let needs = locked.dependencies.iter().rev().cloned();
                open.extend(needs.map(|inner| (Some(need.pack_ref.clone()), inner)));
            }
            if !need.constraint.matches(&locked.version) {
                let locked = locked.version.clone();
                stale.push(Stale::Outside {
                    wanted: need,
                    locked,
                    by,
                });
            }
        }
        stale.extend(self.elsewhere(wanted));
        let needless = self.packs.iter().filter(|(p, _)| !reached.contains(*p));
        stale.extend(needless.map(|(pack_ref, pack)| Stale::Needless {
            pack_ref: pack_ref.clone(),
            locked: pack.version.clone(),
        }));
        stale
    }

    /// Packs that are locked from somewhere else than they are wanted from.
    fn elsewhere(&self, wanted: &PacksFile) -> Vec<Stale> {
        let elsewhere = wanted.wanted().filter_map(|(root, source)| {
            let locked = self.packs.get(&root.pack_ref)?;
            let agrees = match source {
                Some(source) => is_source_of(source, locked),
                None => locked.registry.is_some(),
            };
            (!agrees).then(|| Stale::Elsewhere {
                wanted: source.map_or_else(|| "a registry".to_owned(), described),
                locked: locked.described(),
                pack_ref: root.pack_ref,
            })
        });
        elsewhere.collect()
    }
}
