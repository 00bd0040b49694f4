//! `UrlPolicy` and `SourceUrl`: which URLs a registry or a user may send us to.
//!
//! This is the part that needs no network: scheme, credentials, spelling, and addresses written as
//! numbers. The client repeats the address check on what a name resolves to.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};
use url::{Host, Url};

use crate::hint::Hint;
use crate::limits::MAX_URL_BYTES;
use crate::text::{is_deceptive, printable};

/// A URL that passed a [`UrlPolicy`]: absolute, without credentials, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceUrl(Url);

impl SourceUrl {
    /// The URL as a parsed value.
    pub fn as_url(&self) -> &Url {
        &self.0
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether it is https.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.as_str())
    }
}

impl Serialize for SourceUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.as_str())
    }
}

/// Which URLs are allowed beyond https to public addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UrlPolicy {
    /// Plain http to any host.
    pub allow_http: bool,
    /// Addresses of this machine, by http too.
    pub allow_loopback: bool,
    /// Addresses of private networks.
    pub allow_private: bool,
}

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` is refused: {reason}", printable(.url))]
pub struct UrlError {
    url: String,
    reason: &'static str,
}

impl Hint for UrlError {
    fn hint(&self) -> Option<String> {
        Some("give an absolute https URL without credentials, query or fragment".to_owned())
    }
}

impl UrlPolicy {
    /// What a public registry may name: https to public addresses.
    pub const PUBLIC: Self = Self {
        allow_http: false,
        allow_loopback: false,
        allow_private: false,
    };

    /// What a registry on this machine may name: also loopback addresses.
    pub const LOCAL: Self = Self {
        allow_http: false,
        allow_loopback: true,
        allow_private: false,
    };

    /// Checks `text` and parses it.
    ///
    /// # Errors
    /// [`UrlError`] with the first rule it breaks. Credentials in it are not repeated.
    pub fn check(self, text: &str) -> Result<SourceUrl, UrlError> {
        let refuse = |shown: &str, reason| {
            Err(UrlError {
                url: shown.to_owned(),
                reason,
            })
        };
        if text.len() > MAX_URL_BYTES {
            return refuse(text, "it is longer than 2048 bytes");
        }
        if text.chars().any(|c| {
            is_deceptive(c) || c.is_whitespace() || matches!(c, '\\' | '\u{200b}'..='\u{200f}')
        }) {
            return refuse(
                text,
                "it holds white space, a control character or a backslash",
            );
        }
        let Ok(url) = Url::parse(text) else {
            return refuse(text, "it is not an absolute URL");
        };
        if !url.username().is_empty() || url.password().is_some() {
            let mut shown = url.clone();
            // Both fail only for URLs without a host, which carry no credentials.
            let _ = shown.set_username("");
            let _ = shown.set_password(None);
            return refuse(shown.as_str(), "it carries credentials");
        }
        if !matches!(url.scheme(), "https" | "http") {
            return refuse(text, "its scheme is not https");
        }
        // `https:host` and `https:///host` would be repaired in silence by the parser.
        let after_scheme = &text[url.scheme().len()..];
        if !after_scheme.starts_with("://") || after_scheme.starts_with(":///") {
            return refuse(text, "it names no host");
        }
        if url.query().is_some() || url.fragment().is_some() {
            // Queries carry tokens.
            let shown = text.split(['?', '#']).next().unwrap_or_default();
            return refuse(shown, "it has a query or a fragment");
        }
        if url.port() == Some(0) {
            return refuse(text, "its port is 0");
        }
        if url.path().contains("%00") {
            return refuse(text, "its path holds a NUL");
        }
        self.check_host(&url).map_or_else(
            |reason| refuse(text, reason),
            |()| Ok(SourceUrl(url.clone())),
        )
    }

    fn check_host(self, url: &Url) -> Result<(), &'static str> {
        let (loopback, private) = match url.host() {
            None => return Err("it names no host"),
            Some(Host::Domain(name)) => {
                if name.ends_with('.') {
                    return Err("its host ends with a dot");
                }
                let local = name == "localhost" || name.ends_with(".localhost");
                (local, false)
            }
            Some(Host::Ipv4(ip)) => classify(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => classify(IpAddr::V6(ip)),
        };
        if loopback {
            return if self.allow_loopback || self.allow_private {
                Ok(())
            } else {
                Err("it leads to this machine")
            };
        }
        if private && !self.allow_private {
            return Err("it leads to a private or special address");
        }
        if url.scheme() == "http" && !self.allow_http {
            return Err("its scheme is not https");
        }
        Ok(())
    }
}

