//! `pack diff`: what changed for users between two versions of a pack.
//!
//! `side` reads what was named, `files` compares files, `print` makes the table.

mod files;
mod print;
mod side;

use clap::{Args, ValueEnum};
use pack_diff::{Bump, Change, PackDiff, Severity, Verdict};
use serde::Serialize;

use self::files::FileChanges;
use self::side::{Origin, Side, Sides};
use crate::failure::{Code, Failure};
use crate::report::{Report, counted};
use crate::settings::Settings;

/// `pack diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// The older version: a directory, an archive, slack@2.1.0 of a registry, or the installed slack
    #[arg(value_name = "OLD")]
    old: String,
    /// The newer version, named in the same ways
    #[arg(value_name = "NEW")]
    new: String,
    /// Look in this registry: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY")]
    registry: Option<String>,
    /// Fetch the archives of registries too, to compare files
    #[arg(long)]
    files: bool,
    /// End with exit code 1 if the comparison finds this
    #[arg(long, value_enum, value_name = "WHAT")]
    fail_on: Option<FailOn>,
    /// Compare packs of different refs
    #[arg(long)]
    allow_different_ref: bool,
}

/// What makes the command fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Any breaking change, whatever the versions say
    Breaking,
    /// A version bump smaller than the changes call for
    Undeclared,
    /// Any change at all
    Any,
}

#[derive(Serialize)]
struct Output<'a> {
    old: Named<'a>,
    new: Named<'a>,
    counts: Counts,
    changes: &'a [Change],
    verdict: &'a Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<&'a FileChanges>,
}

/// One side, as documents name it.
#[derive(Serialize)]
struct Named<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a str,
    version: String,
    #[serde(flatten)]
    origin: &'a Origin,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Counts {
    breaking: usize,
    feature: usize,
    neutral: usize,
}

pub(crate) fn run(args: &DiffArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let sides = Sides {
        settings,
        report,
        registry: args.registry.as_deref(),
        files: args.files,
    };
    let (old, new) = (sides.read(&args.old)?, sides.read(&args.new)?);
    if old.pack_ref != new.pack_ref && !args.allow_different_ref {
        let message = format!(
            "`{}` is the pack `{}` and `{}` the pack `{}`",
            args.old, old.pack_ref, args.new, new.pack_ref
        );
        let hint = "name two versions of one pack, or pass `--allow-different-ref`";
        return Err(Failure::text(Code::Usage, message, Some(hint)));
    }
    let diff = pack_diff::compare(&old.document, &new.document);
    let files = old
        .files
        .as_deref()
        .zip(new.files.as_deref())
        .map(|(old, new)| FileChanges::between(old, new));
    let count = |severity| diff.of(severity).count();
    let output = Output {
        old: named(&old),
        new: named(&new),
        counts: Counts {
            breaking: count(Severity::Breaking),
            feature: count(Severity::Feature),
            neutral: count(Severity::Neutral),
        },
        changes: &diff.changes,
        verdict: &diff.verdict,
        files: files.as_ref(),
    };
    report.result(&output, || print::table(&old, &new, &diff, files.as_ref()))?;
    gate(args.fail_on, &old, &new, &diff)
}

fn named(side: &Side) -> Named<'_> {
    Named {
        pack_ref: side.pack_ref.as_str(),
        version: side.document.version.to_string(),
        origin: &side.origin,
    }
}

/// What `--fail-on` asks for.
fn gate(fail_on: Option<FailOn>, old: &Side, new: &Side, diff: &PackDiff) -> Result<(), Failure> {
    let pack_ref = &new.pack_ref;
    let (from, to) = (&old.document.version, &new.document.version);
    let breaking = diff.of(Severity::Breaking).count();
    let verdict = &diff.verdict;
    match fail_on {
        Some(FailOn::Breaking) if breaking > 0 => Err(Failure::text(
            Code::Failed,
            format!(
                "`{pack_ref}`: {} users of {from}",
                if breaking == 1 {
                    "1 change breaks".to_owned()
                } else {
                    format!("{breaking} changes break")
                }
            ),
            Some(
                "keep what users rely on, or leave out `--fail-on breaking` for a release that may break them",
            ),
        )),
        Some(FailOn::Any) if !diff.is_empty() => Err(Failure::text(
            Code::Failed,
            format!(
                "`{pack_ref}`: {} between {from} and {to}",
                counted(diff.changes.len(), "change")
            ),
            None,
        )),
        Some(FailOn::Undeclared) if !verdict.satisfied => {
            let declared = match verdict.declared {
                None => format!("{to} is older"),
                Some(Bump::None) => format!("{to} is the same version"),
                Some(bump) => format!("{to} is a {bump} one"),
            };
            let hint = format!(
                "set `version` in `pack.yaml` to {} or later",
                verdict.suggested
            );
            Err(Failure::text(
                Code::Failed,
                format!(
                    "`{pack_ref}`: the changes since {from} call for a {} version, and {declared}",
                    verdict.required
                ),
                Some(&hint),
            ))
        }
        _ => Ok(()),
    }
}
