//! `pack verify`.

use attune_installer::VerifiedPack;
use serde::Serialize;

use super::args::VerifyArgs;
use super::context::{Context, failed};
use super::lines_below;
use crate::failure::{Code, Failure};
use crate::report::sanitised;

#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    packs: &'a [VerifiedPack],
}

pub(crate) fn run(args: &VerifyArgs, context: &Context<'_>) -> Result<(), Failure> {
    let packs = context
        .reader()
        .verify(&args.refs)
        .map_err(|e| failed(&e))?;
    let damaged: Vec<&str> = packs
        .iter()
        .filter(|pack| !pack.problems.is_empty())
        .map(|pack| pack.pack_ref.as_str())
        .collect();
    let output = Output {
        success: damaged.is_empty(),
        packs: &packs,
    };
    context
        .report
        .result(&output, || packs.iter().map(lines).collect())?;
    if damaged.is_empty() {
        return Ok(());
    }
    Err(Failure::text(
        Code::Verification,
        format!("not as installed: {}", damaged.join(", ")),
        Some(&format!(
            "put the original files in place with `attune pack install {} --force`",
            damaged.join(" ")
        )),
    ))
}

fn lines(pack: &VerifiedPack) -> String {
    let subject = format!("{}@{}", pack.pack_ref, pack.version);
    if pack.problems.is_empty() {
        return format!("✓ {subject}: {} files\n", pack.files);
    }
    let problems = pack.problems.iter().map(|p| sanitised(&p.to_string()));
    lines_below(format!("✗ {subject}"), problems)
}
