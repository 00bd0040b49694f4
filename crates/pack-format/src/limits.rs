//! Every limit of the formats, in one place. All bounds are inclusive.

/// Largest metadata file (`pack.yaml`, a component file, `registry.yaml`), in bytes (1 MiB).
pub const MAX_METADATA_BYTES: usize = 1024 * 1024;

/// Deepest nesting of a metadata file: mappings and sequences, block or flow.
pub const MAX_METADATA_DEPTH: usize = 64;

/// Most nodes a metadata file may expand to, aliases followed.
///
/// A 1 MiB file written by hand stays far below it; an alias bomb does not.
pub const MAX_METADATA_NODES: usize = 100_000;

/// Most text a metadata file may expand to, aliases followed, in bytes (8 MiB).
pub const MAX_METADATA_EXPANDED_BYTES: usize = 8 * MAX_METADATA_BYTES;

/// Most directory entries a component directory may hold.
pub const MAX_COMPONENT_ENTRIES: usize = 10_000;

/// Largest `index.json` or other registry document, in bytes (64 MiB), before and after decoding.
pub const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Largest index that its own operator updates or merges, in bytes (1 GiB).
///
/// Clients take [`MAX_DOCUMENT_BYTES`]; what an operator names on the command line may be larger, such as
/// an index of 100,000 packs (325 MB) on its way to a registry tree.
pub const MAX_INDEX_FILE_BYTES: u64 = 1024 * 1024 * 1024;

/// Longest pack ref, in bytes.
pub const MAX_PACK_REF_BYTES: usize = 64;

/// Longest version text, in bytes.
///
/// Long enough for three 64-bit numbers, a pre-release and build metadata, short enough for a file name.
pub const MAX_VERSION_BYTES: usize = 128;

/// Longest git ref of an install source, in bytes.
pub const MAX_GIT_REF_BYTES: usize = 255;

/// Longest URL accepted anywhere in a document, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// What one archive may cost its reader. Counted on bytes as they come out of the decoder, never on
/// what a header declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest archive file, in bytes.
    pub archive_bytes: u64,
    /// Largest sum of the bytes of all files, in bytes.
    pub unpacked_bytes: u64,
    /// Largest single file, in bytes.
    pub entry_bytes: u64,
    /// Most entries, directories included.
    pub entries: usize,
    /// Longest path of an entry, in bytes.
    pub path_bytes: usize,
    /// Longest name of one file or directory, in bytes.
    pub component_bytes: usize,
    /// Deepest path, in components.
    pub depth: usize,
    /// Most bytes of headers that describe entries (PAX records, long names), in bytes.
    pub meta_bytes: u64,
    /// Most bytes read after the end marker of a tar archive, in bytes.
    pub trailing_bytes: u64,
    /// Largest allowed ratio of decoded to encoded bytes, checked above [`Limits::ratio_floor_bytes`].
    pub ratio: u64,
    /// Decoded bytes below which [`Limits::ratio`] is not checked: an honest log compresses 1000:1.
    pub ratio_floor_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            archive_bytes: 64 * MIB,
            unpacked_bytes: 512 * MIB,
            entry_bytes: 256 * MIB,
            entries: 50_000,
            path_bytes: 1024,
            component_bytes: 255,
            depth: 64,
            meta_bytes: MIB,
            trailing_bytes: MIB,
            ratio: 1000,
            ratio_floor_bytes: 32 * MIB,
        }
    }
}
