//! `pack registries`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::context::Context;
use crate::failure::Failure;
use crate::report::table;

/// One configured registry; the values of its headers stay secret.
#[derive(Serialize)]
struct Row {
    url: String,
    name: Option<String>,
    priority: i64,
    enabled: bool,
    headers: BTreeMap<String, &'static str>,
}

pub(crate) fn run(context: &Context<'_>) -> Result<(), Failure> {
    let mut configs = context.settings.registries()?;
    configs.sort_by_key(|config| config.priority);
    let rows: Vec<Row> = configs
        .into_iter()
        .map(|config| Row {
            headers: config
                .headers
                .iter()
                .map(|(name, _)| (name.to_owned(), "[REDACTED]"))
                .collect(),
            url: config.url,
            name: config.name,
            priority: config.priority,
            enabled: config.enabled,
        })
        .collect();
    if rows.is_empty() && !context.report.is_machine() {
        context.report.note("no registry is configured");
        return Ok(());
    }
    context.report.result(&rows, || {
        table(
            &["Priority", "Name", "URL", "Status"],
            rows.iter().map(|row| {
                let status = if row.enabled {
                    "✓ Enabled"
                } else {
                    "✗ Disabled"
                };
                vec![
                    row.priority.to_string(),
                    row.name.clone().unwrap_or_default(),
                    row.url.clone(),
                    status.to_owned(),
                ]
            }),
        )
    })
}
