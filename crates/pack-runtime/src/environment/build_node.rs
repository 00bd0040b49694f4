//! Installing modules, with the package manager that wrote the lock.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pack_fs::durable;
use pack_fs::error::Context as _;

use super::EnvironmentError;
use super::build::Build;
use super::node::{MAX_LOCK_BYTES, Manager, Modules, REGISTRY, yarn_lock};
use crate::process::Job;
use crate::variables::find_program;

impl Build<'_> {
    /// Installs them below the environment; returns how many there are.
    pub(super) fn node(&self, pack: &Path, modules: &Modules) -> Result<u64, EnvironmentError> {
        let name = modules.manager.program();
        let program = find_program(&self.settings.variables, name)
            .ok_or(EnvironmentError::NoRuntime { program: name })?;
        let is_yarn = matches!(modules.manager, Manager::Yarn | Manager::Berry);
        if is_yarn {
            self.check_yarn(&program, modules.manager)?;
        }
        self.lay_out(pack, modules, &program)?;
        let mut install = self.job(&program, node_flags(modules));
        self.path.clone_into(&mut install.directory);
        if modules.manager == Manager::Berry {
            self.berry_settings(&mut install);
        } else {
            self.node_options(modules.manager, &mut install);
        }
        self.step("install modules", &install)?;
        if modules.manager == Manager::Berry {
            self.check_lock(modules)?;
        }
        Ok(node_packages(&self.path.join("node_modules")))
    }

    /// Writes the checked manifest and lock, and the archives of the pack.
    fn lay_out(
        &self,
        pack: &Path,
        modules: &Modules,
        program: &Path,
    ) -> Result<(), EnvironmentError> {
        let write = |name: &str, bytes: &[u8]| {
            let path = self.path.join(name);
            fs::write(&path, bytes).on("write", &path)
        };
        write("package.json", &modules.manifest)?;
        if let Some((name, bytes)) = &modules.lock {
            if modules.manager == Manager::Yarn && bytes.contains(&(REGISTRY as u8)) {
                let registry = self.registry_of_yarn(program)?;
                let text = String::from_utf8_lossy(bytes).replace(REGISTRY, &registry);
                write(name, text.as_bytes())?;
            } else {
                write(name, bytes)?;
            }
        }
        for path in &modules.local {
            let target = self.path.join(path);
            durable::create_directories(durable::parent_of(&target))?;
            fs::copy(pack.join(path), &target).on("copy", &pack.join(path))?;
        }
        Ok(())
    }

    /// The operator's registry, or the one that yarn knows.
    fn registry_of_yarn(&self, program: &Path) -> Result<String, EnvironmentError> {
        if let Some(registry) = &self.settings.npm_registry {
            return Ok(registry.trim_end_matches('/').to_owned());
        }
        let ask = self.job(program, &["config", "get", "registry", "--no-default-rc"]);
        let told = self.step("ask yarn for its registry", &ask)?;
        let told = String::from_utf8_lossy(&told);
        Ok(told.trim().trim_end_matches('/').to_owned())
    }

    /// Yarn 1 cannot read the locks of its successors, and they would write its anew.
    fn check_yarn(&self, program: &Path, manager: Manager) -> Result<(), EnvironmentError> {
        let mut ask = self.job(program, &["--version"]);
        self.later_yarn(&mut ask);
        let told = self.step("ask yarn for its version", &ask)?;
        let version = String::from_utf8_lossy(&told).trim().to_owned();
        let (is_fit, wanted) = match manager {
            Manager::Berry => (!version.starts_with("1."), "2 or later"),
            _ => (version.starts_with("1."), "1"),
        };
        if is_fit {
            return Ok(());
        }
        let version = pack_format::text::printable(&version);
        let reason =
            format!("`yarn.lock` was written by yarn {wanted}, and this is yarn {version}");
        Err(self.failed("install modules", reason))
    }

    /// Yarn 2 and later leave out `devDependencies` only if neither manifest nor lock has them: they get a manifest without,
    /// and may take out of the lock what that leaves. Nothing else may have changed.
    fn check_lock(&self, modules: &Modules) -> Result<(), EnvironmentError> {
        let Some((name, before)) = &modules.lock else {
            return Ok(());
        };
        let path = self.path.join(name);
        let after = pack_fs::limited::read(&path, MAX_LOCK_BYTES).on("read", &path)?;
        let text = String::from_utf8_lossy;
        match yarn_lock::addition(&text(before), &text(&after)) {
            None => Ok(()),
            Some(entry) => {
                let entry = pack_format::text::printable(&entry);
                let reason = format!(
                    "`{name}` does not hold what `package.json` asks for: `{entry}` is new"
                );
                Err(self.failed("install modules", reason))
            }
        }
    }

    /// What npm, pnpm and yarn 1 are told.
    fn node_options(&self, manager: Manager, install: &mut Job) {
        let options = &mut install.arguments;
        if !self.settings.allowed.build_scripts {
            options.push("--ignore-scripts".into());
        } else if manager == Manager::Pnpm {
            // It wants each package to be named besides.
            options.push("--config.dangerously-allow-all-builds=true".into());
        }
        if self.settings.offline {
            options.push("--offline".into());
        }
        if let Some(registry) = &self.settings.npm_registry {
            options.extend(["--registry".into(), registry.into()]);
        }
        if manager == Manager::Pnpm {
            let store = self.home.path().join("store");
            options.extend(["--store-dir".into(), store.into()]);
        }
    }

    /// What yarn 2 and later are told, which know no such options.
    fn berry_settings(&self, install: &mut Job) {
        self.later_yarn(install);
        let is = |on: bool| OsString::from(if on { "1" } else { "0" });
        let mut set: Vec<(&str, OsString)> = vec![
            ("YARN_NODE_LINKER", "node-modules".into()),
            (
                "YARN_ENABLE_SCRIPTS",
                is(self.settings.allowed.build_scripts),
            ),
            ("YARN_ENABLE_NETWORK", is(!self.settings.offline)),
            // It takes out what only developers need.
            ("YARN_ENABLE_IMMUTABLE_INSTALLS", is(false)),
        ];
        if let Some(registry) = &self.settings.npm_registry {
            set.push(("YARN_NPM_REGISTRY_SERVER", registry.into()));
            if let Some(rest) = registry.strip_prefix("http://") {
                let host = rest.split(['/', ':']).next().unwrap_or_default();
                set.push(("YARN_UNSAFE_HTTP_WHITELIST", host.into()));
            }
        }
        for (name, value) in set {
            install.variables.insert(name.into(), value);
        }
    }

    /// Neither files of settings, wherever they lie, nor what they would have yarn run.
    fn later_yarn(&self, job: &mut Job) {
        let set: [(&str, OsString); 4] = [
            ("YARN_RC_FILENAME", "attune-has-none.yml".into()),
            ("YARN_IGNORE_PATH", "1".into()),
            ("YARN_ENABLE_TELEMETRY", "0".into()),
            ("YARN_GLOBAL_FOLDER", self.home.path().join("yarn").into()),
        ];
        for (name, value) in set {
            job.variables.insert(name.into(), value);
        }
    }
}

