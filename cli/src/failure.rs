//! `Failure`: an error on its way to the terminal, with its exit code.

use std::error::Error;
use std::process::ExitCode;

use pack_format::Hint;

/// Why the program ends, as its exit code says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// The work failed.
    Failed = 1,
    /// The command line or configuration is wrong.
    Usage = 2,
    /// No set of versions satisfies what was asked.
    NoSolution = 3,
    /// A server did not answer, or not as it should.
    Network = 4,
    /// Something is not what it was promised to be.
    Verification = 5,
    /// A lock is not the answer to what is wanted.
    Stale = 6,
    /// Credentials are missing or refused.
    Authentication = 7,
    /// Another process holds a lock.
    Busy = 8,
}

impl Code {
    /// The code of something that waited for a lock.
    pub(crate) fn busy_or_failed(is_busy: bool) -> Self {
        if is_busy { Self::Busy } else { Self::Failed }
    }
}

/// An error with its causes, advice and exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The error, then what caused it, outermost first.
    pub(crate) messages: Vec<String>,
    pub(crate) hint: Option<String>,
    code: Code,
}

impl Failure {
    /// A failure of something that waits for a lock.
    pub(crate) fn busy_or_failed<E: Error + Hint>(is_busy: bool, error: &E) -> Self {
        Self::new(Code::busy_or_failed(is_busy), error)
    }

    /// A failure from a library's error.
    pub(crate) fn new<E: Error + Hint>(code: Code, error: &E) -> Self {
        let mut messages = vec![error.to_string()];
        let mut cause = error.source();
        while let Some(error) = cause {
            let text = error.to_string();
            // A transparent wrapper would say the same sentence again.
            if messages.last() != Some(&text) {
                messages.push(text);
            }
            cause = error.source();
        }
        Self {
            messages,
            hint: error.hint(),
            code,
        }
    }

    /// A failure in the program's own words.
    pub(crate) fn text(code: Code, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self {
            messages: vec![message.into()],
            hint: hint.map(str::to_owned),
            code,
        }
    }

    /// Whether the command line or configuration is wrong, so that trying again will not help.
    pub(crate) fn is_usage(&self) -> bool {
        self.code == Code::Usage
    }

    /// Whether a server did not know who asks.
    pub(crate) fn is_authentication(&self) -> bool {
        self.code == Code::Authentication
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code as u8)
    }
}
