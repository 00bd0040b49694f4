//! Names to addresses, checked: the address that passed is the one that is dialled.
//!
//! SECURITY: a registry on a public address must not send us to this machine or into a private network,
//! neither by a literal address (refused with the URL) nor by a name that resolves to one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pack_format::url_policy::{UrlPolicy, classify};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// That a name leads where a registry must not send us.
#[derive(Debug, thiserror::Error)]
#[error("the host leads to a private or loopback address")]
pub(crate) struct AddressRefused;

/// Resolves names through the system and refuses special addresses.
#[derive(Debug, Clone)]
pub(crate) struct CheckedResolver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    policy: UrlPolicy,
    /// The configured registry's own host: approved by whoever configured it.
    own_host: Option<String>,
    /// Whether that host turned out to be private itself; then it may name its neighbours.
    own_is_special: AtomicBool,
}

impl CheckedResolver {
    pub(crate) fn new(policy: UrlPolicy, own_host: Option<String>) -> Self {
        Self {
            shared: Arc::new(Shared {
                policy,
                own_host,
                own_is_special: AtomicBool::new(false),
            }),
        }
    }
}

impl Shared {
    fn check(&self, name: &str, addresses: &[SocketAddr]) -> Result<(), AddressRefused> {
        let special = |policy: UrlPolicy| {
            addresses.iter().any(|address| {
                let (loopback, private) = classify(address.ip());
                (loopback && !policy.allow_loopback && !policy.allow_private)
                    || (private && !policy.allow_private)
            })
        };
        if self.own_host.as_deref() == Some(name) {
            if special(UrlPolicy::PUBLIC) {
                self.own_is_special.store(true, Ordering::Relaxed);
            }
            return Ok(());
        }
        if special(self.policy) && !self.own_is_special.load(Ordering::Relaxed) {
            return Err(AddressRefused);
        }
        Ok(())
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let name = name.as_str();
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((name, 0)).await?.collect();
            if addresses.is_empty() {
                return Err(
                    io::Error::new(io::ErrorKind::NotFound, "the host has no address").into(),
                );
            }
            shared.check(name, &addresses)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A public registry's names stay public; a registry inside a private network names its neighbours.
    #[test]
    fn special_addresses_need_a_special_registry() {
        let private: Vec<SocketAddr> = vec!["10.0.0.7:0".parse().unwrap()];
        let mixed: Vec<SocketAddr> = vec![
            "192.0.2.1:0".parse().unwrap(),
            "127.0.0.1:0".parse().unwrap(),
        ];
        let resolver = CheckedResolver::new(UrlPolicy::PUBLIC, Some("packs.internal".to_owned()));
        assert!(resolver.shared.check("cdn.example.org", &private).is_err());
        assert!(resolver.shared.check("cdn.example.org", &mixed).is_err());
        assert!(resolver.shared.check("packs.internal", &private).is_ok());
        assert!(resolver.shared.check("cdn.internal", &private).is_ok());
    }
}
