//! `pack search`.

use std::collections::BTreeSet;

use pack_client::Match;

use super::args::SearchArgs;
use super::context::Context;
use super::list::shortened;
use crate::failure::{Code, Failure};
use crate::report::table;

pub(crate) fn run(args: &SearchArgs, context: &Context<'_>) -> Result<(), Failure> {
    let registries = context.registries(args.registry.as_deref())?;
    if registries.is_empty() {
        return Err(Failure::text(
            Code::Usage,
            "no registry is configured",
            Some("list one under `pack_registry.indices` in the configuration file"),
        ));
    }
    let search = registries.search(&args.keyword, None, &context.progress);
    let (hits, failures) = crate::commands::runtime()?.block_on(search);
    for failure in &failures {
        let chain = Failure::new(Code::Network, &failure.error)
            .messages
            .join(": ");
        let text = format!("registry `{}` is left out: {chain}", failure.name);
        pack_client::Reporter::warning(&context.progress, &text);
    }
    if hits.is_empty() {
        let text = format!("no packs match `{}`", args.keyword);
        pack_client::Reporter::warning(&context.progress, &text);
        if !context.report.is_machine() {
            return Ok(());
        }
    }
    context.report.result(&hits, || {
        table(
            &["Ref", "Version", "Description", "Author", "Found in"],
            hits.iter().map(|hit| {
                vec![
                    hit.pack_ref.to_string(),
                    hit.version.to_string(),
                    shortened(&hit.description),
                    hit.author.clone(),
                    reasons(&hit.matched),
                ]
            }),
        )
    })
}

/// Why a pack matches, each reason once.
fn reasons(matched: &[Match]) -> String {
    let mut reasons: Vec<String> = matched.iter().map(ToString::to_string).collect();
    let mut told = BTreeSet::new();
    reasons.retain(|reason| told.insert(reason.clone()));
    reasons.join(", ")
}
