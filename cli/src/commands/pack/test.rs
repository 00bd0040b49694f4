//! `pack test`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use attune_installer::{Installer, Rebuild};
use clap::Args;
use pack_format::PackRef;
use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::manifest::Manifest;
use pack_runtime::testing::{CaseStatus, TestCase, TestSuite};
use pack_runtime::{
    Confined, Environment, Stream, TestError, TestReport, TestRun, TestStatus, Watcher,
};

use super::context::{Context, failed};
use crate::commands::cancel::Cancel;
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};

/// `pack test`.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// A pack directory, or the ref of an installed pack
    #[arg(value_name = "PATH|REF", default_value = ".")]
    pub(crate) what: String,
    /// Print every test, not only those that failed
    #[arg(short, long)]
    pub(crate) detailed: bool,
    /// How long a runner may take that says nothing about it
    #[arg(long, value_name = "SECONDS", value_parser = crate::commands::action::positive)]
    pub(crate) timeout: Option<Duration>,
    /// Fetch no packages for environments
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Passes on what tests write, where details were asked for, and calls them off.
struct Screen {
    report: Report,
    cancel: Cancel,
}

impl Watcher for Screen {
    fn output(&self, _: Stream, bytes: &[u8]) {
        if self.report.is_verbose() {
            self.report.pass_on(Stream::Stderr, bytes);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_asked()
    }
}

pub(crate) fn run(args: &TestArgs, context: &Context<'_>) -> Result<(), Failure> {
    let pack = place(&args.what, context)?;
    let manifest = manifest(&pack)?;
    let installer = context.installer(format!("pack test {}", args.what), Duration::from_mins(1));
    let environments = environments(&pack, &manifest, (&installer, context))?;
    let mut settings = context.settings.tests()?;
    if let Some(timeout) = args.timeout {
        settings.timeout = timeout;
    }
    let screen = Screen {
        report: context.report,
        cancel: Cancel::listen()?,
    };
    context.report.lines(&format!(
        "Testing pack: {} {}",
        manifest.pack_ref, manifest.version
    ))?;
    let run = TestRun {
        pack: &pack,
        environments: &environments,
        manifest: &manifest,
        settings: &settings,
        now: context.now,
    };
    let tested = run.run(&screen).map_err(|e| refused(&e))?;
    let report = &tested.report;
    context
        .report
        .result(report, || text(report, args.detailed))?;
    if let Some(confined) = &report.confinement
        && !confined.missing().is_empty()
    {
        let missing = confined.missing().join(", ");
        context.report.warning(&format!(
            "this kernel does not confine the {missing} of tests"
        ));
    }
    if report.status == TestStatus::Failed {
        if let Some(remark) = report.confinement.as_ref().and_then(Confined::remark) {
            context.report.warning(remark);
        }
        let text = format!(
            "tests of `{}` failed: {}, and {} of them have to",
            manifest.pack_ref,
            report.summary(),
            percent(tested.min_pass_rate)
        );
        return Err(Failure::text(Code::Failed, text, None));
    }
    Ok(())
}

fn refused(error: &TestError) -> Failure {
    let code = match error {
        TestError::Metadata(_) => Code::Usage,
        _ => Code::Failed,
    };
    Failure::new(code, error)
}

/// The directory that was named, else the stored tree of an installed pack.
fn place(what: &str, context: &Context<'_>) -> Result<PathBuf, Failure> {
    let path = Path::new(what);
    if path.join("pack.yaml").is_file() {
        return path.canonicalize().map_err(|e| {
            Failure::text(Code::Usage, format!("cannot look up `{what}`: {e}"), None)
        });
    }
    let state = context.reader().list();
    let state = state.map_err(|e| Failure::new(Code::Failed, &e))?;
    let pack_ref: Option<PackRef> = what.parse().ok();
    match pack_ref.and_then(|pack_ref| state.packs.get(&pack_ref).cloned()) {
        Some(record) => Ok(context.layout().stored(&record.store_key)),
        None => Err(Failure::text(
            Code::Usage,
            format!("`{what}` is neither a directory with a `pack.yaml` nor an installed pack"),
            Some("see installed packs with `attune pack list`"),
        )),
    }
}

fn manifest(pack: &Path) -> Result<Manifest, Failure> {
    let path = pack.join("pack.yaml");
    let name = path.display().to_string();
    let bytes = pack_fs::limited::read(&path, MAX_METADATA_BYTES)
        .map_err(|e| Failure::text(Code::Usage, format!("cannot read `{name}`: {e}"), None))?;
    Manifest::parse(&name, &bytes).map_err(|e| Failure::new(Code::Usage, &e))
}

/// What the pack needs, built where it is missing.
fn environments(
    pack: &Path,
    manifest: &Manifest,
    (installer, context): (&Installer<'_>, &Context<'_>),
) -> Result<Vec<Environment>, Failure> {
    let Some(settings) = context.settings.environments(context.is_offline())? else {
        return Ok(Vec::new());
    };
    let needs = ["requirements.txt", "package.json"];
    if !needs.iter().any(|name| pack.join(name).is_file()) {
        return Ok(Vec::new());
    }
    let built = installer.environments_of(pack, manifest, (&settings, Rebuild::Never));
    built.map_err(|e| failed(&e))
}

fn percent(rate: f64) -> String {
    format!("{} %", (rate * 100.0).round())
}

fn text(report: &TestReport, detailed: bool) -> String {
    if report.status == TestStatus::Skipped {
        return "The pack has no tests, or they are off\n".to_owned();
    }
    let mut text = String::new();
    for suite in &report.test_suites {
        text.push_str(&suite_text(suite, detailed));
    }
    text.push_str(&format!("Tests: {}\n", report.summary()));
    if let Some(coverage) = report.coverage {
        text.push_str(&format!("Coverage: {coverage} %\n"));
    }
    if let Some(confined) = &report.confinement {
        text.push_str(&format!("Confined by: {confined}\n"));
    }
    text
}

fn suite_text(suite: &TestSuite, detailed: bool) -> String {
    let mark = if suite.failed == 0 { '✓' } else { '✗' };
    let mut text = format!(
        "{mark} {} ({}): {}/{} passed in {} ms\n",
        sanitised(&suite.name),
        suite.runner_type,
        suite.passed,
        suite.passed + suite.failed,
        suite.duration_ms
    );
    for case in &suite.test_cases {
        let is_bad = matches!(case.status, CaseStatus::Failed | CaseStatus::Error);
        if is_bad || detailed {
            text.push_str(&case_text(case, is_bad));
        }
    }
    text
}

fn case_text(case: &TestCase, is_bad: bool) -> String {
    let word = match case.status {
        CaseStatus::Passed => "✓",
        CaseStatus::Failed => "✗",
        CaseStatus::Error => "✗ error:",
        CaseStatus::Skipped => "- skipped:",
    };
    let mut text = format!(
        "  {word} {} ({} ms)\n",
        sanitised(&case.name),
        case.duration_ms
    );
    let reason = case.error_message.iter().map(String::as_str);
    let streams = [case.stdout.as_str(), case.stderr.as_str()]
        .into_iter()
        .filter(|_| is_bad);
    for line in reason.chain(streams).flat_map(str::lines) {
        text.push_str(&format!("      {}\n", sanitised(line)));
    }
    text
}
