//! `demo`: the whole path on the example packs, in one command.
//!
//! 1. Build the registry tree.
//! 2. Host it.
//! 3. Install `monitoring`, with the packs it needs, over HTTP into a folder of its own.
//! 4. Keep hosting, so that the pages can be looked at, until Ctrl-C.

use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use attune_indexer::BuildOptions;
use pack_format::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use crate::args::DemoArgs;
use crate::commands::{now, pack, registry};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::{self, Settings};

/// The pack the demo installs: it needs two others.
const PACK: &str = "monitoring";

/// What the demonstration says to programs, once the packs are installed.
#[derive(Serialize)]
struct Output<'a> {
    tree: &'a Path,
    /// Where the tree is hosted.
    url: &'a str,
    packs_base_dir: &'a Path,
    packs: Vec<Installed>,
}

#[derive(Serialize)]
struct Installed {
    #[serde(rename = "ref")]
    pack_ref: String,
    version: String,
}

pub(crate) fn run(args: &DemoArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    if !args.packs.is_dir() {
        return Err(Failure::text(
            Code::Usage,
            format!("there are no example packs in `{}`", args.packs.display()),
            Some(
                "run the command in a checkout of the project, or name a folder with `--packs DIR`",
            ),
        ));
    }
    let tree = args.dir.join("registry");
    report.lines(&format!(
        "1. Building a registry from `{}`",
        args.packs.display()
    ))?;
    build(args, &tree, settings, report)?;
    let (url_sender, url) = mpsc::channel::<String>();
    let (stop_sender, stop) = oneshot::channel::<()>();
    let hosting = Hosting {
        tree: tree.clone(),
        // An explicit address is meant; otherwise any free port will do for a demonstration.
        address: args
            .listen
            .clone()
            .unwrap_or_else(|| "127.0.0.1:0".to_owned()),
        until_stopped: args.exit,
        report,
    };
    let server = thread::spawn(move || hosting.run(url_sender, stop));
    // No URL means that the server could not start; it says why itself.
    let installed = url
        .recv()
        .map_or(Ok(()), |url| install(args, &tree, &url, settings, report));
    if args.exit || installed.is_err() {
        let _ = stop_sender.send(());
    }
    if installed.is_err() && !args.exit {
        return installed;
    }
    let hosted = server
        .join()
        .map_err(|_| Failure::text(Code::Failed, "the server ended unexpectedly", None))?;
    installed.and(hosted)
}

fn build(args: &DemoArgs, tree: &Path, settings: &Settings, report: Report) -> Result<(), Failure> {
    let epoch = settings::source_date_epoch()?;
    let options = BuildOptions {
        inputs: vec![args.packs.clone()],
        only: Vec::new(),
        patches: Vec::new(),
        out: tree.to_owned(),
        name: None,
        base_url: None,
        development_url: settings.development_url()?,
        skip_invalid: false,
        // Whoever plays with the example packs need not raise their versions.
        dev: true,
        now: epoch.map_or_else(now, Timestamp::from_unix),
        templates: None,
        archive_time: 0,
        lock_timeout: Duration::from_mins(1),
    };
    registry::build::once(&options, report.for_step())
}

fn install(
    args: &DemoArgs,
    tree: &Path,
    url: &str,
    settings: &Settings,
    report: Report,
) -> Result<(), Failure> {
    let packs = args.dir.join("packs");
    report.lines(&format!("3. Installing `{PACK}` from it"))?;
    let installed = pack::install_from(PACK, url, &packs, settings, report.for_step())?;
    let output = Output {
        tree,
        url,
        packs_base_dir: &packs,
        packs: installed
            .iter()
            .map(|record| Installed {
                pack_ref: record.pack_ref.to_string(),
                version: record.version.to_string(),
            })
            .collect(),
    };
    report.result(&output, || {
        let mut text = format!("   The packs are in `{}`\n", packs.display());
        if !args.exit {
            text.push_str(&format!(
                "4. Open {url} in a browser; Ctrl-C ends the demonstration\n"
            ));
        }
        text
    })
}

/// The server of the demonstration, on a thread of its own.
struct Hosting {
    tree: PathBuf,
    address: String,
    until_stopped: bool,
    report: Report,
}

impl Hosting {
    fn run(self, url: mpsc::Sender<String>, stop: oneshot::Receiver<()>) -> Result<(), Failure> {
        let report = self.report;
        let ready = move |address: &str| {
            report.lines(&format!("2. Hosting it, with its pages, at {address}"))?;
            // The other end is gone only if the demonstration has failed.
            let _ = url.send(address.to_owned());
            Ok(())
        };
        let until_stopped = self.until_stopped;
        let ended = async move {
            if until_stopped {
                let _ = stop.await;
            } else {
                registry::serve::interrupted().await;
            }
        };
        super::runtime()?.block_on(registry::site::host(
            registry::site::Site::of(&self.tree)?,
            &self.address,
            report,
            ready,
            ended,
        ))
    }
}
