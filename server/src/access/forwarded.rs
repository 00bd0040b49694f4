//! Who is behind a proxy.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use hyper::HeaderMap;
use hyper::header::HeaderName;
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Proxies whose word about their clients is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// A text that is neither an address nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is neither an address nor a network such as 10.0.0.0/8", pack_format::text::printable(.0))]
pub struct NetworkError(String);

impl TrustedProxies {
    /// The proxies at these addresses and in these networks.
    ///
    /// # Errors
    /// [`NetworkError`] for the first text that is neither.
    pub fn new<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, NetworkError> {
        let network = |text: &str| {
            let address = IpAddr::from_str(text).map(IpNet::from);
            address
                .or_else(|_| text.parse())
                .map_err(|_| NetworkError(text.to_owned()))
        };
        texts
            .into_iter()
            .map(network)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Who asks: the other end of the connection or, if that is a trusted proxy, the last address in
    /// `X-Forwarded-For` that is none. What stands before it is anybody's word.
    pub(crate) fn client(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        if self.0.is_empty() || !self.trusts(peer.ip()) {
            return peer;
        }
        let fields = headers.get_all(X_FORWARDED_FOR);
        let fields: Vec<&str> = fields
            .iter()
            .filter_map(|field| field.to_str().ok())
            .collect();
        let hops = fields.iter().rev().flat_map(|field| field.rsplit(','));
        let mut client = peer.ip();
        for hop in hops {
            let Ok(address) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        SocketAddr::new(client, 0)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    /// Only trusted proxies are believed, and only what they have seen themselves.
    #[test]
    fn client_is_the_last_address_that_is_no_proxy() {
        let proxies = TrustedProxies::new(["127.0.0.1", "10.0.0.0/8"]).unwrap();
        let rows: [(&str, &[&str], &str); 7] = [
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1"),
            ("127.0.0.1", &[], "127.0.0.1"),
            ("127.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            (
                "127.0.0.1",
                &["1.2.3.4, 198.51.100.7, 10.1.1.1"],
                "198.51.100.7",
            ),
            ("127.0.0.1", &["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
            ("127.0.0.1", &["1.2.3.4, nonsense"], "127.0.0.1"),
            ("127.0.0.1", &["2001:db8::1"], "2001:db8::1"),
        ];
        for (peer, fields, expected) in rows {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_static(field));
            }
            let peer = SocketAddr::new(peer.parse().unwrap(), 1);
            let client = proxies.client(peer, &headers).ip();
            assert_eq!(client.to_string(), expected, "{fields:?}");
        }
        assert!(TrustedProxies::new(["localhost"]).is_err());
    }
}
