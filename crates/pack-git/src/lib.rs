//! Git repositories as install sources: one commit is fetched, and its tree read under the policy of archives.
//!
//! 1. [`RepositoryUrl`] is the only way to name a repository: parsed by us, without secrets, nothing in it
//!    that a command line could take for an option.
//! 2. [`Git::fetch`] asks the repository for its refs, chooses a commit ([`select`]), and brings that
//!    commit into a bare repository of its own, as shallow as the server allows, within [`GitLimits`].
//! 3. [`Fetched::export`] reads the tree from the object database and passes every entry through
//!    [`pack_archive::Gate`]. Nothing is checked out: no hook, filter, attribute, submodule or LFS pointer
//!    has any effect.
//!
//! Which program talks to the server is a [`Backend`]; everything after that is the same.

mod authorities;
mod cli;
pub mod error;
pub mod export;
pub mod fetch;
mod process;
mod readable;
mod repository;
pub mod select;
pub mod settings;
pub mod url;

pub use self::url::{RepositoryUrl, RepositoryUrlError, Scheme};
pub use error::GitError;
pub use export::TreeIn;
pub use fetch::{Fetched, Git, GitRequest};
pub use settings::{Backend, GitLimits, GitSettings};
