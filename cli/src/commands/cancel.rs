//! `Cancel`: Ctrl-C and termination, heard once and heeded where work can be called off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Code, Failure};

/// Whether somebody asked this program to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// From now on, signals to end are taken note of here instead of ending the program.
    ///
    /// May be called once in the life of a process.
    pub(crate) fn listen() -> Result<Self, Failure> {
        let cancel = Self::default();
        let flag = Arc::clone(&cancel.0);
        ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed)).map_err(|e| {
            Failure::text(Code::Failed, format!("cannot listen to signals: {e}"), None)
        })?;
        Ok(cancel)
    }

    /// Whether work should stop.
    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
