//! Building an environment, with the programs that know how: uv or pip, npm, pnpm or yarn.
//!
//! They run in a directory of ours with the checked files only, with a home of their own, with no configuration of
//! anybody's, and may write to the new environment and that home only.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use pack_fs::error::Context as _;
use pack_fs::{durable, remove};
use tempfile::TempDir;

use super::requirements::{PACK, Requirements};
use super::{Content, Environment, EnvironmentError, EnvironmentSettings, Planned, RECORD};
use crate::confine::{Confinement, Reach};
use crate::process::{End, Ended, Job, Watcher};
use crate::variables::find_program;

/// How much of what a program said explains its failure, in bytes.
const SHOWN_BYTES: usize = 4096;

impl Planned {
    /// Builds it below `directory`, at the path it keeps; what is there of an earlier, incomplete build goes first.
    ///
    /// `pack` is the pack it was planned for. The caller sees to it that nobody else builds below `directory`.
    ///
    /// # Errors
    /// [`EnvironmentError`]; nothing is left of it then.
    pub fn build(
        &self,
        (pack, directory): (&Path, &Path),
        settings: &EnvironmentSettings,
        watcher: &dyn Watcher,
    ) -> Result<Environment, EnvironmentError> {
        durable::create_directories(directory)?;
        let directory = &directory.canonicalize().on("look up", directory)?;
        let path = directory.join(self.key.as_str());
        remove::remove_all(&path)?;
        fs::create_dir(&path).on("create directory", &path)?;
        let home = tempfile::tempdir_in(directory).on("create a directory in", directory)?;
        let control = tempfile::tempdir_in(directory).on("create a directory in", directory)?;
        let build = Build {
            planned: self,
            settings,
            watcher,
            path: &path,
            home: &home,
            control: &control,
        };
        let outcome = build.run(pack);
        if outcome.is_err() {
            // What failed explains more than that its rest cannot be removed.
            let _ = remove::remove_all(&path);
        }
        outcome
    }
}

/// One environment being built.
pub(super) struct Build<'a> {
    planned: &'a Planned,
    pub(super) settings: &'a EnvironmentSettings,
    watcher: &'a dyn Watcher,
    pub(super) path: &'a Path,
    pub(super) home: &'a TempDir,
    control: &'a TempDir,
}

