//! `Wanted`: what was asked for, and which versions that comes to.

use std::collections::BTreeMap;

use pack_client::Registries;
use pack_format::PackRef;
use pack_format::documents::PackDependency;

use super::{InstallError, check};
use crate::fetch::Arrived;
use crate::layout::Layout;
use crate::plan::{self, Dependencies, Given, Plan, Settled};
use crate::policy::Policy;
use crate::record::State;
use crate::reporter::Reporter;
use crate::source::Source;

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    /// Everything that was named.
    pub(crate) sources: &'a [Source],
    /// Those of them that are in staging, since only their manifests say which packs they are.
    pub(crate) direct: &'a [Arrived],
    pub(crate) dependencies: Dependencies,
    pub(crate) policy: &'a Policy,
    pub(crate) layout: &'a Layout,
}

impl Wanted<'_> {
    /// Chooses a version for everything; what is in `state` is preferred.
    pub(crate) fn plan(
        self,
        state: &State,
        registries: &Registries,
        reporter: &dyn Reporter,
    ) -> Result<Plan, InstallError> {
        let roots = self.roots()?;
        let settled: Vec<Settled> = (self.direct.iter())
            .map(|arrived| Settled::of_staged(&arrived.staged))
            .collect();
        let given = Given {
            state,
            settled: &settled,
            roots: &roots,
            dependencies: self.dependencies,
            preferred: &BTreeMap::new(),
            policy: self.policy,
            layout: self.layout,
        };
        let plan = crate::runtime::block_on(reporter, || plan::plan(given, registries, reporter))
            .map_err(InstallError::stopped)??;
        check::deprecated(&plan, reporter);
        Ok(plan)
    }

    /// What registries are asked for; each pack may be named once.
    fn roots(self) -> Result<Vec<PackDependency>, InstallError> {
        let mut named: BTreeMap<PackRef, String> = BTreeMap::new();
        let mut name = |pack_ref: &PackRef, source: String| {
            let earlier = named.insert(pack_ref.clone(), source.clone());
            earlier.map_or(Ok(()), |first| {
                Err(InstallError::Twice {
                    pack_ref: pack_ref.clone(),
                    first: format!("`{first}`"),
                    second: format!("`{source}`"),
                })
            })
        };
        for arrived in self.direct {
            name(
                &arrived.staged.manifest.pack_ref,
                arrived.staged.name.clone(),
            )?;
        }
        let mut roots = Vec::new();
        for source in self.sources {
            if let Source::Registry {
                pack_ref,
                constraint,
            } = source
            {
                name(pack_ref, source.to_string())?;
                roots.push(PackDependency {
                    pack_ref: pack_ref.clone(),
                    constraint: constraint.clone(),
                });
            }
        }
        Ok(roots)
    }
}
