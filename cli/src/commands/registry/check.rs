//! `registry check`.

use std::path::{Path, PathBuf};

use attune_indexer::registry_check::{
    self, Body, CheckOptions, DirectorySource, LookedAt, RegistryChecked, RegistrySource, rules,
};
use clap::Args;
use pack_client::{ClientSettings, Location, RegistryConfig, RegistryFiles};
use pack_format::url_policy::SourceUrl;
use pack_fs::tree::{Scan, TreeError};
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::commands::findings::{self, Output, sarif};
use crate::commands::pack::progress::Progress;
use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// `registry check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// A registry tree, an index.json, a URL, or the name of a configured registry
    #[arg(value_name = "REGISTRY")]
    registry: String,
    /// Do not read archives
    #[arg(long)]
    quick: bool,
    /// Fail for warnings too
    #[arg(long)]
    strict: bool,
}

/// The findings, and how far they go.
#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    output: Output<'a>,
    looked_at: &'a LookedAt,
}

pub(crate) fn run(args: &CheckArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let config = settings
        .registries()?
        .into_iter()
        .find(|c| c.name.as_deref() == Some(&args.registry) || c.url == args.registry)
        .unwrap_or_else(|| RegistryConfig::new(&args.registry));
    // A cached copy would hide what is there now.
    let client = ClientSettings {
        cache_directory: None,
        ..settings.client(now(), PathBuf::new())?
    };
    let location = Location::parse(&config.url, client.allow_http)
        .map_err(|e| Failure::new(Code::Usage, &e))?;
    let progress = Progress::new(report);
    let result = check(args, &config, &client, &location, &progress);
    progress.clear();
    let result = result?;
    let checked = &result.checked;
    let ok = checked.errors == 0 && (checked.warnings == 0 || !args.strict);
    let place = location.display_url();
    let shown = match &location {
        Location::Directory { root, .. } => root.as_path(),
        Location::Web { base, .. } => Path::new(base.as_str()),
    };
    if report.is_sarif() {
        let folder = match &location {
            Location::Directory { root, .. } => root.as_path(),
            // Its files are told from the registry's root.
            Location::Web { .. } => Path::new(""),
        };
        let log = sarif::log("registry check", rules::ALL, checked, folder);
        report.result(&log, String::new)?;
    } else {
        let document = Document {
            output: Output::new(&place, ok, checked),
            looked_at: &result.looked_at,
        };
        report.result(&document, || table(args, &result, shown))?;
    }
    verdict(&result, ok, &place)
}

fn verdict(result: &RegistryChecked, ok: bool, place: &str) -> Result<(), Failure> {
    if ok {
        return Ok(());
    }
    let (code, hint) = if result.mismatch {
        (
            Code::Verification,
            Some(
                "installers refuse what does not match; restore it before you publish this registry",
            ),
        )
    } else if result.checked.errors > 0 {
        (Code::Failed, None)
    } else {
        (
            Code::Failed,
            Some("without `--strict`, warnings do not fail a check"),
        )
    };
    let message = format!("`{place}`: {}", findings::sum(&result.checked));
    Err(Failure::text(code, message, hint))
}

fn check(
    args: &CheckArgs,
    config: &RegistryConfig,
    client: &ClientSettings,
    location: &Location,
    progress: &Progress,
) -> Result<RegistryChecked, Failure> {
    let spool = tempfile::tempdir().map_err(|e| {
        let message = format!("cannot make a temporary folder: {e}");
        Failure::text(Code::Failed, message, None)
    })?;
    let runtime = runtime()?;
    let (Location::Web { index, tree, .. } | Location::Directory { index, tree, .. }) = location;
    let options = CheckOptions {
        archives: !args.quick,
    };
    let name = location.display_url();
    let run = |source: &dyn RegistrySource| {
        registry_check::check(source, &name, index, !tree, options)
            .map_err(|e| Failure::new(Code::Failed, &e))
    };
    let web = |files| Web {
        files,
        runtime: &runtime,
        spool: spool.path(),
        progress,
    };
    match location {
        Location::Web { .. } => match RegistryFiles::at(location, config, client) {
            Some(files) => run(&web(files)),
            None => Err(Failure::text(
                Code::Failed,
                format!("`{name}` is not on the web"),
                None,
            )),
        },
        Location::Directory { root, .. } => {
            let fetch = |url: &SourceUrl, limit| {
                let place =
                    Location::parse(url.as_str(), client.allow_http).map_err(|e| e.to_string())?;
                let files = RegistryFiles::at(&place, &RegistryConfig::new(url.as_str()), client)
                    .ok_or_else(|| format!("`{}` is not on the web", url.as_str()))?;
                web(files).url(url, limit)
            };
            run(&DirectorySource::new(root, &fetch))
        }
    }
}

/// A registry on a web server.
struct Web<'a> {
    files: RegistryFiles,
    runtime: &'a Runtime,
    spool: &'a Path,
    progress: &'a Progress,
}

impl RegistrySource for Web<'_> {
    fn file(&self, path: &str, limit: u64) -> Result<Option<Box<dyn Body>>, String> {
        let fetched = self.files.file(path, limit, self.spool, self.progress);
        let received = self.runtime.block_on(fetched).map_err(|e| e.to_string())?;
        body(received)
    }

    fn url(&self, url: &SourceUrl, limit: u64) -> Result<Option<Box<dyn Body>>, String> {
        let fetched = self
            .files
            .url(url.as_url(), limit, self.spool, self.progress);
        let received = self.runtime.block_on(fetched).map_err(|e| e.to_string())?;
        body(received)
    }

    fn scan(&self) -> Result<Option<Scan>, TreeError> {
        Ok(None)
    }

    fn superseded(&self) -> std::collections::BTreeSet<String> {
        std::collections::BTreeSet::new()
    }
}

fn body(received: Option<pack_client::Received>) -> Result<Option<Box<dyn Body>>, String> {
    let Some(received) = received else {
        return Ok(None);
    };
    let body = received.into_body().map_err(|e| e.to_string())?;
    Ok(Some(Box::new(body)))
}

fn table(args: &CheckArgs, result: &RegistryChecked, folder: &Path) -> String {
    let mut text = findings::lines(&result.checked, folder);
    let LookedAt {
        format,
        packs,
        versions,
        archives,
        archive_bytes,
        git_sources,
        files,
    } = &result.looked_at;
    text.push_str(&format!(
        "  Format {format}: {packs} packs, {versions} versions, {archives} archives read ({archive_bytes} bytes)\n"
    ));
    if let Some(files) = files {
        text.push_str(&format!("  Files in the tree: {files}\n"));
    }
    let mut skipped = Vec::new();
    if args.quick {
        skipped.push("archives (`--quick`)".to_owned());
    }
    if *git_sources > 0 {
        skipped.push(format!("the trees of {git_sources} git sources"));
    }
    if files.is_none() && *format == 2 {
        skipped.push("pages, twins and orphans, which only a folder tells".to_owned());
    }
    if !skipped.is_empty() {
        text.push_str(&format!("  Not looked at: {}\n", skipped.join("; ")));
    }
    text
}
