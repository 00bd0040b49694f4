//! Registries over https: private authorities, certificates of clients, proxies.

use std::fs;

use attune_installer::{Classify as _, FailureClass};
use pack_client::{Proxies, Proxy, RegistryConfig};
use pack_format::Hint as _;

use crate::support::home::chain;
use crate::support::tls::{Authority, serve, serve_in_years};
use crate::support::{Home, Pack, Server, TestRegistry};

fn slack() -> TestRegistry {
    TestRegistry::with(&[Pack::new("slack", "2.1.0")])
}

/// Nobody vouches for a private authority until `ca_file` names it; then, too, only for what it signed.
#[test]
fn private_authority_is_trusted_where_it_is_named() {
    let (registry, authority, other) = (slack(), Authority::new(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let address = serve(registry.path(), &authority, false);
    let mut config = RegistryConfig::new(format!("https://{address}/"));
    // A later registry that lists the pack is not asked instead.
    let refused = |config: &RegistryConfig| {
        let home = Home::new().config(config.clone()).registry(&registry.url());
        home.refuses(&["slack"], "no trusted connection");
    };
    refused(&config);
    config.tls.ca_file = Some(other.write(dir.path().join("other.pem")));
    refused(&config);
    config.tls.ca_file = Some(authority.write(dir.path().join("ca.pem")));
    let home = Home::new().config(config.clone());
    home.install(&["slack"]).unwrap();
    home.verify_clean();

    for (name, content) in [
        ("missing.pem", None),
        ("empty.pem", Some("")),
        ("text.pem", Some("no PEM")),
    ] {
        let path = dir.path().join(name);
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        config.tls.ca_file = Some(path);
        Home::new().config(config.clone()).refuses(&["slack"], name);
    }
}

/// `verify: false` counts for the registry's own origin, and not for where it redirects to.
#[test]
fn unverified_connection_is_the_registry_s_own() {
    let (registry, authority) = (slack(), Authority::new());
    let address = serve(registry.path(), &authority, false);
    let mut config = RegistryConfig::new(format!("https://{address}/"));
    config.tls.verify = false;
    Home::new()
        .config(config.clone())
        .install(&["slack"])
        .unwrap();

    let plain = Server::start(registry.path());
    let archive = "archives/slack/slack-2.1.0.tar.gz";
    let target = format!("https://{address}/{archive}");
    plain.fault(archive, crate::support::server::Fault::Redirect(target));
    config.url = plain.url();
    Home::new()
        .config(config)
        .refuses(&["slack"], "no trusted connection");
}

/// What begins over https does not end over http, not even where http is allowed.
#[test]
fn redirects_from_https_to_http_are_refused() {
    let (registry, authority) = (slack(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let plain = Server::start(registry.path());
    let archive = "archives/slack/slack-2.1.0.tar.gz";
    let target = format!("{}{archive}", plain.url());
    fs::write(registry.path().join(format!("{archive}.redirect")), target).unwrap();
    let address = serve(registry.path(), &authority, false);
    let mut config = RegistryConfig::new(format!("https://{address}/"));
    config.tls.ca_file = Some(authority.write(dir.path().join("ca.pem")));
    Home::new()
        .config(config)
        .tune(|settings| settings.allow_http = true)
        .refuses(&["slack"], "it leads from https to http");
    assert!(plain.seen().is_empty());
}

/// A certificate that is not valid now is told with both times: its own, and that of this machine's clock.
#[test]
fn certificate_of_another_time_is_told() {
    let (registry, authority) = (slack(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let ca_file = authority.write(dir.path().join("ca.pem"));
    for (years, expected) in [
        (
            2020..=2024,
            "is valid until 2024-01-01T00:00:00Z, and this machine's clock says 2",
        ),
        (
            4000..=4096,
            "is valid from 4000-01-01T00:00:00Z, and this machine's clock says 2",
        ),
    ] {
        let address = serve_in_years(registry.path(), &authority, false, years);
        let mut config = RegistryConfig::new(format!("https://{address}/"));
        config.tls.ca_file = Some(ca_file.clone());
        let error = Home::new().config(config).refuses(&["slack"], expected);
        let hint = error.hint().unwrap();
        assert!(
            hint.starts_with("set this machine's clock if it is wrong"),
            "{hint}"
        );
    }
}

/// A server that asks for a certificate gets ours.
#[test]
fn client_certificate_is_shown() {
    let (registry, authority) = (slack(), Authority::new());
    let dir = tempfile::tempdir().unwrap();
    let address = serve(registry.path(), &authority, true);
    let mut config = RegistryConfig::new(format!("https://{address}/"));
    config.tls.ca_file = Some(authority.write(dir.path().join("ca.pem")));
    let home = Home::new()
        .config(config.clone())
        .tune(|settings| settings.retries = 0);
    home.refuses(&["slack"], "");
    config.tls.client_certificate = Some(authority.write_client(dir.path().join("client.pem")));
    Home::new()
        .config(config.clone())
        .install(&["slack"])
        .unwrap();
    config.tls.client_certificate = config.tls.ca_file.clone();
    Home::new().config(config).refuses(&["slack"], "ca.pem");
}

/// Requests go through the proxy but for what is excepted; a password in its URL is never shown.
#[test]
fn proxies_are_used_and_their_passwords_kept() {
    let registry = slack();
    // Asked for a whole URL, a server that looks at the path only is proxy enough.
    let proxy = Server::start(registry.path());
    let mut config = RegistryConfig::new("http://127.0.0.1:1/");
    let proxies = |url: &str, except: Option<&str>| {
        let proxy = Proxy {
            url: url.to_owned(),
            origin: "setting `proxy`".to_owned(),
        };
        Some(Proxies {
            https: None,
            http: Some(proxy),
            except: except.map(str::to_owned),
        })
    };
    let with_password = proxy.url().replace("http://", "http://me:s3cret@");
    config.proxies = proxies(&with_password, None);
    assert!(!format!("{config:?}").contains("s3cret"));
    Home::new()
        .config(config.clone())
        .install(&["slack"])
        .unwrap();
    let seen = proxy.seen();
    assert!(
        seen.iter()
            .all(|s| s.headers.contains_key("proxy-authorization"))
    );
    assert!(seen.len() > 2);

    config.proxies = proxies(&with_password, Some("127.0.0.1"));
    let home = Home::new()
        .config(config.clone())
        .tune(|settings| settings.retries = 0);
    let error = home.refuses(&["slack"], "cannot reach");
    assert!(!chain(&error).contains("s3cret"));
    assert!(proxy.seen().is_empty());

    config.proxies = proxies("socks5://me:s3cret@127.0.0.1:1080", None);
    let error = Home::new()
        .config(config)
        .refuses(&["slack"], "setting `proxy` is not the URL");
    assert!(!chain(&error).contains("s3cret"));
    assert_eq!(error.class(), FailureClass::Network);
}
