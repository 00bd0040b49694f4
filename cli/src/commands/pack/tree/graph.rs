//! `Graph`: packs and what they need, from whichever place.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use attune_installer::{Preview, State};
use pack_format::documents::PackDependency;
use pack_format::{Constraint, PackRef, Version};

/// Packs by ref, and where to begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Graph {
    pub(super) roots: Vec<PackRef>,
    pub(super) packs: BTreeMap<PackRef, Pack>,
}

/// One pack.
#[derive(Debug, Clone)]
pub(super) struct Pack {
    /// `None` where it is needed and not there.
    pub(super) version: Option<Version>,
    pub(super) change: Change,
    pub(super) edges: Vec<Edge>,
}

/// What an installation would do to a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    None,
    New,
    Replaced(Version),
}

/// A line from one pack to another.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// The other end.
    pub(super) pack_ref: PackRef,
    pub(super) constraint: Constraint,
    /// Whether the version that is there will do.
    pub(super) met: bool,
}

impl Graph {
    /// Everything that is installed, beginning with what nothing needs.
    pub(super) fn installed(state: &State) -> Self {
        let mut graph = Self::default();
        for (pack_ref, record) in &state.packs {
            let pack = (record.version.clone(), Change::None);
            graph.add(pack_ref, pack, &record.dependencies);
        }
        graph.settle();
        graph.roots = graph.tops();
        graph
    }

    /// What an installation would give, beginning with what was asked for.
    pub(super) fn previewed(preview: &Preview) -> Self {
        let mut graph = Self::default();
        for pack in &preview.packs {
            let change = match &pack.installed {
                None => Change::New,
                Some(version) if *version != pack.version => Change::Replaced(version.clone()),
                Some(_) => Change::None,
            };
            let version = pack.version.clone();
            graph.add(&pack.pack_ref, (version, change), &pack.dependencies);
            if pack.requested {
                graph.roots.push(pack.pack_ref.clone());
            }
        }
        graph.settle();
        graph.roots.sort();
        graph
    }

    /// Adds a pack that takes part without being listed or installed.
    pub(super) fn add_root(
        &mut self,
        pack_ref: &PackRef,
        version: Version,
        needs: &[PackDependency],
    ) {
        self.add(pack_ref, (version, Change::New), needs);
        self.roots = vec![pack_ref.clone()];
        self.settle();
    }

    fn add(
        &mut self,
        pack_ref: &PackRef,
        (version, change): (Version, Change),
        needs: &[PackDependency],
    ) {
        let edges = needs.iter().map(|need| Edge {
            pack_ref: need.pack_ref.clone(),
            constraint: need.constraint.clone(),
            met: false,
        });
        let pack = Pack {
            version: Some(version),
            change,
            edges: edges.collect(),
        };
        self.packs.insert(pack_ref.clone(), pack);
    }

    /// Finds out which needs are met, and adds what is not there.
    fn settle(&mut self) {
        let versions: BTreeMap<PackRef, Version> = (self.packs.iter())
            .filter_map(|(pack_ref, pack)| Some((pack_ref.clone(), pack.version.clone()?)))
            .collect();
        let mut missing = BTreeSet::new();
        for edge in self.packs.values_mut().flat_map(|pack| &mut pack.edges) {
            match versions.get(&edge.pack_ref) {
                Some(version) => edge.met = edge.constraint.matches(version),
                None => {
                    missing.insert(edge.pack_ref.clone());
                }
            }
        }
        for pack_ref in missing {
            self.packs.entry(pack_ref).or_insert(Pack {
                version: None,
                change: Change::None,
                edges: Vec::new(),
            });
        }
    }

    /// Packs nothing needs; of packs that need each other and that nothing else needs, the first.
    fn tops(&self) -> Vec<PackRef> {
        let needed: BTreeSet<&PackRef> = (self.packs.values())
            .flat_map(|pack| pack.edges.iter().map(|edge| &edge.pack_ref))
            .collect();
        let mut tops: Vec<PackRef> = (self.packs.keys())
            .filter(|pack_ref| !needed.contains(pack_ref))
            .cloned()
            .collect();
        let mut reached = self.distances(&tops);
        for pack_ref in self.packs.keys() {
            if !reached.contains_key(pack_ref) {
                tops.push(pack_ref.clone());
                reached.extend(self.distances(std::slice::from_ref(pack_ref)));
            }
        }
        tops
    }

    /// How far every pack is from the nearest of `starts`.
    fn distances(&self, starts: &[PackRef]) -> BTreeMap<PackRef, usize> {
        let mut distances = BTreeMap::new();
        let mut open: VecDeque<(&PackRef, usize)> = starts.iter().map(|start| (start, 0)).collect();
        while let Some((pack_ref, distance)) = open.pop_front() {
            if distances.contains_key(pack_ref) {
                continue;
            }
            distances.insert(pack_ref.clone(), distance);
            let edges = self.packs.get(pack_ref).map_or(&[][..], |pack| &pack.edges);
            open.extend(edges.iter().map(|edge| (&edge.pack_ref, distance + 1)));
        }
        distances
    }

    /// What is at most `depth` steps from the roots.
    pub(super) fn within(mut self, depth: Option<usize>) -> Self {
        let distances = self.distances(&self.roots);
        let near = |pack_ref: &PackRef| {
            (distances.get(pack_ref)).is_some_and(|distance| depth.is_none_or(|d| *distance <= d))
        };
        self.packs.retain(|pack_ref, _| near(pack_ref));
        for pack in self.packs.values_mut() {
            pack.edges.retain(|edge| near(&edge.pack_ref));
        }
        self
    }

    /// The same with every line turned round, beginning at `roots`.
    pub(super) fn inverted(self, roots: Vec<PackRef>) -> Self {
        let mut packs: BTreeMap<PackRef, Pack> = (self.packs.iter())
            .map(|(pack_ref, pack)| {
                let turned = Pack {
                    edges: Vec::new(),
                    ..pack.clone()
                };
                (pack_ref.clone(), turned)
            })
            .collect();
        for (pack_ref, pack) in self.packs {
            for edge in pack.edges {
                if let Some(needed) = packs.get_mut(&edge.pack_ref) {
                    needed.edges.push(Edge {
                        pack_ref: pack_ref.clone(),
                        ..edge
                    });
                }
            }
        }
        Self { roots, packs }
    }
}
