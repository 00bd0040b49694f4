//! What is made of one pack for people and their programs: its page, changes, feed and badge.

use pack_format::documents::PackDocument;
use registry_pages::{PackPage, Renderer, Site, badge, feeds};
use registry_tree::{Phase, TreeWriter, layout};

use crate::publish_error::PublishError;

/// Stages the views of one pack.
///
/// # Errors
/// [`PublishError`].
pub(crate) fn stage(
    writer: &TreeWriter,
    renderer: &Renderer,
    site: &Site,
    page: &PackPage<'_>,
) -> Result<(), PublishError> {
    let pack_ref = &page.document.pack_ref;
    let pages = renderer.pack_pages(site, page)?;
    if let Some(changes) = pages.changes {
        writer.put_text(Phase::View, &layout::pack_changes(pack_ref), &changes)?;
    }
    writer.put_text(Phase::View, &layout::pack_page(pack_ref), &pages.page)?;
    for (path, bytes) in of_document(page.document) {
        writer.put_text(Phase::View, &path, &bytes)?;
    }
    Ok(())
}

/// The views that a document alone tells: feed and badge, each with its path.
pub(crate) fn of_document(document: &PackDocument) -> [(String, Vec<u8>); 2] {
    let pack_ref = &document.pack_ref;
    [
        (layout::pack_feed(pack_ref), feeds::of_pack(document)),
        (layout::pack_badge(pack_ref), badge(document)),
    ]
}
