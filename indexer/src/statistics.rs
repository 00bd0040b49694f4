//! How often packs were downloaded: `statistics.json` of a tree, and what documents say after it.
//!
//! The file is written by who counts, at most daily ([`publish_statistics`]). Documents follow it where the number of
//! downloads is another one, in the same commit; a build does the same with the file it finds in the tree.

use pack_format::PackRef;
use pack_format::canonical;
use pack_format::documents::PackDocument;
use pack_format::statistics::StatisticsDocument;
use registry_tree::{Phase, WriteError, layout};

use crate::edit::{EditError, EditOptions, Edited, edit};
use crate::facts::PackFacts;
use crate::publish_error::PublishError;

/// Puts `statistics` into a tree, unless it has those of a later day.
///
/// # Errors
/// [`EditError`]; the tree still says what it said.
pub fn publish_statistics(
    options: &EditOptions,
    statistics: &StatisticsDocument,
) -> Result<Edited, EditError> {
    let bytes = canonical::to_bytes(statistics).map_err(|source| PublishError::Json {
        name: layout::STATISTICS.to_owned(),
        source,
    })?;
    let ((), edited) = edit(
        options,
        |_| {},
        |documents, writer| {
            let found = documents.reader().statistics()?;
            if found.is_some_and(|found| found.until > statistics.until || found == *statistics) {
                return Ok(());
            }
            for pack_ref in documents.outdated(statistics) {
                if let Some(document) = documents.get(&pack_ref)? {
                    follow(document, statistics);
                }
            }
            writer
                .put_text(Phase::View, layout::STATISTICS, &bytes)
                .map_err(|e| EditError::Write(WriteError::from(e)))
        },
    )?;
    Ok(edited)
}

/// Makes a document say what was counted of its pack.
pub(crate) fn follow(document: &mut PackDocument, statistics: &StatisticsDocument) {
    if let Some(counted) = statistics.packs.get(&document.pack_ref) {
        document.downloads = Some(counted.clone());
    }
}

/// Whether a listed pack says another number of downloads than was counted.
pub(crate) fn is_outdated(
    pack_ref: &PackRef,
    facts: &PackFacts,
    statistics: &StatisticsDocument,
) -> bool {
    let counted = statistics.packs.get(pack_ref);
    counted.is_some_and(|counted| facts.summary.downloads != Some(counted.total))
}
