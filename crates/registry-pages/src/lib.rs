//! The browse pages of a registry: documents in, HTML bytes out.
//!
//! ```text
//! registry.json ─> Site ──────────────┐
//! packs/<ref>.json ─> PackSummary ─> PackList ─> Renderer::home  index.html, page/2/index.html …
//!                                       └─────────> Renderer::group  keywords/<name>/index.html …
//! packs/<ref>.json + README ─> PackPage ───────> Renderer::pack  packs/<ref>/index.html, changes/index.html
//!                                                Renderer::assets  assets/<name>.<hash>.<ext>
//! ```
//! Pure: no file, no clock, no network. The same documents give the same bytes. Links between pages
//! are relative, so a tree works in any folder and from `file://`.

mod about;
mod api;
mod assets;
mod badge;
mod escape;
mod facets;
pub mod feeds;
mod groups;
mod home;
mod limits;
mod link;
mod links;
mod missing;
mod overrides;
mod pack;
mod readme;
mod renderer;
mod search;
mod shell;
mod site;
mod source;
mod summary;
mod text;

/// The page of a private registry for those it does not know. It names no other file: they are private too.
pub const PRIVATE: &str = include_str!("../../../templates/pages/private.html");

pub use about::ABOUT_PAGE;
pub use api::ApiPage;
pub use assets::Asset;
pub use badge::badge;
pub use escape::escape;
pub use groups::{GroupKind, PackGroup};
pub use home::{HOME_PAGE_SIZE, PackList};
pub use links::{Link, links};
pub use overrides::Overrides;
pub use pack::{FileRow, PackPage};
pub use renderer::{PackPages, PageError, Renderer};
pub use search::{FOUND_PER_PAGE, Found, FoundPack, SEARCH_PAGE};
pub use site::Site;
pub use source::{Content, MAX_SOURCE_BYTES, SOURCE_PAGE, SourcePage};
pub use summary::PackSummary;
