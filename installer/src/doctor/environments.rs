//! The environments that records name, and those that packs need.

use std::collections::BTreeMap;

use pack_format::error_chain;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_fs::error::Context as _;
use pack_runtime::environment::{self, EnvironmentSettings};
use pack_runtime::{Environment, EnvironmentKey, EnvironmentKind};

use crate::installer::Installer;
use crate::ready::{Rebuild, Unready};
use crate::record::Record;
use crate::session::Session;

impl Installer<'_> {
    /// What is wrong with the environments of one pack, a sentence each.
    pub(super) fn environment_problems(
        &self,
        record: &Record,
        settings: &EnvironmentSettings,
    ) -> Vec<String> {
        let directory = self.layout.environments();
        let mut problems = Vec::new();
        for (kind, key) in &record.environments {
            let kind = kind.as_str();
            let wrong = match Environment::find(&directory, key) {
                None => Some("it is not there, or not complete".to_owned()),
                Some(found) => found
                    .check(&settings.interpreters)
                    .err()
                    .map(|e| e.to_string()),
            };
            problems.extend(
                wrong.map(|wrong| format!("the {kind} environment does not work: {wrong}")),
            );
        }
        // A tree that is not there is told of by itself.
        let tree = self.layout.stored(&record.store_key);
        match environment::plan(&tree, settings) {
            Ok(planned) => {
                let kinds = planned.iter().map(environment::Planned::kind);
                let missing = kinds.filter(|kind| !record.environments.contains_key(kind));
                problems.extend(
                    missing.map(|kind| {
                        format!("it needs a {} environment, and has none", kind.as_str())
                    }),
                );
            }
            Err(error) => problems.push(format!(
                "what it needs cannot be told: {}",
                error_chain(&error)
            )),
        }
        problems
    }

    /// The environments of one pack, with those that are missing or do not work built.
    pub(super) fn rebuilt(
        &self,
        session: &mut Session<'_>,
        record: &Record,
        settings: &EnvironmentSettings,
    ) -> Result<BTreeMap<EnvironmentKind, EnvironmentKey>, String> {
        let tree = self.layout.stored(&record.store_key);
        let path = tree.join("pack.yaml");
        let bytes = pack_fs::limited::read(&path, MAX_METADATA_BYTES)
            .on("read", &path)
            .map_err(|e| error_chain(&e))?;
        let manifest =
            Manifest::parse(&path.display().to_string(), &bytes).map_err(|e| error_chain(&e))?;
        let pack = Unready {
            tree: &tree,
            manifest: &manifest,
            name: "",
        };
        let built = session.environments(pack, (settings, Rebuild::Broken), self.reporter);
        let built = built.map_err(|e| error_chain(&e))?;
        Ok(built.into_iter().map(|e| (e.kind, e.key)).collect())
    }
}
