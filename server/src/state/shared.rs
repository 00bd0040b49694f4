//! `SharedState`: the one open database of a server, opened when it is first needed.

use tokio::sync::OnceCell;

use super::{State, StateError, StatePlace};

/// A database that everything of a server shares.
#[derive(Debug)]
pub struct SharedState {
    place: StatePlace,
    state: OnceCell<State>,
}

impl SharedState {
    /// The database at `place`, which need not be there yet.
    pub fn new(place: StatePlace) -> Self {
        Self {
            place,
            state: OnceCell::new(),
        }
    }

    /// The database, which is made where there is none.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn open(&self) -> Result<&State, StateError> {
        self.state.get_or_try_init(|| self.place.open()).await
    }

    /// The database, unless there is none yet: a tree that nobody may change needs none.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn existing(&self) -> Result<Option<&State>, StateError> {
        if self.state.get().is_none() && !self.place.is_there() {
            return Ok(None);
        }
        self.open().await.map(Some)
    }
}