/// Whether an address is (loopback, private or special).
///
/// IPv6 forms that embed an IPv4 address are judged by the embedded one.
pub fn classify(ip: IpAddr) -> (bool, bool) {
    match ip {
        IpAddr::V4(ip) => (ip.is_loopback(), is_special_v4(ip)),
        IpAddr::V6(ip) => {
            if let Some(embedded) = embedded_v4(ip) {
                return classify(IpAddr::V4(embedded));
            }
            (ip.is_loopback(), is_special_v6(ip))
        }
    }
}

/// The IPv4 address inside a mapped, NAT64 or 6to4 address.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(v4(high, low)),
        _ => None,
    }
}

fn is_special_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        || ip.is_broadcast()
        || ip.is_documentation()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
}

fn is_special_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    ip.is_unspecified()
        || ip.is_multicast()
        || (a & 0xfe00) == 0xfc00
        || (a & 0xffc0) == 0xfe80
        || a == 0x100
        || (a == 0x2001 && (b < 0x200 || b == 0xdb8))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is no plain https URL, and every spelling of an address that is not public.
    const REFUSED: [&str; 52] = [
        "http://example.org/a",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https://u:p@example.org/",
        "https://example.org/\r\nx",
        "https://127.0.0.1/",
        "https://169.254.169.254/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://localhost./",
        "https://[fe80::1%25eth0]/",
        "https:///x",
        "https:x",
        "example.org/a",
        "https://example.org:0/",
        "https://example.org:99999/",
        "https://example.org/%00",
        "\u{200b}https://example.org/",
        "https://example.org\\@evil.org/",
        "https://example.org/?q",
        "https://[64:ff9b::7f00:1]/",
        "https://10.0.0.1/",
        "https://172.16.0.1/",
        "https://192.168.0.1/",
        "https://100.64.0.1/",
        "https://0.0.0.0/",
        "https://0/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://017700000001/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fc00::1]/",
        "https://[fe80::1]/",
        "https://[ff02::1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::ffff:a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://example.org./",
        "https://[::1%25lo]/",
        "https://１２７.0.0.1/",
        "https://u@example.org/",
        "HTTP://example.org/a",
        "//example.org/a",
        "https:////example.org/a",
        "",
    ];

    /// One row per rule and per spelling of a forbidden address.
    #[test]
    fn public_policy_takes_public_https_only() {
        for good in [
            "https://example.org/a.tar.gz",
            "https://example.org:8443/a@b",
        ] {
            assert!(UrlPolicy::PUBLIC.check(good).is_ok(), "{good} was refused");
        }
        for bad in REFUSED {
            assert!(UrlPolicy::PUBLIC.check(bad).is_err(), "{bad} was taken");
        }
    }

    /// Loopback is opened by its own switch, and private networks stay shut.
    #[test]
    fn local_policy_opens_loopback_alone() {
        assert!(UrlPolicy::LOCAL.check("http://127.0.0.1:8470/a").is_ok());
        assert!(UrlPolicy::LOCAL.check("http://[::1]:8470/a").is_ok());
        assert!(UrlPolicy::LOCAL.check("http://10.0.0.1/a").is_err());
        assert!(UrlPolicy::LOCAL.check("http://example.org/a").is_err());
    }

    /// A refused URL never repeats its credentials.
    #[test]
    fn refusal_hides_credentials() {
        let error = UrlPolicy::PUBLIC
            .check("https://user:s3cret@example.org/")
            .unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
