//! `doctor`: what lies in a packs directory beside what its generations say, and making it so.
//!
//! Trees and links are the business of `verify` and `repair`; environments are looked at here. Mending looks before
//! and after: what is told to be mended is what was wrong and is not any more.

mod environments;
mod report;

use std::fs;
use std::io;
use std::path::PathBuf;

use pack_client::Registries;
use pack_format::PackRef;
use pack_fs::FsError;
use pack_fs::error::Context as _;
use pack_runtime::EnvironmentSettings;

pub use self::report::{About, DoctorError, Fate, Finding};
use self::report::{Reasons, subject_of};
use crate::installer::Installer;
use crate::layout::Layout;
use crate::prune::{Retention, Surplus};
use crate::record::State;
use crate::session::Session;
use crate::state;

impl Installer<'_> {
    /// Everything that is not as the generations say. Takes no lock and writes nothing; interpreters of environments
    /// are started. Without `settings`, environments are not looked at.
    ///
    /// What another process builds at this moment is among what nothing uses.
    ///
    /// # Errors
    /// [`DoctorError`] if what should be there cannot be read.
    pub fn examine(
        &self,
        settings: Option<&EnvironmentSettings>,
    ) -> Result<Vec<Finding>, DoctorError> {
        let mut findings = Vec::new();
        for pack in self.verify(&[])? {
            let subject = format!("{}@{}", pack.pack_ref, pack.version);
            let problems = pack.problems.iter();
            findings.extend(problems.map(|p| Finding::new(About::Pack, &subject, p.to_string())));
        }
        let state = self.list()?;
        if let Some(settings) = settings {
            for record in state.packs.values() {
                let wrong = self.environment_problems(record, settings);
                let subject = subject_of(record);
                findings.extend(
                    wrong
                        .into_iter()
                        .map(|problem| Finding::new(About::Environment, &subject, problem)),
                );
            }
        }
        self.unreachable(&state, &mut findings)?;
        for path in self.stray_links(&state)? {
            findings.push(Finding::of_path(
                About::Link,
                &path,
                "leads to a pack that is not installed",
            ));
        }
        for path in self.unused()? {
            findings.push(Finding::of_path(
                About::Unused,
                &path,
                "is an environment that nothing uses",
            ));
        }
        Ok(findings)
    }

    /// Makes everything as the generations say, as far as the store, `registries` and the places that records name allow:
    /// trees and links are put back, environments built, those that nothing uses removed. What is installed does not
    /// change; where an environment got another name, a new generation says so.
    ///
    /// Returns what was found, with what became of it.
    ///
    /// # Errors
    /// [`DoctorError`] if nothing could be tried; what could not be mended is in the findings.
    pub fn mend(
        &self,
        registries: &Registries,
        settings: Option<&EnvironmentSettings>,
    ) -> Result<Vec<Finding>, DoctorError> {
        let mut found = self.examine(settings)?;
        if found.is_empty() {
            return Ok(found);
        }
        let mut reasons = Reasons::default();
        if found.iter().any(|finding| finding.about == About::Pack) {
            reasons.of_repair(&self.repair(&[], registries)?);
        }
        self.mend_the_rest(settings, &mut reasons)?;
        let left = self.examine(settings)?;
        for finding in &mut found {
            if left.contains(finding) {
                finding.state = Fate::Left;
                finding.reason = reasons.why(finding);
            } else {
                finding.state = Fate::Mended;
            }
        }
        Ok(found)
    }

    /// Environments and links, in one change.
    fn mend_the_rest(
        &self,
        settings: Option<&EnvironmentSettings>,
        reasons: &mut Reasons,
    ) -> Result<(), DoctorError> {
        let mut session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        let mut packs = session.state.packs.clone();
        for record in packs.values_mut() {
            let Some(settings) = settings else { break };
            if self.environment_problems(record, settings).is_empty() {
                continue;
            }
            match self.rebuilt(&mut session, record, settings) {
                Ok(environments) => record.environments = environments,
                Err(reason) => reasons.add(subject_of(record), reason),
            }
        }
        for path in self.stray_links(&session.state)? {
            session.set_aside(&path)?;
        }
        for path in self.unused()? {
            // What was just built for a record that is about to be written is in use.
            let is_new = packs
                .values()
                .flat_map(|record| record.environments.values());
            if !is_new.into_iter().any(|key| path.ends_with(key.as_str())) {
                session.set_aside(&path)?;
            }
        }
        if packs == session.state.packs {
            session.keep_stored();
            return Ok(());
        }
        let next_id = session.state.next_id;
        session.commit(packs, next_id, &[], self.reporter)?;
        Ok(())
    }

    /// Generations that cannot be gone back to as a whole.
    fn unreachable(&self, active: &State, findings: &mut Vec<Finding>) -> Result<(), DoctorError> {
        for earlier in state::all(&self.layout)? {
            if earlier.generation == active.generation {
                continue;
            }
            for record in earlier.packs.values() {
                if !self.layout.stored(&record.store_key).is_dir() {
                    let problem = format!(
                        "its tree, which generation {} needs, is gone",
                        earlier.generation
                    );
                    findings.push(Finding::new(
                        About::Generation,
                        &subject_of(record),
                        problem,
                    ));
                }
            }
        }
        Ok(())
    }

    /// Links of ours to packs that are not installed.
    fn stray_links(&self, state: &State) -> Result<Vec<PathBuf>, DoctorError> {
        let mut stray = Vec::new();
        let base = self.layout.base();
        let entries = match fs::read_dir(base) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(stray),
            Err(e) => return Err(FsError::new("list", base, e).into()),
        };
        for entry in entries {
            let path = entry.on("list", base)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let Some(pack_ref) = name.and_then(|name| name.parse::<PackRef>().ok()) else {
                continue;
            };
            let is_ours = fs::read_link(&path).is_ok_and(|to| to == Layout::pack_target(&pack_ref));
            if is_ours && !state.packs.contains_key(&pack_ref) {
                stray.push(path);
            }
        }
        stray.sort();
        Ok(stray)
    }

    /// Environments that no generation uses, and what builds that were cut off have left.
    fn unused(&self) -> Result<Vec<PathBuf>, DoctorError> {
        let surplus = Surplus::find(&self.layout, self.settings.now, &Retention::default())?;
        let mut unused = surplus.environments;
        unused.sort();
        Ok(unused)
    }
}
