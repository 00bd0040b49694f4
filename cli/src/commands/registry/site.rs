//! A registry that is hosted: a tree, the routes in front of it, and what goes on beside requests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use attune_server::state::SharedState;
use attune_server::{
    Callers, DiffRoute, HealthRoute, Installation, LivePolicy, LogOptions, Metrics, MetricsRoute,
    OpenApiRoute, Pages, PublishOptions, Publishing, Reporter, Router, SearchRoute, ServeOptions,
    ServerLog, SourceRoute, Statistics, TlsIdentity, TreeFiles, bind, serve,
};

use tokio::sync::oneshot;

use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// What is hosted, and for whom.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) root: PathBuf,
    /// Whether `root` is a registry, or a folder of a server without one.
    pub(crate) is_registry: bool,
    pub(crate) policy: Arc<LivePolicy>,
    /// Tokens, audit log and counts.
    pub(crate) state: Option<Arc<SharedState>>,
    /// Who has tokens.
    pub(crate) callers: Option<Arc<Callers>>,
    /// How changes are taken, if they are.
    pub(crate) publishing: Option<PublishOptions>,
    /// What the platform asks for, if it may.
    pub(crate) installation: Option<Installation>,
    /// Whether `statistics` is wanted.
    pub(crate) counts_downloads: bool,
    pub(crate) statistics: Option<Statistics>,
    pub(crate) tls: Option<Arc<TlsIdentity>>,
    pub(crate) log: Arc<ServerLog>,
    pub(crate) metrics: Arc<Metrics>,
}

impl Site {
    /// The tree at `root` as it is, for everyone.
    pub(crate) fn of(root: &Path) -> Result<Self, Failure> {
        let metrics: Arc<Metrics> = Arc::default();
        let log = ServerLog::open(&LogOptions::default(), Arc::clone(&metrics))
            .map_err(|e| Failure::text(Code::Failed, format!("cannot log: {e}"), None))?;
        Ok(Self {
            root: root.to_owned(),
            is_registry: true,
            policy: Arc::default(),
            state: None,
            callers: None,
            publishing: None,
            installation: None,
            counts_downloads: false,
            statistics: None,
            tls: None,
            log: Arc::new(log),
            metrics,
        })
    }

    /// Lets versions be published to the tree, and counts what is downloaded of it, as the configuration says.
    pub(crate) fn publishes(&mut self, settings: &Settings) -> Result<(), Failure> {
        let (policy, log) = (Arc::clone(&self.policy), Arc::clone(&self.log));
        let publishing = settings.publish_options(&self.root, policy, log)?;
        if let Some(state) = self.state.clone().filter(|_| self.counts_downloads) {
            self.statistics = Some(Statistics::new(state, (&publishing).into()));
        }
        self.publishing = Some(publishing);
        Ok(())
    }

    fn router(&mut self) -> Result<Router, Failure> {
        let tree = if self.is_registry {
            TreeFiles::open(&self.root)
        } else {
            TreeFiles::open_without_registry(&self.root)
        };
        let tree = tree.map_err(|e| Failure::new(Code::Failed, &e))?;
        let tree = Arc::new(tree);
        let log: Arc<dyn Reporter> = Arc::clone(&self.log) as _;
        let pages = Pages::new(&self.root, log).map_err(|e| Failure::new(Code::Failed, &e))?;
        let pages = Arc::new(pages);
        let search = SearchRoute::new(Arc::clone(&tree), Arc::clone(&pages));
        let diff = DiffRoute::new(Arc::clone(&tree), Arc::clone(&pages));
        let source = SourceRoute::new(Arc::clone(&tree), Arc::clone(&pages));
        let health = HealthRoute::new(Arc::clone(&tree), self.state.clone());
        let metrics = MetricsRoute::new(
            Arc::clone(&self.metrics),
            Arc::clone(&self.policy),
            self.callers.clone(),
        );
        let mut router = Router::new(tree)
            .route(search)
            .route(diff)
            .route(source)
            .route(health)
            .route(metrics)
            .route(OpenApiRoute::new(
                pages,
                self.is_registry,
                self.installation.is_some(),
            ));
        if let Some(installation) = self.installation.take() {
            router = router.route(installation);
        }
        if let (Some(options), Some(callers)) = (self.publishing.take(), &self.callers) {
            router = router.route(Publishing::new(options, Arc::clone(callers)));
        }
        if let Some(statistics) = &self.statistics {
            router = router.counting(statistics.downloads());
        }
        Ok(router.governed(Arc::clone(&self.policy), self.callers.clone()))
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
    let router = site.router()?;
    let listener = bind(address)
        .await
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let bound = listener
        .local_addr()
        .map_err(|e| Failure::text(Code::Failed, format!("cannot tell the address: {e}"), None))?;
    let scheme = if site.tls.is_some() { "https" } else { "http" };
    ready(&format!("{scheme}://{bound}/"))?;
    let log = Arc::clone(&site.log);
    let options = ServeOptions {
        tls: site.tls,
        reporter: site.log,
        metrics: site.metrics,
        ..ServeOptions::default()
    };
    let (end, ended) = oneshot::channel::<()>();
    let serving = async {
        let summary = serve(listener, router, options, stop).await;
        drop(end);
        summary
    };
    let counting = async {
        match &site.statistics {
            Some(statistics) => statistics.run(async { drop(ended.await) }).await,
            None => Ok(()),
        }
    };
    let (summary, counted) = tokio::join!(serving, counting);
    log.finish();
    if let Err(error) = counted {
        report.failure(&Failure::new(Code::Failed, &error));
    }
    let summary = summary.map_err(|e| Failure::new(Code::Failed, &e))?;
    report.note(&format!(
        "stopped after {} requests, {} cut off",
        summary.served, summary.cut
    ));
    Ok(())
}
