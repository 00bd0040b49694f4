//! One entry of `pack_registry.indices`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use pack_client::{Headers, Location, OnError, Proxies, Proxy, RegistryConfig, Tls};
use pack_format::text::printable;
use pack_format::yaml::{Node, Scalar};

use super::variable;
use crate::failure::{Code, Failure};

/// The keys of one item; `docs/configuration.md` explains them.
#[cfg(test)]
pub(super) const KEYS: [&str; 11] = [
    "url",
    "name",
    "priority",
    "enabled",
    "headers",
    "on_error",
    "mirrors",
    "ca_file",
    "client_certificate",
    "verify_ssl",
    "proxy",
];

/// What the rest of the configuration allows a registry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Allowed {
    /// Plain http beyond this machine.
    pub(super) http: bool,
    /// A server that nobody vouches for.
    pub(super) insecure_tls: bool,
}

/// Reads one item of `pack_registry.indices`, which came from `origin`.
pub(super) fn read(item: &Node, origin: &str, allowed: Allowed) -> Result<RegistryConfig, Failure> {
    let bad = |what: String| {
        Failure::text(
            Code::Usage,
            format!(
                "setting `pack_registry.indices` from {origin}, entry on line {}: {what}",
                item.line
            ),
            None,
        )
    };
    let text = |key: &str| {
        item.get(key)
            .and_then(Node::scalar)
            .map(|s| s.text().to_owned())
    };
    let url = text("url").ok_or_else(|| bad("`url` is missing".to_owned()))?;
    let mut config = RegistryConfig::new(url);
    config.name = text("name");
    if let Some(priority) = text("priority") {
        config.priority = priority
            .parse()
            .map_err(|_| bad(format!("`priority` `{priority}` is not a whole number")))?;
    }
    if let Some(enabled) = item.get("enabled") {
        config.enabled = enabled
            .as_bool()
            .ok_or_else(|| bad("`enabled` is not true or false".to_owned()))?;
    }
    config.on_error = match text("on_error").as_deref() {
        None | Some("stop") => OnError::Stop,
        Some("continue") => OnError::Continue,
        Some(other) => {
            return Err(bad(format!(
                "`on_error` `{other}` is neither `stop` nor `continue`"
            )));
        }
    };
    if let Some(node) = item.get("headers") {
        config.headers = headers(node, config.enabled).map_err(bad)?;
    }
    if let Some(node) = item.get("mirrors") {
        config.mirrors = mirrors(node, allowed.http).map_err(bad)?;
    }
    config.tls = Tls {
        ca_file: text("ca_file").map(PathBuf::from),
        client_certificate: text("client_certificate").map(PathBuf::from),
        verify: verify_ssl(item, allowed).map_err(bad)?,
    };
    if let Some(proxy) = text("proxy") {
        config.proxies = Some(proxies(&proxy, config.enabled).map_err(bad)?);
    }
    Ok(config)
}

fn mirrors(node: &Node, allow_http: bool) -> Result<Vec<String>, String> {
    if !node.is_sequence() {
        return Err(format!(
            "`mirrors` is {}, not a list of URLs",
            node.describe()
        ));
    }
    let read = |item: &Node| {
        let text = item
            .as_str()
            .ok_or_else(|| format!("a mirror is {}, not a URL", item.describe()))?;
        Location::mirror(text, allow_http).map_err(|e| e.to_string())?;
        Ok(text.to_owned())
    };
    node.items().iter().map(read).collect()
}

fn verify_ssl(item: &Node, allowed: Allowed) -> Result<bool, String> {
    let Some(node) = item.get("verify_ssl") else {
        return Ok(true);
    };
    match node.as_bool() {
        None => Err("`verify_ssl` is not true or false".to_owned()),
        Some(false) if !allowed.insecure_tls => Err(
            "`verify_ssl: false` needs `pack_registry.allow_insecure_tls: true`; `ca_file` names a private CA instead"
                .to_owned(),
        ),
        Some(verify) => Ok(verify),
    }
}

/// The proxy of one registry; `none` goes without.
fn proxies(text: &str, enabled: bool) -> Result<Proxies, String> {
    if text == "none" || !enabled {
        return Ok(Proxies::default());
    }
    let proxy = Proxy {
        url: expand(text)?,
        origin: "setting `proxy` of a registry".to_owned(),
    };
    Ok(Proxies {
        https: Some(proxy.clone()),
        http: Some(proxy),
        except: None,
    })
}

