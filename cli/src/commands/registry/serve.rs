//! `registry serve`.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_indexer::edit::EditError;
use attune_server::{
    Answered, Callers, DiffRoute, LivePolicy, PublishOptions, Publishing, Reporter, Router,
    SearchRoute, ServeOptions, Statistics, StatisticsError, TimedOut, TreeFiles, bind, serve,
};

use crate::args::ServeArgs;
use crate::failure::{Code, Failure};
use crate::report::{self, Report};
use crate::settings::Settings;
use attune_server::state::SharedState;

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
    let counts_downloads = settings.counts_downloads()?;
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
        let state = Arc::new(SharedState::new(settings.state_place(&args.tree)?));
        let mut site = Site {
            callers: Some(Arc::new(Callers::new(Arc::clone(&state)))),
            policy: Arc::new(LivePolicy::new(settings.server_policy()?)),
            ..Site::of(&root)
        };
        if !lone_index {
            site.publishing = Some(PublishOptions {
                reporter: Arc::new(Log { report }),
                ..settings.publish_options(&root)?
            });
        }
        if let Some(publishing) = site.publishing.as_ref().filter(|_| counts_downloads) {
            site.statistics = Some(Statistics::new(state, publishing.into()));
        }
        host(
            site,
            &address,
            report,
            |url| report.lines(&format!("Serving `{}` at {url}", args.tree.display())),
            stop,
        )
        .await
    })
}

/// What is hosted, and for whom.
#[derive(Debug)]
pub(crate) struct Site {
    root: PathBuf,
    policy: Arc<LivePolicy>,
    /// Who has tokens.
    callers: Option<Arc<Callers>>,
    /// How changes are taken, if they are.
    publishing: Option<PublishOptions>,
    /// Counts downloads, if they are.
    statistics: Option<Statistics>,
}

impl Site {
    /// The tree at `root` as it is, for everyone.
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            policy: Arc::default(),
            callers: None,
            publishing: None,
            statistics: None,
        }
    }

    fn router(self, statistics: Option<&Statistics>) -> Result<Router, Failure> {
        let tree = TreeFiles::open(&self.root).map_err(|e| Failure::new(Code::Failed, &e))?;
        let tree = Arc::new(tree);
        let search =
            SearchRoute::new(Arc::clone(&tree)).map_err(|e| Failure::new(Code::Failed, &e))?;
        let diff = DiffRoute::new(Arc::clone(&tree)).map_err(|e| Failure::new(Code::Failed, &e))?;
        let mut router = Router::new(tree).route(search).route(diff);
        if let (Some(options), Some(callers)) = (self.publishing, &self.callers) {
            router = router.route(Publishing::new(options, Arc::clone(callers)));
        }
        if let Some(statistics) = statistics {
            router = router.counting(statistics.downloads());
        }
        Ok(router.governed(self.policy, self.callers))
    }
}

/// Hosts `site` until `stop`; `ready` is told the URL once connections are taken.
pub(crate) async fn host(
    mut site: Site,
    address: &str,
    report: Report,
    ready: impl FnOnce(&str) -> Result<(), Failure>,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let statistics = site.statistics.take();
    let router = site.router(statistics.as_ref())?;
    let listener = bind(address)
        .await
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let bound = listener
        .local_addr()
        .map_err(|e| Failure::text(Code::Failed, format!("cannot tell the address: {e}"), None))?;
    ready(&format!("http://{bound}/"))?;
    let options = ServeOptions {
        reporter: Arc::new(Log { report }),
        ..ServeOptions::default()
    };
    let counting = async {
        match &statistics {
            Some(statistics) => statistics.run().await,
            None => std::future::pending().await,
        }
    };
    let summary = tokio::select! {
        summary = serve(listener, router, options, stop) => summary,
        never = counting => match never {},
    };
    if let Some(statistics) = &statistics
        && let Err(error) = statistics.write().await
    {
        report.failure(&Failure::new(Code::Failed, &error));
    }
    let summary = summary.map_err(|e| Failure::new(Code::Failed, &e))?;
    report.note(&format!(
        "stopped after {} requests, {} cut off",
        summary.served, summary.cut
    ));
    Ok(())
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

/// Requests on stderr when details are asked for; trouble always.
#[derive(Debug)]
struct Log {
    report: Report,
}

impl Reporter for Log {
    fn answered(&self, answered: &Answered<'_>) {
        if self.report.is_verbose() {
            self.report.note(&format!(
                "{} {} {} {} {:.1} ms",
                answered.client,
                answered.method,
                report::sanitised(answered.path),
                answered.status.as_u16(),
                answered.took.as_secs_f64() * 1000.0
            ));
        }
    }

    fn file_failed(&self, path: &str, error: &io::Error) {
        self.report.warning(&format!(
            "cannot read `{}`: {error}",
            report::sanitised(path)
        ));
    }

    fn change_failed(&self, error: &EditError) {
        self.report.failure(&Failure::new(Code::Failed, error));
    }

    fn statistics_failed(&self, error: &StatisticsError) {
        self.report.failure(&Failure::new(Code::Failed, error));
    }

    fn accept_failed(&self, error: &io::Error, unreported: u64) {
        self.report.warning(&format!(
            "cannot accept connections: {error} ({unreported} more times)"
        ));
    }

    fn timed_out(&self, client: SocketAddr, wait: TimedOut) {
        if self.report.is_verbose() {
            self.report.note(&format!("{client} closed: {wait}"));
        }
    }
}
