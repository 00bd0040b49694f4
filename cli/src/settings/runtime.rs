//! How packs are made ready and tested: `environments` and `tests`.

use std::path::PathBuf;
use std::sync::Arc;

use pack_runtime::Interpreters;
use pack_runtime::environment::{Allowed, DEFAULT_TIMEOUT, EnvironmentSettings};
use pack_runtime::testing::{self, Strength, TestSettings};
use pack_runtime::variables::{Network, inherited};

use super::{Settings, all_variables, wrong};
use crate::failure::{Code, Failure};

impl Settings {
    /// How environments are built; `None` where the configuration says that they are not.
    pub(crate) fn environments(
        &self,
        offline: bool,
    ) -> Result<Option<EnvironmentSettings>, Failure> {
        if !self.flag(&["environments", "enabled"], true)? {
            return Ok(None);
        }
        let variables = inherited(all_variables(), Network::Allowed);
        let key = |name| ["environments", name];
        Ok(Some(EnvironmentSettings {
            launcher: launcher()?,
            interpreters: Arc::new(Interpreters::new(variables.clone())),
            find_links: self.find_links()?,
            python_index: self.text(&key("python_index"))?,
            npm_registry: self.text(&key("npm_registry"))?,
            offline: offline || self.flag(&key("offline"), false)?,
            allowed: Allowed {
                foreign_sources: self.flag(&key("allow_foreign_sources"), false)?,
                build_scripts: self.flag(&key("allow_build_scripts"), false)?,
            },
            skipped: Vec::new(),
            timeout: self.seconds(&key("timeout"), DEFAULT_TIMEOUT)?,
            variables,
        }))
    }

    /// Absolute, since programs search them from elsewhere.
    fn find_links(&self) -> Result<Vec<PathBuf>, Failure> {
        const PATH: [&str; 2] = ["environments", "find_links"];
        const EXPECTED: &str = "a list of directories such as `[/srv/wheels]`";
        let Some(found) = self.find(&PATH)? else {
            return Ok(Vec::new());
        };
        let is_list = found.node.is_sequence() || found.node.is_null();
        let items = found.node.items().iter().map(|item| {
            let path = std::path::absolute(item.as_str()?).ok()?;
            path.is_dir().then_some(path)
        });
        let paths: Option<Vec<PathBuf>> = items.collect();
        paths
            .filter(|_| is_list)
            .ok_or_else(|| wrong(&PATH, &found, EXPECTED))
    }

    /// Whether installations run tests.
    pub(crate) fn tests_enabled(&self) -> Result<bool, Failure> {
        self.flag(&["tests", "enabled"], true)
    }

    /// How tests are run.
    pub(crate) fn tests(&self) -> Result<TestSettings, Failure> {
        const CONFINEMENT: [&str; 2] = ["tests", "confinement"];
        let variables = inherited(all_variables(), Network::None);
        let strength = match self.find(&CONFINEMENT)? {
            None => Strength::default(),
            Some(found) => match found.node.as_str() {
                Some("offered") => Strength::Offered,
                Some("required") => Strength::Required,
                _ => return Err(wrong(&CONFINEMENT, &found, "`offered` or `required`")),
            },
        };
        Ok(TestSettings {
            launcher: launcher()?,
            interpreters: Arc::new(Interpreters::new(variables.clone())),
            scratch: std::env::temp_dir(),
            timeout: self.seconds(&["tests", "timeout"], testing::DEFAULT_TIMEOUT)?,
            strength,
            variables,
        })
    }
}

/// This program, which confines others when it is asked to.
fn launcher() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| {
        let text = format!("cannot tell where this program is, from `/proc/self/exe`: {e}");
        Failure::text(Code::Failed, text, None)
    })
}
