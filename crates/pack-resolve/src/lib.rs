//! Versions and constraints in, one version per pack out: resolution over all listed versions.
//!
//! Pure: candidates arrive as values, the answer is a value. The search is that of `pubgrub`, so a failure comes
//! with its cause; [`error`] turns that cause into sentences.
//!
//! * A pack that is installed keeps its version while that version satisfies everybody.
//! * Otherwise the newest version wins. Withheld versions (yanked, too young, needing what the host has not)
//!   are never chosen, pre-releases only where a constraint names one.
//! * Cycles are allowed, because activation is one switch for all packs; they are reported.
//!
//! ```
//! use pack_resolve::{Candidate, Request, resolve};
//!
//! let mut request = Request::default();
//! request.roots.push("app@^1".parse()?);
//! request.add("app".parse()?, Candidate::new("1.0.0".parse()?, vec!["core@^2".parse()?]));
//! request.add("core".parse()?, Candidate::new("2.1.0".parse()?, vec![]));
//! let resolution = resolve(&request)?;
//! let order: Vec<String> = resolution.packs.iter().map(ToString::to_string).collect();
//! assert_eq!(order, ["core@2.1.0", "app@1.0.0"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod error;
mod explain;
mod order;
mod provider;
pub mod request;
pub mod requirement;
mod resolution;

pub use error::ResolveError;
pub use request::{Candidate, Request, Withheld};
pub use requirement::{Found, Requirement, Runtime, Unmet};
pub use resolution::{Picked, Resolution, resolve};
