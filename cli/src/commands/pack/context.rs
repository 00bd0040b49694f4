//! `Context`: what every verb about packs works with.

use std::path::PathBuf;
use std::time::Duration;

use attune_installer::{
    ChangeSettings, Classify, FailureClass, Installer, Layout, Policy, Preparation, Requirements,
    Retention,
};
use pack_client::{ClientSettings, Registries, RegistryConfig};
use pack_format::{Hint, Timestamp};

use super::progress::Progress;
use crate::commands::now;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::{self, Settings};

/// Whether tests are run before packs become active.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tests {
    /// Those that the packs have.
    #[default]
    Run,
    /// None.
    Skip,
}

/// The packs directory, the settings, and how to print.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) report: Report,
    pub(crate) progress: Progress,
    base: PathBuf,
    pub(crate) now: Timestamp,
    retention: Retention,
    policy: Policy,
    offline: bool,
    prepares: bool,
}

impl<'a> Context<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        base: PathBuf,
        report: Report,
    ) -> Result<Self, Failure> {
        Ok(Self {
            settings,
            report,
            progress: Progress::new(report),
            base,
            now: now(),
            retention: settings.retention()?,
            policy: settings.policy()?,
            offline: false,
            prepares: true,
        })
    }

    /// The same where packs may be installed although this host is not what they need, with a warning.
    pub(crate) fn on_any_host(mut self) -> Self {
        self.policy.requirements = Requirements::Warn;
        // What it lacks may be what tests and environments need.
        self.prepares = false;
        self
    }

    /// The same without the network, if so.
    pub(crate) fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Whether nothing may be fetched.
    pub(crate) fn is_offline(&self) -> bool {
        self.offline
    }

    /// What is done before packs become active.
    pub(crate) fn preparation(&self, tests: Tests) -> Result<Preparation, Failure> {
        if !self.prepares {
            return Ok(Preparation::default());
        }
        let runs_tests = tests == Tests::Run && self.settings.tests_enabled()?;
        Ok(Preparation {
            environments: self.settings.environments(self.offline)?,
            tests: runs_tests.then(|| self.settings.tests()).transpose()?,
        })
    }

    /// For reading.
    pub(crate) fn reader(&self) -> Installer<'_> {
        self.installer(String::new(), Duration::ZERO)
    }

    /// For a change that history calls `command`.
    pub(crate) fn installer(&self, command: String, lock_timeout: Duration) -> Installer<'_> {
        let mut change = ChangeSettings::new(self.now, settings::user_name(), command);
        change.lock_timeout = lock_timeout;
        change.retention = self.retention;
        #[cfg(debug_assertions)]
        {
            change.failpoints = super::test_panic::failpoints();
        }
        Installer::new(&self.base, change, &self.progress).with_policy(self.policy.clone())
    }

    /// The same, for updates, which may have to wait longer for a version than installations.
    pub(crate) fn updater(
        &self,
        command: String,
        lock_timeout: Duration,
    ) -> Result<Installer<'_>, Failure> {
        let mut policy = self.policy.clone();
        let age = self.settings.update_age()?;
        policy.minimum_release_age = policy.minimum_release_age.max(age);
        let preparation = self.preparation(Tests::Run)?;
        let installer = self.installer(command, lock_timeout).with_policy(policy);
        Ok(installer.with_preparation(preparation))
    }

    /// The registries of the configuration, or the one `--registry` names: a configured one by its name
    /// or URL, or any other by URL or path.
    pub(crate) fn registries(&self, named: Option<&str>) -> Result<Registries, Failure> {
        match named {
            None => self.registries_of(self.settings.registries()?),
            Some(name) => self.registries_of(vec![self.registry(name)?]),
        }
    }

    /// The registry somebody names: a configured one by its name or URL, or any other by URL or path.
    pub(crate) fn registry(&self, name: &str) -> Result<RegistryConfig, Failure> {
        let is_called =
            |config: &RegistryConfig| config.name.as_deref() == Some(name) || config.url == name;
        if let Some(known) = self.settings.registries()?.into_iter().find(is_called) {
            return Ok(known);
        }
        let there = std::path::Path::new(name).try_exists();
        if !name.contains("://") && matches!(there, Ok(false)) {
            return Err(Failure::text(
                Code::Usage,
                format!("there is no configured registry called `{name}`, and no such path"),
                Some("see the configured ones with `attune pack registries`"),
            ));
        }
        self.settings.with_token(RegistryConfig::new(name))
    }

    /// Whether plain http may be used beyond this machine.
    pub(crate) fn allow_http(&self) -> Result<bool, Failure> {
        Ok(self.registries_of(Vec::new())?.settings().allow_http)
    }

    /// These registries, with the cache of the packs directory.
    pub(crate) fn registries_of(
        &self,
        configs: Vec<RegistryConfig>,
    ) -> Result<Registries, Failure> {
        let cache = Layout::new(&self.base).cache();
        let client = ClientSettings {
            offline: self.offline,
            ..self.settings.client(self.now, cache)?
        };
        Ok(Registries::new(configs, client))
    }

    /// How one registry is talked to when what it says now counts: without the cache.
    pub(crate) fn uncached(&self) -> Result<ClientSettings, Failure> {
        self.settings.client_without_cache(self.now)
    }

    /// What the settings keep.
    pub(crate) fn retention(&self) -> Retention {
        self.retention
    }

    /// Where packs are.
    pub(crate) fn layout(&self) -> Layout {
        Layout::new(&self.base)
    }
}

/// A failure with the exit code of its class.
pub(crate) fn failed<E: std::error::Error + Hint + Classify>(error: &E) -> Failure {
    Failure::new(code(error.class()), error)
}

/// The exit code of a class.
pub(crate) fn code(class: FailureClass) -> Code {
    match class {
        FailureClass::Usage => Code::Usage,
        FailureClass::NoSolution => Code::NoSolution,
        FailureClass::Network => Code::Network,
        FailureClass::Verification => Code::Verification,
        FailureClass::Authentication => Code::Authentication,
        FailureClass::Busy => Code::Busy,
        FailureClass::Failed => Code::Failed,
    }
}
