//! What changes while a registry is served: configuration, certificate, the file of the log.
//!
//! On `SIGHUP`, and when a file changes, everything is read again. What cannot be used is said, and what was before it stays
//! in force. Files are looked at, not watched: they may be links that are exchanged, on whatever file system.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use attune_server::{LivePolicy, Reporter as _, ServerLog, TlsIdentity};
use pack_format::Hint as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

use super::site::Site;
use crate::failure::{Code, Failure};
use crate::settings::Settings;

/// How often files are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(1);

/// Size and time of a file; `None` while it cannot be looked at.
type State = Option<(u64, SystemTime)>;

/// Reads again what may change.
#[derive(Debug)]
pub(crate) struct Reload<'s> {
    settings: &'s Settings,
    policy: Arc<LivePolicy>,
    log: Arc<ServerLog>,
    tls: Option<Arc<TlsIdentity>>,
    hangup: Signal,
}

impl<'s> Reload<'s> {
    /// For `site`, which `settings` describe.
    pub(crate) fn new(settings: &'s Settings, site: &Site) -> Result<Self, Failure> {
        let hangup = signal(SignalKind::hangup()).map_err(|e| {
            Failure::text(Code::Failed, format!("cannot wait for signals: {e}"), None)
        })?;
        Ok(Self {
            settings,
            policy: Arc::clone(&site.policy),
            log: Arc::clone(&site.log),
            tls: site.tls.clone(),
            hangup,
        })
    }

    /// Never returns.
    pub(crate) async fn run(mut self) -> Infallible {
        let mut ticks = interval(LOOKED_AT_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut configuration = self.configuration();
        let mut certificate = self.certificate();
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    self.reopen();
                    self.read_configuration();
                    self.read_certificate();
                    (configuration, certificate) = (self.configuration(), self.certificate());
                }
                _ = ticks.tick() => {
                    let found = self.configuration();
                    if found != configuration {
                        configuration = found;
                        self.read_configuration();
                    }
                    let found = self.certificate();
                    if found != certificate {
                        certificate = found;
                        self.read_certificate();
                    }
                }
            }
        }
    }

    fn configuration(&self) -> State {
        self.settings.path().and_then(state)
    }

    fn certificate(&self) -> [State; 2] {
        let files = self.tls.as_ref().map(|tls| tls.files());
        files.map_or([None; 2], |files| files.map(state))
    }

    fn read_configuration(&self) {
        let policy = self
            .settings
            .again()
            .and_then(|settings| settings.server_policy());
        match policy {
            Ok(policy) => {
                self.policy.set(policy);
                self.log.reloaded("the configuration was read again");
            }
            Err(failure) => self.refuse("configuration", &failure.messages.join(": ")),
        }
    }

    fn read_certificate(&self) {
        let Some(tls) = &self.tls else {
            return;
        };
        match tls.reload() {
            Ok(()) => self.log.reloaded("the certificate was read again"),
            Err(error) => {
                let hint = error.hint().unwrap_or_default();
                self.refuse("certificate", &format!("{error}; {hint}"));
            }
        }
    }

    fn reopen(&self) {
        if let Err(error) = self.log.reopen() {
            self.refuse("log of requests", &error.to_string());
        }
    }

    fn refuse(&self, what: &str, why: &str) {
        let message = format!("the {what} stays as it was: {why}");
        self.log.reload_failed(&message);
    }
}

fn state(path: &Path) -> State {
    let file = PathBuf::from(path).metadata().ok()?;
    Some((file.len(), file.modified().ok()?))
}
