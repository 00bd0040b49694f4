//! `registry serve`.

use std::path::Path;
use std::sync::Arc;

use attune_server::state::{SharedState, StatePlace};
use attune_server::{Callers, LivePolicy, Metrics, ServerLog};

use super::reload::Reload;
use super::site::{Site, host};
use crate::args::ServeArgs;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

pub(crate) fn run(args: &ServeArgs, settings: &Settings, report: Report) -> Result<(), Failure> {
    let address = settings.registry_listen(args.listen.as_deref())?;
    let lone_index = args.tree.is_file();
    let materialised = if lone_index {
        Some(super::lone_index::Materialised::new(&args.tree, report)?)
    } else {
        None
    };
    let root = materialised
        .as_ref()
        .map_or_else(|| args.tree.clone(), super::lone_index::Materialised::root);
    let runtime = super::super::runtime()?;
    runtime.block_on(async {
        let follow = async {
            match &materialised {
                Some(materialised) => materialised.follow().await,
                None => std::future::pending().await,
            }
        };
        let stop = async {
            tokio::select! {
                () = interrupted() => {}
                () = follow => {}
            }
        };
        let place = settings.state_place(&args.tree)?;
        let mut site = configured(&root, place, settings, report)?;
        if !lone_index {
            site.publishes(settings)?;
        }
        let reload = Reload::new(settings, &site)?;
        let say = |url: &str| report.lines(&format!("Serving `{}` at {url}", args.tree.display()));
        tokio::select! {
            hosted = host(site, &address, report, say, stop) => hosted,
            never = reload.run() => match never {},
        }
    })
}

/// What the configuration says of the site at `root`, whose state is in `place`; it takes no changes.
pub(crate) fn configured(
    root: &Path,
    place: StatePlace,
    settings: &Settings,
    report: Report,
) -> Result<Site, Failure> {
    let metrics: Arc<Metrics> = Arc::default();
    let log = settings.log_options(report.is_verbose())?;
    let log = ServerLog::open(&log, Arc::clone(&metrics)).map_err(|e| {
        Failure::text(
            Code::Failed,
            format!("cannot write the log of requests: {e}"),
            Some("name another place with `server.log.access`"),
        )
    })?;
    let policy = Arc::new(LivePolicy::new(settings.server_policy()?));
    let state = Arc::new(SharedState::new(place));
    let callers = Callers::new(Arc::clone(&state), Arc::clone(&policy));
    Ok(Site {
        policy,
        state: Some(state),
        callers: Some(Arc::new(callers)),
        counts_downloads: settings.counts_downloads()?,
        tls: settings.tls_identity()?.map(Arc::new),
        log: Arc::new(log),
        metrics,
        ..Site::of(root)?
    })
}

/// Ctrl-C, or the signal a service manager sends.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