/// Request headers, name to value. No message repeats a value: it may be a secret.
///
/// A disabled registry needs no secret to be at hand, so its values are left out.
fn headers(node: &Node, enabled: bool) -> Result<Headers, String> {
    if !node.is_mapping() {
        return Err(format!(
            "`headers` is {}, not a mapping of names to values",
            node.describe()
        ));
    }
    let mut headers = BTreeMap::new();
    for member in node.members() {
        let name = &member.key;
        if !is_header_name(name) {
            return Err(format!("`{}` is not a header name", printable(name)));
        }
        let Some(text) = member.value.scalar().map(Scalar::text) else {
            return Err(format!(
                "the value of header `{name}` is {}, not a text",
                member.value.describe()
            ));
        };
        if !enabled {
            continue;
        }
        let value = expand(text)?;
        if !is_header_value(&value) {
            return Err(format!(
                "the value of header `{name}` holds characters other than visible ASCII and spaces"
            ));
        }
        headers.insert(name.clone(), value);
    }
    Ok(Headers::new(headers))
}

/// A `token` of RFC 9110, section 5.6.2.
fn is_header_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// The part of `field-value` of RFC 9110, section 5.5, that every server understands.
fn is_header_value(value: &str) -> bool {
    value.bytes().all(|b| matches!(b, b' '..=b'~'))
}

/// Replaces each `${NAME}` by the variable of that name.
pub(super) fn expand(text: &str) -> Result<String, String> {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err("`${` has no closing brace".to_owned());
        };
        let value =
            variable(name).ok_or_else(|| format!("environment variable `{name}` is not set"))?;
        expanded.push_str(before);
        expanded.push_str(&value.to_string_lossy());
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RegistryConfig, Failure> {
        let node = Node::parse("config.yaml", text.as_bytes()).unwrap();
        let allowed = Allowed {
            http: false,
            insecure_tls: false,
        };
        read(&node, "`config.yaml`, line 1", allowed)
    }

    /// What would weaken a connection, or be of no use, is refused where it stands.
    #[test]
    fn connections_are_checked_where_they_are_configured() {
        let rows = [
            (
                "verify_ssl: false",
                "needs `pack_registry.allow_insecure_tls: true`",
            ),
            ("verify_ssl: maybe", "`verify_ssl` is not true or false"),
            (
                "mirrors: https://m.org/",
                "`mirrors` is a string, not a list",
            ),
            ("mirrors: [http://m.org/]", "m.org"),
            ("mirrors: [\"https://m.org/x.json\"]", "is no mirror"),
        ];
        for (line, expected) in rows {
            let failure = parse(&format!("url: https://e.org/\n{line}\n")).unwrap_err();
            let message = &failure.messages[0];
            assert!(message.contains(expected), "{line}: {message}");
        }
        let good =
            parse("url: https://e.org/\nmirrors: [https://m.org/]\nca_file: a.pem\n").unwrap();
        assert_eq!(good.mirrors, ["https://m.org/"]);
        assert_eq!(good.tls.ca_file, Some(PathBuf::from("a.pem")));
        assert!(good.tls.verify);
    }

    /// A header that could not be sent is an error here: without it, a private registry answers 401 and
    /// nobody knows why.
    #[test]
    fn headers_that_cannot_be_sent_are_refused() {
        let rows = [
            ("headers: [a]", "`headers` is a list, not a mapping"),
            ("headers: secret", "`headers` is a string, not a mapping"),
            (
                "headers: {\"X Token\": a}",
                "`X Token` is not a header name",
            ),
            ("headers: {\"\": a}", "`` is not a header name"),
            ("headers: {X: [a]}", "header `X` is a list, not a text"),
            ("headers: {X: \"sécret\"}", "other than visible ASCII"),
            (
                "headers: {X: \"secret\\r\\nY: b\"}",
                "other than visible ASCII",
            ),
        ];
        for (line, expected) in rows {
            let failure = parse(&format!("url: https://e.org/\n{line}\n")).unwrap_err();
            let message = &failure.messages[0];
            assert!(message.contains(expected), "{line}: {message}");
            assert!(
                !message.contains("secret") && !message.contains("sécret"),
                "{message}"
            );
        }
        let good = parse("url: https://e.org/\nheaders: {Authorization: Bearer abc}\n").unwrap();
        assert_eq!(
            good.headers.iter().collect::<Vec<_>>(),
            [("Authorization", "Bearer abc")]
        );
    }
}
