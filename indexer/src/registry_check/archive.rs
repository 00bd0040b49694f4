//! One archive: its bytes, and the pack in it.

use std::io::{Seek as _, SeekFrom};
use std::path::Path;

use pack_check::Diagnostic;
use pack_format::checksum::Algorithm;
use pack_format::documents::{Components, VersionDocument};
use pack_format::manifest::Manifest;
use pack_format::patch::PatchField;
use pack_format::text::printable;
use pack_format::{Checksum, Limits, PackRef, Version, error_chain};

use super::context::{Context, count};
use super::rules;
use super::source::Body;
use crate::archive_file::{ArchiveFileError, Members};
use crate::pack::{PackError, from_manifest};

/// What is known of an archive before it is read.
pub(super) struct Promise<'a> {
    /// The file that names it, and where in it.
    pub(super) file: &'a str,
    pub(super) field: String,
    /// What messages call the archive.
    pub(super) archive: &'a str,
    pub(super) pack_ref: &'a PackRef,
    pub(super) version: &'a Version,
    pub(super) checksum: Option<Checksum>,
    pub(super) size_bytes: Option<u64>,
    /// What a document says of its contents.
    pub(super) document: Option<&'a VersionDocument>,
}

const RESTORE: &str =
    "restore the archive from a copy; a published archive never changes its bytes";

/// Most bytes of an archive that are of use.
pub(super) fn limit() -> u64 {
    Limits::default().archive_bytes
}

impl Promise<'_> {
    fn found(&self, rule: pack_check::Rule, message: String) -> Diagnostic {
        Diagnostic::new(rule, self.file, message).in_field(&self.field)
    }

    /// Checks what reading the archive gave.
    pub(super) fn check(&self, context: &Context<'_>, body: Result<Option<Box<dyn Body>>, String>) {
        let archive = self.archive;
        let mut body = match body {
            Ok(Some(body)) => body,
            Ok(None) => {
                let message = format!("`{archive}` is not there");
                context.add(
                    self.found(rules::ARCHIVE_MISSING, message)
                        .with_hint(RESTORE),
                );
                return;
            }
            Err(reason) => {
                let message = format!("cannot read `{archive}`: {reason}");
                context.add(self.found(rules::FILE_UNREADABLE, message));
                return;
            }
        };
        match self.check_bytes(context, &mut body) {
            Ok(true) => {}
            // What is in other bytes than were promised is nobody's promise.
            Ok(false) => return,
            Err(error) => {
                let message = format!("cannot read `{archive}`: {error}");
                context.add(self.found(rules::FILE_UNREADABLE, message));
                return;
            }
        }
        match self.check_pack(context, &mut body) {
            Ok(()) => {}
            Err(reason) => {
                let message = format!("`{archive}`: {reason}");
                context.add(self.found(rules::ARCHIVE_REFUSED, message));
            }
        }
    }

    /// Whether the bytes are those that were promised.
    fn check_bytes(
        &self,
        context: &Context<'_>,
        body: &mut Box<dyn Body>,
    ) -> std::io::Result<bool> {
        let algorithm = self
            .checksum
            .as_ref()
            .map_or(Algorithm::Sha256, Checksum::algorithm);
        let size = body.seek(SeekFrom::End(0))?;
        body.rewind()?;
        if let Some(expected) = self.size_bytes
            && size != expected
        {
            let message = format!(
                "`{}` has another size\n  expected  {expected} bytes\n  found     {size} bytes",
                self.archive
            );
            context.add(self.found(rules::ARCHIVE_SIZE, message).with_hint(RESTORE));
            return Ok(false);
        }
        let computed = Checksum::compute(algorithm, body)?;
        body.rewind()?;
        count(&context.archives, 1);
        count(&context.archive_bytes, size);
        if let Some(expected) = &self.checksum
            && *expected != computed
        {
            let message = format!(
                "`{}` has other bytes\n  expected  {expected}\n  computed  {computed}",
                self.archive
            );
            context.add(
                self.found(rules::ARCHIVE_DIGEST, message)
                    .with_hint(RESTORE),
            );
            return Ok(false);
        }
        Ok(true)
    }

    /// Reads the pack as an installer would; the error is why one would refuse it.
    fn check_pack(&self, context: &Context<'_>, body: &mut Box<dyn Body>) -> Result<(), String> {
        let told = |error: ArchiveFileError| error_chain(&error);
        let members = Members::read(body).map_err(|e| told(e.into()))?;
        let contents = members.contents().map_err(told)?;
        let place = Path::new(self.archive);
        let read = contents.metadata(place);
        let (manifest, components) = read.map_err(|e| error_chain(&e))?;
        if (&manifest.pack_ref, manifest.version.to_string())
            != (self.pack_ref, self.version.to_string())
        {
            let message = format!(
                "`{}` holds another pack\n  expected  {}@{}\n  found     {}@{}",
                self.archive, self.pack_ref, self.version, manifest.pack_ref, manifest.version
            );
            context.add(self.found(rules::ARCHIVE_IDENTITY, message));
        }
        let Some(document) = self.document else {
            return Ok(());
        };
        let wrong = |error: PackError| error_chain(&error);
        let (tree, key) = contents.digest(place).map_err(wrong)?;
        let facts = [
            ("tree", text(document.tree), tree.to_string()),
            ("store_key", text(document.store_key), key.to_string()),
            (
                "file_count",
                Some(document.file_count.to_string()),
                contents.file_count().to_string(),
            ),
            (
                "unpacked_bytes",
                Some(document.unpacked_bytes.to_string()),
                contents.unpacked_bytes().to_string(),
            ),
        ];
        for (what, expected, found) in facts {
            let Some(expected) = expected.filter(|expected| *expected != found) else {
                continue;
            };
            let message = format!(
                "`{}` has another `{what}`\n  expected  {expected}\n  computed  {found}",
                self.archive
            );
            context.add(self.found(rules::ARCHIVE_TREE, message));
        }
        self.check_patches(context, document, manifest);
        self.check_components(context, document, &components);
        Ok(())
    }
}

