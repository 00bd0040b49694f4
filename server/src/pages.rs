//! `Pages`: what renders the pages that are made for a request, with the templates in force for the tree.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use attune_indexer::templates;
use pack_format::{Hint as _, error_chain};
use registry_pages::{PageError, Renderer};

use crate::report::Reporter;

/// Size and time of the file that templates are kept in; `None` while there is none.
type State = Option<(u64, SystemTime)>;

/// The templates of a tree, compiled; those of a build are used from the request after it.
#[derive(Debug)]
pub struct Pages {
    tree: PathBuf,
    file: PathBuf,
    current: RwLock<(State, Arc<Renderer>)>,
    reporter: Arc<dyn Reporter>,
}

impl Pages {
    /// With the templates in force for `tree`. Some that cannot be used are reported, and the built-in ones used.
    ///
    /// # Errors
    /// [`PageError`] if the built-in templates do not compile.
    pub fn new(tree: &Path, reporter: Arc<dyn Reporter>) -> Result<Self, PageError> {
        let pages = Self {
            tree: tree.to_owned(),
            file: templates::file_of(tree),
            current: RwLock::new((None, Arc::new(Renderer::new()?))),
            reporter,
        };
        pages.renderer();
        Ok(pages)
    }

    /// What renders at the moment.
    pub(crate) fn renderer(&self) -> Arc<Renderer> {
        let state = state(&self.file);
        {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if current.0 == state {
                return Arc::clone(&current.1);
            }
        }
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.0 != state {
            current.0 = state;
            match self.compiled() {
                Ok(renderer) => current.1 = Arc::new(renderer),
                Err(message) => self
                    .reporter
                    .reload_failed(&format!("the templates stay as they were: {message}")),
            }
        }
        Arc::clone(&current.1)
    }

    fn compiled(&self) -> Result<Renderer, String> {
        let overrides = templates::in_force(&self.tree).map_err(|error| {
            let hint = error.hint().unwrap_or_default();
            format!("{} {hint}", error_chain(&error))
        })?;
        Renderer::with(overrides).map_err(|error| error_chain(&error))
    }
}

fn state(file: &Path) -> State {
    let found = file.metadata().ok()?;
    Some((found.len(), found.modified().ok()?))
}
