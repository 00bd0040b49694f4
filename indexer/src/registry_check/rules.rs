//! What a registry must obey; `docs/registry-check.md` explains each rule.

pack_check::define_rules! {
    FILE_UNREADABLE, Error, "file-unreadable", "Every file that is named can be read.";
    FILE_IRREGULAR, Error, "file-irregular", "A tree holds regular files and directories with UTF-8 names.";
    FILE_MISSING, Error, "file-missing", "Every file that a registry needs is there.";
    DOCUMENT_INVALID, Error, "document-invalid", "Documents are JSON of the format they name.";
    DOCUMENT_DIGEST, Error, "document-digest", "A document has the bytes that `packs.json` pins.";
    DOCUMENT_VIEW, Error, "document-view", "`packs/<ref>.json` holds the bytes of the pinned document.";
    DOCUMENT_REF, Error, "document-ref", "A document is about the pack that it is listed for.";
    DOCUMENT_POINTER, Error, "document-pointer", "`packs.json` names the newest version of the document and its time.";
    VERSION_ORDER, Error, "version-order", "A document lists each version once, newest first.";
    VERSION_SOURCE, Error, "version-source", "A version can be installed from somewhere.";
    ARCHIVE_MISSING, Error, "archive-missing", "Every archive that a document names is there.";
    ARCHIVE_SIZE, Error, "archive-size", "An archive has the size that its document says.";
    ARCHIVE_DIGEST, Error, "archive-digest", "An archive has the SHA-256 that its document or index entry says.";
    ARCHIVE_REFUSED, Error, "archive-refused", "An archive holds one pack, and installers accept it.";
    ARCHIVE_IDENTITY, Error, "archive-identity", "The manifest in an archive names the pack and version it is listed for.";
    ARCHIVE_TREE, Error, "archive-tree", "An archive unpacks to the tree whose digests, files and size its document says.";
    ARCHIVE_COMPONENTS, Error, "archive-components", "A document lists the components that the archive holds.";
    PATCH_WRONG, Error, "patch-wrong", "A patched field says what its patch says, and corrects what the archive says.";
    COUNT_WRONG, Error, "count-wrong", "`registry.json` counts what is listed.";
    TIME_MISMATCH, Error, "time-mismatch", "`registry.json`, `packs.json` and `index.json` tell the same time of change.";
    INDEX_INVALID, Error, "index-invalid", "`index.json` is JSON of format 1.";
    INDEX_ROOT, Error, "index-root", "The root of an index has the five members of format 1 and no other.";
    INDEX_ENTRY, Error, "index-entry", "An entry obeys the rules of format 1.";
    INDEX_ORDER, Error, "index-order", "Entries are sorted by ref, each ref once.";
    INDEX_DIFFERS, Error, "index-differs", "`index.json` says of each pack what its document says.";
    INDEX_DEVELOPMENT, Warning, "index-development", "The addresses of a published index are https.";
    DEPENDENCY_UNKNOWN, Warning, "dependency-unknown", "Packs that others depend on are listed.";
    DEPENDENCY_UNSATISFIED, Warning, "dependency-unsatisfied", "A listed version satisfies every dependency on a listed pack.";
    SUCCESSOR_UNKNOWN, Warning, "successor-unknown", "The successor of a deprecated pack is listed.";
    TWIN_STALE, Error, "twin-stale", "A precompressed twin unpacks to the file beside it.";
    PAGE_MISSING, Error, "page-missing", "Every listed pack has its page.";
    SEARCH_STALE, Error, "search-stale", "The search index holds the words of the listed packs.";
    VIEW_STALE, Error, "view-stale", "Feeds, badges, icons and the map of pages say what the documents say.";
    CHANGES_BROKEN, Error, "changes-broken", "`changes/` records what happened without a gap, in the bytes that it names.";
    LINK_BROKEN, Error, "link-broken", "Links of pages lead to files of the tree.";
    FILE_ORPHAN, Warning, "file-orphan", "Documents, archives, pages and twins belong to a listed pack.";
}

/// Rules whose breach means that bytes are not what was promised.
const VERIFICATION: [pack_check::Rule; 10] = [
    DOCUMENT_DIGEST,
    DOCUMENT_VIEW,
    ARCHIVE_MISSING,
    ARCHIVE_SIZE,
    ARCHIVE_DIGEST,
    ARCHIVE_REFUSED,
    ARCHIVE_IDENTITY,
    ARCHIVE_TREE,
    TWIN_STALE,
    CHANGES_BROKEN,
];

/// Whether a breach of the rule of this name means that bytes are not what was promised.
pub fn is_verification(id: &str) -> bool {
    VERIFICATION.iter().any(|rule| rule.id == id)
}
