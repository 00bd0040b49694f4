//! `registry patch`.

use std::path::PathBuf;

use attune_indexer::edit::EditOptions;
use attune_indexer::patch::{
    FieldPatch, PatchTreeError, TreePatch, VersionPatch, pack_version, patch_tree,
};
use clap::Args;
use pack_format::patch::PatchField;
use pack_format::{Hint as _, PackRef, Version};
use serde::Serialize;
use serde_json::Value;

use crate::commands::pack::args::LockArgs;
use crate::commands::pack::index_update::clock;
use crate::commands::pack::yank;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// What `--remove` calls the sources that were given to a version.
const SOURCES: &str = "sources";

/// `registry patch`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(crate) struct PatchArgs {
    /// The registry tree
    #[arg(value_name = "TREE")]
    tree: PathBuf,
    /// A version such as slack@2.1.0, or a pack for all its versions
    #[arg(value_name = "REF[@VERSION]", value_parser = pack_version)]
    version: (PackRef, Option<Version>),
    /// What a field says from now on; of a list, one item each time
    #[arg(long, value_name = "FIELD=TEXT", value_parser = assignment, group = "what", requires = "reason")]
    set: Vec<(PatchField, String)>,
    /// A field that says nothing from now on
    #[arg(long, value_name = "FIELD", value_parser = field, group = "what", requires = "reason")]
    unset: Vec<PatchField>,
    /// What the field must say now or have said when it was published, else nothing is changed
    #[arg(long, value_name = "FIELD=TEXT", value_parser = assignment)]
    from: Vec<(PatchField, String)>,
    /// A field whose patch is taken back, or `sources` for install sources that were given
    #[arg(long, value_name = "FIELD", group = "what")]
    remove: Vec<String>,
    /// Why, in a sentence; shown beside what it corrects
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    lock: LockArgs,
}

fn field(text: &str) -> Result<PatchField, String> {
    text.parse()
        .map_err(|error: pack_format::patch::PatchError| {
            let hint = error.hint().unwrap_or_default();
            format!("{error}; {hint}")
        })
}

fn assignment(text: &str) -> Result<(PatchField, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write it like this: `license=MIT`")?;
    Ok((field(name)?, value.to_owned()))
}

#[derive(Serialize)]
struct Output {
    success: bool,
    pack_ref: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    changed: bool,
}

pub(crate) fn run(args: &PatchArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let patch = patch_of(args)?;
    let options = EditOptions {
        tree: args.tree.clone(),
        purpose: "registry patch",
        development_url: settings.development_url()?,
        now: clock()?,
        lock_timeout: args.lock.timeout(),
    };
    let waiting = |holder: &pack_fs::lock::Holder| report.note(&format!("waiting for {holder}"));
    let edited =
        patch_tree(&options, &patch, waiting).map_err(|e| Failure::new(code_of(&e), &e))?;
    for warning in &edited.warnings {
        report.warning(&crate::report::sanitised(warning));
    }
    let (pack_ref, version) = &args.version;
    let output = Output {
        success: true,
        pack_ref: pack_ref.to_string(),
        version: version.as_ref().map(ToString::to_string),
        changed: edited.files_written > 0,
    };
    report.result(&output, || {
        let name = version.as_ref().map_or_else(
            || format!("`{pack_ref}`"),
            |version| format!("`{pack_ref}@{version}`"),
        );
        if output.changed {
            format!("✓ {name} is patched\n")
        } else {
            format!("✓ {name} says so already\n")
        }
    })
}

fn patch_of(args: &PatchArgs) -> Result<TreePatch, Failure> {
    let usage = |message: String, hint| Failure::text(Code::Usage, message, Some(hint));
    let mut remove = Vec::new();
    for name in args.remove.iter().filter(|name| *name != SOURCES) {
        let parsed: Result<PatchField, _> = name.parse();
        remove.push(parsed.map_err(|e| Failure::new(Code::Usage, &e))?);
    }
    let mut fields = Vec::new();
    for field in PatchField::ALL {
        let (set, from) = (values(field, &args.set), values(field, &args.from));
        let unset = args.unset.contains(&field);
        for texts in [&set, &from] {
            if texts.len() > 1 && !field.is_list() {
                let message = format!(
                    "`{}` holds one text, and {} are given",
                    field.name(),
                    texts.len()
                );
                return Err(usage(message, "give it once"));
            }
        }
        let corrected = !set.is_empty() || unset;
        if (!set.is_empty() && unset) || (corrected && remove.contains(&field)) {
            let message = format!("`{}` is given two things to say", field.name());
            return Err(usage(
                message,
                "pass one of `--set`, `--unset` and `--remove`",
            ));
        }
        if !from.is_empty() && !corrected {
            let message = format!("`--from {}` is about a field that is not set", field.name());
            return Err(usage(message, "pass `--set` or `--unset` for it too"));
        }
        if corrected {
            fields.push(FieldPatch {
                field,
                from: (!from.is_empty()).then(|| field.written(value(field, from))),
                to: value(field, set),
            });
        }
    }
    let (pack_ref, version) = args.version.clone();
    Ok(TreePatch {
        set: VersionPatch {
            pack_ref,
            version,
            reason: args.reason.clone().unwrap_or_default(),
            fields,
            sources: Vec::new(),
        },
        remove,
        remove_sources: args.remove.iter().any(|name| name == SOURCES),
    })
}

fn values(field: PatchField, given: &[(PatchField, String)]) -> Vec<String> {
    let of_field = given.iter().filter(|(name, _)| *name == field);
    of_field.map(|(_, text)| text.clone()).collect()
}

fn value(field: PatchField, mut texts: Vec<String>) -> Option<Value> {
    if field.is_list() {
        // An empty text is the empty list.
        texts.retain(|text| !text.is_empty());
        return Some(texts.into_iter().map(Value::String).collect());
    }
    texts.pop().map(Value::String)
}

fn code_of(error: &PatchTreeError) -> Code {
    match error {
        PatchTreeError::Version(error) => yank::code_of(error),
        _ if error.is_busy() => Code::Busy,
        _ if error.is_mismatch() => Code::Verification,
        _ => Code::Failed,
    }
}
