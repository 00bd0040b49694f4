//! `Policy`: which of the listed versions may be chosen at all.

use std::sync::Arc;
use std::time::Duration;

use pack_client::Candidate;
use pack_format::documents::PackDependency;
use pack_format::manifest::Manifest;
use pack_format::{PackRef, Timestamp, Version};
use pack_resolve::{Requirement, Unmet, Withheld};

use crate::host::Host;
use crate::plan::Dependencies;

/// What an operator decides about versions.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// What packs find here.
    pub host: Arc<Host>,
    /// What an unmet requirement means.
    pub requirements: Requirements,
    /// Versions published less long ago are not chosen.
    pub minimum_release_age: Duration,
    /// Packs, or some of their versions, that may be younger.
    pub age_exceptions: Vec<PackDependency>,
}

/// What a host that is not as a pack needs it means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Requirements {
    /// Such versions are not chosen, such sources refused.
    #[default]
    Refuse,
    /// They are installed with a warning.
    Warn,
}

impl Policy {
    /// Why a listed version may not be chosen whatever the host is, if it may not.
    pub(crate) fn withheld(&self, candidate: &Candidate, now: Timestamp) -> Option<Withheld> {
        if let Some(yank) = &candidate.yanked {
            return Some(Withheld::Yanked {
                reason: yank.reason.clone(),
            });
        }
        self.too_young(candidate, now)
    }

    /// Whether versions that do not run on the host may not be chosen.
    pub(crate) fn refuses_by_host(&self, dependencies: Dependencies) -> bool {
        dependencies == Dependencies::Install && self.requirements == Requirements::Refuse
    }

    /// What a listed version needs that the host has not; asks the host.
    pub(crate) fn unmet_by_host(&self, candidate: &Candidate) -> Option<Withheld> {
        let (refused, _) = self.check(&requirements(candidate));
        (!refused.is_empty()).then(|| Withheld::Unmet {
            reason: refused.join(", "),
        })
    }

    fn too_young(&self, candidate: &Candidate, now: Timestamp) -> Option<Withheld> {
        let seconds = i64::try_from(self.minimum_release_age.as_secs()).unwrap_or(i64::MAX);
        let published_at = candidate.published_at.filter(|_| seconds > 0)?;
        let usable_at = Timestamp::from_unix(published_at.as_unix().saturating_add(seconds));
        let excepted = |pack_ref: &PackRef, version: &Version| {
            (self.age_exceptions.iter())
                .any(|e| e.pack_ref == *pack_ref && e.constraint.matches(version))
        };
        (usable_at > now && !excepted(&candidate.pack_ref, &candidate.version)).then_some(
            Withheld::TooYoung {
                published_at,
                usable_at,
            },
        )
    }

    /// What does not hold: what this host has not, then what nobody can tell.
    pub(crate) fn check(&self, requirements: &[Requirement]) -> (Vec<String>, Vec<String>) {
        let mut refused = Vec::new();
        let mut unclear = Vec::new();
        for requirement in requirements {
            match requirement.check(&self.host.found(&requirement.runtime)) {
                Ok(()) => {}
                Err(Unmet::Host(reason)) => refused.push(reason),
                Err(Unmet::Unclear(reason)) => unclear.push(reason),
            }
        }
        (refused, unclear)
    }
}

/// What a listed version needs of its host.
pub(crate) fn requirements(candidate: &Candidate) -> Vec<Requirement> {
    let about = &candidate.about;
    Requirement::of(
        Some(&candidate.requirements),
        &about.runtime_deps,
        (about.python.as_deref(), about.nodejs.as_deref()),
    )
}

/// What a pack at hand needs of its host.
pub(crate) fn requirements_of(manifest: &Manifest) -> Vec<Requirement> {
    Requirement::of(
        manifest.dependencies.as_ref(),
        &manifest.runtime_deps,
        (manifest.python.as_deref(), manifest.nodejs.as_deref()),
    )
}
