//! `FailureClass`: what kind of failure a caller sees, whatever operation failed.

/// The kinds of failure programs tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// Anything without a kind of its own.
    Failed,
    /// What was asked makes no sense.
    Usage,
    /// No versions fit together, or something is not listed.
    NoSolution,
    /// The network or a server.
    Network,
    /// Something is not what it must be.
    Verification,
    /// A registry wants to know who we are.
    Authentication,
    /// Another process holds the lock.
    Busy,
}

/// Errors that know their class.
pub trait Classify {
    /// The kind of failure.
    fn class(&self) -> FailureClass;
}

impl Classify for pack_client::RegistryError {
    fn class(&self) -> FailureClass {
        if self.is_authentication() {
            FailureClass::Authentication
        } else if self.is_verification() {
            FailureClass::Verification
        } else if self.is_network() {
            FailureClass::Network
        } else {
            FailureClass::Failed
        }
    }
}

impl Classify for pack_client::FetchError {
    fn class(&self) -> FailureClass {
        if self.is_authentication() {
            FailureClass::Authentication
        } else if self.is_verification() {
            FailureClass::Verification
        } else {
            FailureClass::Network
        }
    }
}

impl Classify for pack_git::GitError {
    fn class(&self) -> FailureClass {
        if self.is_authentication() {
            FailureClass::Authentication
        } else if self.is_verification() {
            FailureClass::Verification
        } else if self.is_network() {
            FailureClass::Network
        } else {
            FailureClass::Failed
        }
    }
}

impl Classify for pack_client::LookupError {
    fn class(&self) -> FailureClass {
        self.source.class()
    }
}