impl Build<'_> {
    fn run(&self, pack: &Path) -> Result<Environment, EnvironmentError> {
        let package_count = match &self.planned.content {
            Content::Python(requirements) => self.python(pack, requirements)?,
            Content::Node(modules) => self.node(pack, modules)?,
        };
        let environment = Environment {
            kind: self.planned.kind(),
            key: self.planned.key.clone(),
            path: self.path.to_owned(),
            runtime_version: self.planned.interpreter.version.clone(),
            package_count,
        };
        // Its files are on disk before the record that vouches for them.
        durable::sync_file_system(self.path)?;
        let record = self.path.join(RECORD);
        let bytes = serde_json::to_vec_pretty(&environment).map_err(std::io::Error::from);
        durable::replace_file(&record, &bytes.on("write", &record)?)?;
        Ok(environment)
    }

    fn python(&self, pack: &Path, asked: &Requirements) -> Result<u64, EnvironmentError> {
        let lines = self.home.path().join("requirements.txt");
        let constraints = self.home.path().join("constraints.txt");
        let place = pack.display().to_string();
        for (path, list) in [(&lines, &asked.lines), (&constraints, &asked.constraints)] {
            let text = list.join("\n").replace(PACK, &place) + "\n";
            fs::write(path, text).on("write", path)?;
        }
        let interpreter = self.planned.interpreter.executable.clone();
        let mut options: Vec<OsString> = vec!["-r".into(), lines.into()];
        if !asked.constraints.is_empty() {
            options.extend(["-c".into(), constraints.into()]);
        }
        options.extend(self.python_sources(asked));
        if let Some(uv) = self.uv() {
            let mut venv = self.job(
                &uv,
                &["venv", "--no-config", "--quiet", "--no-python-downloads"],
            );
            venv.arguments
                .extend(["--allow-existing".into(), "--python".into()]);
            venv.arguments
                .extend([interpreter.into(), self.path.into()]);
            self.step("make a virtualenv", &venv)?;
            let mut install = self.job(
                &uv,
                &["pip", "install", "--no-config", "--link-mode", "copy"],
            );
            install
                .arguments
                .extend(["--python".into(), self.path.into()]);
            install.arguments.extend(options);
            self.step("install packages with uv", &install)?;
        } else {
            let mut venv = self.job(&interpreter, &["-I", "-m", "venv"]);
            venv.arguments.push(self.path.into());
            self.step("make a virtualenv", &venv)?;
            let python = self.path.join("bin/python");
            let flags = [
                "-I",
                "-m",
                "pip",
                "install",
                "--isolated",
                "--no-input",
                "--no-cache-dir",
            ];
            let mut install = self.job(&python, &flags);
            install
                .arguments
                .extend(["--disable-pip-version-check".into()]);
            install.arguments.extend(options);
            self.step("install packages with pip", &install)?;
        }
        Ok(python_packages(self.path))
    }

    /// Where packages come from, for pip and uv alike.
    fn python_sources(&self, asked: &Requirements) -> Vec<OsString> {
        let mut options: Vec<OsString> = Vec::new();
        if !self.settings.allowed.build_scripts {
            options.extend(["--only-binary".into(), ":all:".into()]);
        }
        if asked.require_hashes {
            options.push("--require-hashes".into());
        }
        for directory in &self.settings.find_links {
            options.extend(["--find-links".into(), directory.into()]);
        }
        match &self.settings.python_index {
            _ if self.settings.offline => options.push("--no-index".into()),
            // uv would take the operator's, pip the pack's.
            Some(index) if !asked.names_an_index() => {
                options.extend(["--index-url".into(), index.into()]);
            }
            _ => {}
        }
        options
    }

    /// uv, if it is here and runs.
    fn uv(&self) -> Option<PathBuf> {
        let variables = self.job(Path::new("uv"), &[]).variables;
        let program = find_program(&variables, "uv")?;
        let mut job = self.job(&program, &["--version"]);
        job.timeout = Some(std::time::Duration::from_secs(10));
        let ended = job.run(&crate::process::Unwatched).ok()?;
        ended.end.is_success().then_some(program)
    }

    /// A program with a home of its own and nobody's configuration.
    pub(super) fn job(&self, program: &Path, arguments: &[&str]) -> Job {
        let mut job = Job::new(program, self.home.path());
        job.arguments = arguments.iter().map(Into::into).collect();
        job.variables = self.settings.variables.clone();
        job.timeout = Some(self.settings.timeout);
        let home = self.home.path();
        let set: [(&str, OsString); 19] = [
            ("HOME", home.into()),
            ("TMPDIR", home.into()),
            ("XDG_CACHE_HOME", home.join("cache").into()),
            ("XDG_CONFIG_HOME", home.join("config").into()),
            // Where pnpm locks its store.
            ("XDG_RUNTIME_DIR", home.into()),
            ("PIP_CONFIG_FILE", "/dev/null".into()),
            ("PYTHONNOUSERSITE", "1".into()),
            ("PYTHONDONTWRITEBYTECODE", "1".into()),
            ("UV_NO_CONFIG", "1".into()),
            ("UV_CACHE_DIR", home.join("cache/uv").into()),
            ("npm_config_userconfig", home.join("npmrc-user").into()),
            ("npm_config_globalconfig", home.join("npmrc-global").into()),
            ("npm_config_cache", home.join("cache/npm").into()),
            ("YARN_CACHE_FOLDER", home.join("cache/yarn").into()),
            ("npm_config_audit", "false".into()),
            ("npm_config_fund", "false".into()),
            ("npm_config_update_notifier", "false".into()),
            ("COREPACK_ENABLE_DOWNLOAD_PROMPT", "0".into()),
            ("COREPACK_ENABLE_STRICT", "0".into()),
        ];
        for (name, value) in set {
            job.variables.insert(name.into(), value);
        }
        // What runs the package manager, wherever the `PATH` would lead from a home that is not ours.
        let interpreter = &self.planned.interpreter;
        crate::variables::put_first(&mut job.variables, interpreter.directory());
        job
    }

    /// Runs a program, confined, to its good end; returns what it wrote.
    pub(super) fn step(&self, step: &'static str, job: &Job) -> Result<Vec<u8>, EnvironmentError> {
        let confinement = Confinement {
            launcher: self.settings.launcher.clone(),
            writable: vec![self.path.to_owned(), self.home.path().to_owned()],
            reach: if self.settings.offline {
                Reach::Nowhere
            } else {
                Reach::Everywhere
            },
        };
        let wrapped = confinement.wrap(job, self.control.path())?;
        let ended = wrapped.job.run(self.watcher)?;
        match ended.end {
            End::Exited(0) => Ok(ended.stdout),
            End::Cancelled => Err(EnvironmentError::Cancelled),
            _ => Err(self.failed(step, reason(&ended))),
        }
    }

    /// Why there will be no environment.
    pub(super) fn failed(&self, step: &'static str, reason: String) -> EnvironmentError {
        EnvironmentError::Failed {
            kind: self.planned.kind(),
            step,
            reason,
        }
    }
}

/// How it ended, and the end of what it said.
fn reason(ended: &Ended) -> String {
    let said = if ended.stderr.is_empty() {
        &ended.stdout
    } else {
        &ended.stderr
    };
    let start = said.len().saturating_sub(SHOWN_BYTES);
    let said = String::from_utf8_lossy(&said[start..]);
    let lines: Vec<String> = said.lines().map(pack_format::text::printable).collect();
    format!("{}\n  {}", ended.end, lines.join("\n  "))
}

/// Installed distributions, without the ones every virtualenv begins with.
pub(super) fn python_packages(environment: &Path) -> u64 {
    let mut count = 0;
    let mut waiting = vec![environment.join("lib")];
    while let Some(directory) = waiting.pop() {
        let is_site = directory
            .file_name()
            .is_some_and(|name| name == "site-packages");
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_own = ["pip-", "setuptools-"]
                .iter()
                .any(|own| name.starts_with(own));
            if is_site {
                count += u64::from(name.ends_with(".dist-info") && !is_own);
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                waiting.push(entry.path());
            }
        }
    }
    count
}
