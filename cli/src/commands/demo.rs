//! `demo`: the whole path on the example packs, in one command.
//!
//! 1. Build the registry tree.
//! 2. Host it.
//! 3. Install `monitoring`, with the packs it needs, over HTTP into a folder of its own.
//! 4. Keep hosting, so that the pages can be looked at, until Ctrl-C.

use std::sync::mpsc;
use std::time::Duration;

use attune_indexer::BuildOptions;
use pack_format::Timestamp;

use crate::args::DemoArgs;
use crate::commands::{now, pack, registry};
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::{self, Settings};

/// The pack the demo installs: it needs two others.
const PACK: &str = "monitoring";

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
    // An explicit address is meant; otherwise any free port will do for a demonstration.
    let address = match &args.listen {
        Some(address) => address.clone(),
        None => "127.0.0.1:0".to_owned(),
    };
    let tree = args.dir.join("registry");
    report.lines(&format!(
        "1. Building a registry from `{}`",
        args.packs.display()
    ))?;
    let epoch = settings::source_date_epoch()?;
    registry::build::once(
        &BuildOptions {
            inputs: vec![args.packs.clone()],
            only: Vec::new(),
            out: tree.clone(),
            name: None,
            base_url: None,
            development_url: format!("http://{}/", settings::DEFAULT_LISTEN),
            skip_invalid: false,
            dev: true,
            now: epoch.map_or_else(now, Timestamp::from_unix),
            archive_time: 0,
            lock_timeout: Duration::from_mins(1),
        },
        report,
    )?;
    let (url_sender, url) = mpsc::channel::<String>();
    let (stop_sender, stop) = tokio::sync::oneshot::channel::<()>();
    let exit = args.exit;
    let server = std::thread::spawn(move || {
        super::runtime()?.block_on(registry::serve::host(
            &tree,
            &address,
            report,
            move |url| {
                report.lines(&format!("2. Hosting it, with its pages, at {url}"))?;
                // The other end is gone only if the demonstration has failed.
                let _ = url_sender.send(url.to_owned());
                Ok(())
            },
            async move {
                if exit {
                    let _ = stop.await;
                } else {
                    registry::serve::interrupted().await;
                }
            },
        ))
    });
    let installed = match url.recv() {
        Ok(url) => {
            report.lines(&format!("3. Installing `{PACK}` from it"))?;
            pack::install_from(PACK, &url, &args.dir.join("packs"), settings, report).and_then(
                |()| {
                    report.lines(&format!(
                        "   The packs are in `{}`",
                        args.dir.join("packs").display()
                    ))?;
                    if !exit {
                        report.lines(&format!(
                            "4. Open {url} in a browser; Ctrl-C ends the demonstration"
                        ))?;
                    }
                    Ok(())
                },
            )
        }
        Err(_) => Ok(()),
    };
    if exit || installed.is_err() {
        let _ = stop_sender.send(());
    }
    if installed.is_err() && !exit {
        return installed;
    }
    let hosted = server
        .join()
        .map_err(|_| Failure::text(Code::Failed, "the server ended unexpectedly", None))?;
    installed.and(hosted)
}
