//! The browse pages of a registry: documents in, HTML bytes out.
//!
//! ```text
//! registry.json ─> Site ──────────────┐
//! packs/<ref>.json ─> PackSummary ─> PackList ─> Renderer::home  index.html, page/2/index.html …
//! packs/<ref>.json + README ─> PackPage ───────> Renderer::pack  packs/<ref>/index.html
//!                                                Renderer::assets  assets/<name>.<hash>.<ext>
//! ```
//! Pure: no file, no clock, no network. The same documents give the same bytes. Links between pages
//! are relative, so a tree works in any folder and from `file://`.

mod assets;
mod escape;
mod facets;
mod home;
mod limits;
mod link;
mod links;
mod missing;
mod pack;
mod readme;
mod renderer;
mod search;
mod shell;
mod site;
mod summary;
mod text;

pub use assets::Asset;
pub use escape::escape;
pub use home::{HOME_PAGE_SIZE, PackList};
pub use links::{Link, links};
pub use pack::{FileRow, PackPage};
pub use renderer::{PageError, Renderer};
pub use search::{FOUND_PER_PAGE, Found, FoundPack, SEARCH_PAGE};
pub use site::Site;
pub use summary::PackSummary;
