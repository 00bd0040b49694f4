//! `registry serve`.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use attune_indexer::edit::EditError;
use attune_server::{
    Answered, DiffRoute, PublishOptions, Publishing, Reporter, Router, SearchRoute, ServeOptions,
    TimedOut, TreeFiles, bind, serve,
};

use crate::args::ServeArgs;
use crate::failure::{Code, Failure};
use crate::report::{self, Report};
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
        let publishing = if lone_index {
            None
        } else {
            Some(publishing(&root, settings, report)?)
        };
        host(
            (&root, publishing),
            &address,
            report,
            |url| report.lines(&format!("Serving `{}` at {url}", args.tree.display())),
            stop,
        )
        .await
    })
}

/// Hosts the tree at `root`, and takes changes of it where there is a route for that, until `stop`; `ready` is told the URL once connections are taken.
pub(crate) async fn host(
    (root, publishing): (&Path, Option<Publishing>),
    address: &str,
    report: Report,
    ready: impl FnOnce(&str) -> Result<(), Failure>,
    stop: impl Future<Output = ()>,
) -> Result<(), Failure> {
    let tree = TreeFiles::open(root).map_err(|e| Failure::new(Code::Failed, &e))?;
    let tree = Arc::new(tree);
    let search = SearchRoute::new(Arc::clone(&tree)).map_err(|e| Failure::new(Code::Failed, &e))?;
    let diff = DiffRoute::new(Arc::clone(&tree)).map_err(|e| Failure::new(Code::Failed, &e))?;
    let mut router = Router::new(Arc::clone(&tree)).route(search).route(diff);
    if let Some(publishing) = publishing {
        router = router.route(publishing);
    }
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
    let summary = serve(listener, router, options, stop)
        .await
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    report.note(&format!(
        "stopped after {} requests, {} cut off",
        summary.served, summary.cut
    ));
    Ok(())
}

/// The route of changes of a tree, for those who have tokens.
fn publishing(root: &Path, settings: &Settings, report: Report) -> Result<Publishing, Failure> {
    let options = PublishOptions {
        reporter: Arc::new(Log { report }),
        ..settings.publish_options(root)?
    };
    Ok(Publishing::new(options, settings.state_place(root)?))
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
