//! `recover`: what a change that was cut off has left goes at once, not with the next change.

use crate::installer::Installer;
use crate::record::State;
use crate::session::{ChangeError, Session};

impl Installer<'_> {
    /// Removes what changes that were cut off have left, as every change does when it begins; what is active stays.
    /// Returns what is installed. Without a packs directory nothing is done.
    ///
    /// # Errors
    /// [`ChangeError`]; what is active is as it was.
    pub fn recover(&self) -> Result<State, ChangeError> {
        if !self.layout.private().exists() {
            return Ok(State::empty());
        }
        let session = Session::begin(&self.layout, &self.settings, self.reporter)?;
        Ok(session.state.clone())
    }
}