impl Promise<'_> {
    /// What is listed is what the files hold.
    fn check_components(
        &self,
        context: &Context<'_>,
        document: &VersionDocument,
        components: &Components,
    ) {
        for ((kind, listed), (_, held)) in document
            .components
            .by_kind()
            .iter()
            .zip(components.by_kind())
        {
            if *listed == held {
                continue;
            }
            let message = format!(
                "`{}` holds other `{kind}` than are listed: {}",
                self.archive,
                difference(listed, held)
            );
            context.add(self.found(rules::ARCHIVE_COMPONENTS, message));
        }
    }

    /// What was corrected is what the manifest says.
    fn check_patches(&self, context: &Context<'_>, document: &VersionDocument, manifest: Manifest) {
        let said = from_manifest(manifest, document.published_at);
        for note in &document.patches {
            let Ok(field) = note.field.parse::<PatchField>() else {
                continue;
            };
            let found = field.get(&said);
            if found == note.from {
                continue;
            }
            let shown = |value: Option<&serde_json::Value>| {
                value.map_or_else(|| "nothing".to_owned(), ToString::to_string)
            };
            let message = format!(
                "`{}` of `{}` is not what was corrected\n  expected  {}\n  found     {}",
                note.field,
                self.archive,
                printable(&shown(note.from.as_ref())),
                printable(&shown(found.as_ref()))
            );
            context.add(self.found(rules::PATCH_WRONG, message));
        }
    }
}

fn text<T: ToString>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

/// The first name by which two lists differ, and how.
fn difference(
    listed: &[pack_format::documents::Component],
    held: &[pack_format::documents::Component],
) -> String {
    let named = |list: &[pack_format::documents::Component], name: &str| {
        list.iter().any(|component| component.name == name)
    };
    if let Some(only) = listed.iter().find(|c| !named(held, &c.name)) {
        return format!("`{}` is listed and not held", only.name);
    }
    if let Some(only) = held.iter().find(|c| !named(listed, &c.name)) {
        return format!("`{}` is held and not listed", only.name);
    }
    let differs = listed.iter().zip(held).find(|(a, b)| a != b);
    differs.map_or_else(
        || "their order".to_owned(),
        |(component, _)| format!("of `{}` they say different things", component.name),
    )
}
