//! Names to addresses, checked: the address that passed is the one that is dialled.
//!
//! SECURITY: a registry on a public address must not send us to this machine or into a private network,
//! neither by a literal address (refused with the URL) nor by a name that resolves to one.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
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

/// Addresses of a host and port.
type Lookup = fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>>;

/// Asks the system.
fn system(host: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
    async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
}

#[derive(Debug)]
struct Shared {
    lookup: Lookup,
    policy: UrlPolicy,
    /// The configured registry's own host: approved by whoever configured it.
    own_host: Option<String>,
    /// Hosts of proxies and mirrors, approved the same way. What a proxy is asked for, it resolves itself.
    approved: Mutex<Vec<String>>,
    /// Whether that host turned out to be private itself; then it may name its neighbours.
    own_is_special: AtomicBool,
}

impl CheckedResolver {
    pub(crate) fn new(policy: UrlPolicy, own_host: Option<String>, approved: Vec<String>) -> Self {
        Self::by(system, policy, (own_host, approved))
    }

    fn by(
        lookup: Lookup,
        policy: UrlPolicy,
        (own_host, approved): (Option<String>, Vec<String>),
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                lookup,
                policy,
                own_host,
                approved: Mutex::new(approved),
                own_is_special: AtomicBool::new(false),
            }),
        }
    }
}

impl CheckedResolver {
    /// The addresses of a host, if they may be dialled.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = (self.shared.lookup)(host.to_owned(), port).await?;
        if addresses.is_empty() {
            let none = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
            return Err(none.into());
        }
        self.shared.check(host, &addresses)?;
        Ok(addresses)
    }

    /// Approves further hosts.
    pub(crate) fn approve<'a>(&self, hosts: impl Iterator<Item = &'a str>) {
        let mut approved = self
            .shared
            .approved
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        approved.extend(hosts.map(str::to_owned));
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
        let approved = self.approved.lock().unwrap_or_else(PoisonError::into_inner);
        if approved.iter().any(|host| host == name) {
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
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str(), 0).await?;
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
        let resolver = CheckedResolver::new(
            UrlPolicy::PUBLIC,
            Some("packs.internal".to_owned()),
            vec!["proxy.internal".to_owned()],
        );
        assert!(resolver.shared.check("proxy.internal", &private).is_ok());
        assert!(resolver.shared.check("cdn.example.org", &private).is_err());
        assert!(resolver.shared.check("cdn.example.org", &mixed).is_err());
        assert!(resolver.shared.check("packs.internal", &private).is_ok());
        assert!(resolver.shared.check("cdn.internal", &private).is_ok());
    }

    /// Answers a public address the first time, and this machine from then on.
    fn rebinding(_: String, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        static ASKED: AtomicBool = AtomicBool::new(false);
        let again = ASKED.swap(true, Ordering::SeqCst);
        let address = if again {
            [127, 0, 0, 1]
        } else {
            [93, 184, 215, 14]
        };
        async move { Ok(vec![(address, port).into()]) }.boxed()
    }

    /// A name that leads elsewhere the second time is dialled where it led the first time, or not at all: every
    /// connection gets the very addresses that were checked for it.
    #[tokio::test]
    async fn rebound_names_are_refused() {
        let by = |approved| CheckedResolver::by(rebinding, UrlPolicy::PUBLIC, (None, approved));
        let resolver = by(Vec::new());
        let dial = || resolver.resolve("packs.example.org".parse().unwrap());
        let first: Vec<SocketAddr> = dial().await.unwrap().collect();
        assert_eq!(first, ["93.184.215.14:0".parse().unwrap()]);
        for _ in 0..2 {
            let refused = dial().await.err().unwrap();
            assert!(refused.is::<AddressRefused>(), "{refused}");
        }
    }
}