fn node_flags(modules: &Modules) -> &'static [&'static str] {
    match (modules.manager, &modules.lock) {
        (Manager::Npm, Some(_)) => &["ci", "--omit=dev", "--no-audit", "--no-fund"],
        (Manager::Npm, None) => &[
            "install",
            "--omit=dev",
            "--no-audit",
            "--no-fund",
            "--no-package-lock",
        ],
        (Manager::Pnpm, _) => &[
            "install",
            "--frozen-lockfile",
            "--prod",
            "--ignore-pnpmfile",
            "--ignore-workspace",
            "--package-import-method",
            "copy",
        ],
        (Manager::Yarn, _) => &[
            "install",
            "--frozen-lockfile",
            "--production",
            "--non-interactive",
            "--no-default-rc",
        ],
        (Manager::Berry, _) => &["install"],
    }
}

/// Installed packages, those with a scope and those inside others among them; what links lead to is counted where it is.
pub(super) fn node_packages(modules: &Path) -> u64 {
    let mut count = 0;
    let mut waiting: Vec<PathBuf> = vec![modules.to_owned()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_symlink() {
                continue;
            }
            if name == ".pnpm" {
                // One directory for each package, with what it sees.
                let own = fs::read_dir(&path).into_iter().flatten().flatten();
                waiting.extend(own.map(|entry| entry.path().join("node_modules")));
            } else if name.starts_with('@') {
                waiting.push(path);
            } else if path.join("package.json").is_file() {
                count += 1;
                waiting.push(path.join("node_modules"));
            }
        }
    }
    count
}
