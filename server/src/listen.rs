//! Binding the address to serve on, and the errors people meet there.

use pack_format::Hint;
use pack_format::text::printable;
use std::io;
use tokio::net::TcpListener;

/// Binds `address`, such as `127.0.0.1:8470`, `[::1]:8470` or `localhost:0`.
///
/// # Errors
/// [`BindError`], which keeps the address as it was given.
pub async fn bind(address: &str) -> Result<TcpListener, BindError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| BindError::new(address, source))
}

/// The address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Another program listens there.
    #[error("cannot listen on `{address}`: the port is in use by another program")]
    InUse {
        /// The address as given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The system does not let this user listen there.
    #[error("cannot listen on `{address}`: not permitted")]
    Denied {
        /// The address as given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// No interface of this machine has the address.
    #[error("cannot listen on `{address}`: this machine does not have that address")]
    NotHere {
        /// The address as given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The text is no address, or its host name is unknown.
    #[error("cannot listen on `{address}`: it is not an address and a port")]
    NotAnAddress {
        /// The address as given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else.
    #[error("cannot listen on `{address}`")]
    Other {
        /// The address as given.
        address: String,
        /// What the system said.
        source: io::Error,
    },
}

impl BindError {
    fn new(address: &str, source: io::Error) -> Self {
        let address = printable(address);
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, source },
            io::ErrorKind::PermissionDenied => Self::Denied { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NotHere { address, source },
            // A failed look-up of a host name has no kind of its own: it comes without a system code.
            io::ErrorKind::InvalidInput => Self::NotAnAddress { address, source },
            _ if source.raw_os_error().is_none() => Self::NotAnAddress { address, source },
            _ => Self::Other { address, source },
        }
    }

    /// Whether another program holds the port.
    pub fn is_in_use(&self) -> bool {
        matches!(self, Self::InUse { .. })
    }
}

impl Hint for BindError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::InUse { .. } => Some(
                "stop that program, or pass `--listen` with another port, such as `--listen 127.0.0.1:8471`"
                    .to_owned(),
            ),
            Self::Denied { .. } => {
                Some("pass `--listen` with a port of 1024 or above, such as `--listen 127.0.0.1:8470`".to_owned())
            }
            Self::NotHere { .. } => Some(
                "pass `--listen` with an address of this machine, or `0.0.0.0` for all of them".to_owned(),
            ),
            Self::NotAnAddress { .. } => {
                Some("write an address and a port, such as `127.0.0.1:8470` or `[::1]:8470`".to_owned())
            }
            Self::Other { .. } => None,
        }
    }
}
