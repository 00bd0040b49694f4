//! Archives of packs over `Read` and `Write`: strict reading under one policy, reproducible writing.
//!
//! Indexer, server and installer read archives through this crate alone, so what one of them takes
//! the others take too. Reading goes in these steps, and the first error ends it:
//!
//! 1. [`ArchiveKind::detect`] looks at the first block; names and media types decide nothing.
//! 2. [`read`] decodes the container (gzip and tar, or zip) and refuses whatever two readers could
//!    understand differently: sizes given twice, headers that disagree, bytes nobody accounts for.
//! 3. [`Gate`] judges each member before its content is touched: its [`MemberPath`], its kind, its
//!    name against every earlier name, and what it costs against the [`Limits`](pack_format::Limits).
//! 4. A [`Sink`] receives it. [`DirSink`] writes below a directory it made itself, through handles.
//!
//! [`unpack()`] runs all four and leaves either the whole tree or nothing. Trees that come from
//! elsewhere (a git commit, a directory) pass the same [`Gate`].
//!
//! Writing ([`ArchiveBuilder`]) makes the bytes of a `.tar.gz` a function of the tree alone.

pub mod error;
pub mod gate;
pub mod member_path;
pub mod read;
pub mod read_file;
pub mod sink;
pub mod unpack;
pub mod write;

mod cap;
mod collide;
mod dir_sink;
mod stage;

pub use dir_sink::DirSink;
pub use error::{ArchiveError, MemberFault};
pub use gate::{Gate, Summary};
pub use member_path::{MemberPath, PathFault};
pub use read::{ArchiveKind, read_archive};
pub use read_file::read_file;
pub use sink::Sink;
pub use unpack::{Unpacked, unpack, unpack_with};
pub use write::{ArchiveBuilder, BuildError};
