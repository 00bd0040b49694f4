//! `pack verify`.

use attune_installer::{
    Classify, FailureClass, Problem, RepairFailure, RepairReport, RepairedPack, VerifiedPack,
};
use pack_format::Hint;
use serde::Serialize;

use super::args::VerifyArgs;
use super::context::{Context, code, failed};
use super::lines_below;
use crate::failure::{Code, Failure};
use crate::report::sanitised;

#[derive(Serialize)]
struct Output<'a> {
    success: bool,
    packs: &'a [VerifiedPack],
}

pub(crate) fn run(args: &VerifyArgs, context: &Context<'_>) -> Result<(), Failure> {
    if args.repair {
        return repair(args, context);
    }
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
            "put back what was installed with `attune pack verify --repair {}`",
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

#[derive(Serialize)]
struct Repaired<'a> {
    success: bool,
    packs: Vec<RepairedRow<'a>>,
}

#[derive(Serialize)]
struct RepairedRow<'a> {
    #[serde(flatten)]
    found: &'a VerifiedPack,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired_from: Option<&'a str>,
    remaining: &'a [Problem],
    #[serde(skip_serializing_if = "Option::is_none")]
    needs: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

fn repair(args: &VerifyArgs, context: &Context<'_>) -> Result<(), Failure> {
    let refs: Vec<&str> = args.refs.iter().map(pack_format::PackRef::as_str).collect();
    let command = format!("pack verify --repair {}", refs.join(" "));
    let registries = context.registries(args.registry.as_deref())?;
    let outcome = context
        .installer(command.trim_end().to_owned(), args.lock.timeout())
        .with_git(context.settings.git(None)?)
        .repair(&args.refs, &registries);
    context.progress.clear();
    let done = outcome.map_err(|e| failed(&e))?;
    let output = Repaired {
        success: done.packs.iter().all(|pack| pack.remaining.is_empty()),
        packs: done.packs.iter().map(row).collect(),
    };
    context
        .report
        .result(&output, || done.packs.iter().map(repaired_lines).collect())?;
    damage_left(&done).map_or(Ok(()), Err)
}

fn row(pack: &RepairedPack) -> RepairedRow<'_> {
    RepairedRow {
        found: &pack.found,
        repaired_from: pack.repaired_from.as_deref(),
        remaining: &pack.remaining,
        needs: pack.needs.as_deref(),
        errors: pack.failures.iter().map(chain).collect(),
    }
}

fn repaired_lines(pack: &RepairedPack) -> String {
    let found = &pack.found;
    let subject = format!("{}@{}", found.pack_ref, found.version);
    if found.problems.is_empty() {
        return lines(found);
    }
    let mended = |problem: &&Problem| !pack.remaining.contains(problem);
    let mut below: Vec<String> = (found.problems.iter().filter(mended))
        .map(|problem| format!("mended: {problem}"))
        .collect();
    below.extend(pack.remaining.iter().map(ToString::to_string));
    below.extend(pack.failures.iter().map(chain));
    below.extend(pack.needs.iter().map(|needs| format!("needs its {needs}")));
    let head = match (&pack.repaired_from, pack.remaining.is_empty()) {
        (_, false) => format!("✗ {subject}"),
        (Some(source), true) => format!("✓ {subject}: repaired from {}", sanitised(source)),
        (None, true) => format!("✓ {subject}: repaired"),
    };
    let below = below
        .iter()
        .map(|text| sanitised(text).replace('\n', "\n  "));
    lines_below(head, below)
}

/// The failure of a repair that left something: what stopped it tells the exit code.
fn damage_left(done: &RepairReport) -> Option<Failure> {
    let left: Vec<&RepairedPack> = (done.packs.iter())
        .filter(|pack| !pack.remaining.is_empty())
        .collect();
    let refs: Vec<&str> = left.iter().map(|p| p.found.pack_ref.as_str()).collect();
    let last = left.iter().flat_map(|pack| &pack.failures).last();
    let exit_code = match last.map(Classify::class) {
        Some(class @ (FailureClass::Network | FailureClass::Authentication)) => code(class),
        // Whatever else stopped it, files are not as they were installed.
        _ => Code::Verification,
    };
    (!left.is_empty()).then(|| {
        let hint = last.and_then(Hint::hint);
        Failure::text(
            exit_code,
            format!("not repaired: {}", refs.join(", ")),
            hint.as_deref(),
        )
    })
}

/// An error with its causes, as one text.
fn chain(failure: &RepairFailure) -> String {
    failed(failure).messages.join(": ")
}
