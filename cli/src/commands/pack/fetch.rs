//! `pack fetch`.

use std::time::Duration;

use attune_installer::{Dependencies, DownloadRequest, DownloadedPack};
use serde::Serialize;

use super::args::FetchArgs;
use super::context::{Context, failed};
use super::{install, lines_below};
use crate::failure::{Code, Failure};
use crate::report::sanitised;

#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    packs: &'a [DownloadedPack],
}

pub(crate) fn run(args: &FetchArgs, context: &Context<'_>) -> Result<(), Failure> {
    if args.source.sources.is_empty() {
        return Err(Failure::text(
            Code::Usage,
            "no packs are named",
            Some("name them, such as `attune pack fetch slack --to DIR`"),
        ));
    }
    let request = DownloadRequest {
        sources: install::detected(&args.source, context)?,
        checksum: args.source.checksum.clone(),
        dependencies: if args.with_deps {
            Dependencies::Install
        } else {
            Dependencies::Skip
        },
        mismatch: install::mismatch(context)?,
        archives: args.archive,
    };
    let registries = install::asked(&args.source, context)?;
    let outcome = context
        .installer(String::new(), Duration::ZERO)
        .with_git(context.settings.git(args.source.git)?)
        .download(&request, &registries, &args.to);
    context.progress.clear();
    let done = outcome.map_err(|e| failed(&e))?;
    let output = Output {
        success: true,
        packs: &done.packs,
    };
    context
        .report
        .result(&output, || done.packs.iter().map(lines).collect())
}

fn lines(pack: &DownloadedPack) -> String {
    let needed = if pack.requested {
        ""
    } else {
        " (needed by another pack)"
    };
    let head = format!("✓ {}@{} fetched{needed}", pack.pack_ref, pack.version);
    let mut below = vec![format!("Directory: {}", pack.path.display())];
    if let Some(archive) = &pack.archive {
        below.push(format!("Archive: {}", archive.display()));
    }
    if let Some(commit) = &pack.commit {
        below.push(format!("Commit: {commit}"));
    }
    below.push(if pack.verified.0.is_empty() {
        "Verified: none (no checksum was given)".to_owned()
    } else {
        format!("Verified: {}", pack.verified)
    });
    lines_below(head, below.iter().map(|line| sanitised(line)))
}
