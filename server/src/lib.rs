//! Serves a registry tree over HTTP/1.1, plain or with TLS (`tls.rs`).
//!
//! ```text
//! serve.rs        accepts, caps, stops                  connection.rs   one connection and its waits
//! activity.rs     who waits for whom                    framing.rs      heads with two readings
//! router.rs       dynamic routes, then the tree         answer.rs       one file, as asked for; weigh.rs its head
//! exchange.rs     what all requests and answers have
//! path.rs         request path -> name in the tree      tree.rs         the file of that name, as it is now
//! beneath.rs      opens nothing outside the root        entry.rs        a file and its twins; cache.rs keeps them
//! encoding.rs conditional.rs range.rs types.rs          pure rules of HTTP
//! heat.rs         files that are asked for all the time; kernel_copy.rs sends them
//! body.rs stream.rs chunks.rs                           bytes on their way out
//! search/        `/search` and `/api/v1/search`, from the search index of the tree
//! pages.rs       the templates of pages that are made for a request
//! diff.rs        any two versions of a pack   parsed.rs        JSON files of the tree, kept while they stay the same
//! problem.rs report.rs options.rs listen.rs             errors, events, settings, binding
//! openapi.rs      what the server answers, for programs  forms.rs        schemas from the types of requests and answers
//! access/        who may read and who asks for changes
//! operations/     health, metrics, ids of requests      log/            a line for each request, and events
//! statistics/     how often archives were downloaded
//! publishing/     changes of the tree, by tokens         state/          tokens and audit log, in a database
//! installation/   the installation API
//! ```
//!
//! # What the writer of a tree keeps to
//! A tree may be rewritten while it is served. For a reader to see only old or new files, never a mixture:
//!
//! * each file is written under a name that begins with a dot (never served) and renamed into place;
//! * a file and its `.gz` and `.zst` twins carry the same modification time, to the nanosecond, and changed
//!   bytes carry another time than the bytes they replace. The three renames may come in any order: a twin
//!   whose time differs from its file's is not used;
//! * of a file that is asked for more than 10,000 times a second the former state may be served for another
//!   0.2 ms; of any other, no moment longer;
//! * a whole tree may be put in place of another by renaming directories. Between the two renames clients
//!   are told 503, not 404.
//!
//! # What a proxy in front may rely on
//! No answer is built from `Host`, `Forwarded` or `X-Forwarded-*`. Errors are `no-store`; names under
//! `archives/`, `docs/` and `assets/` and sealed segments of `changes/` are `immutable`; everything else is
//! revalidated with a strong `ETag`, which for files up to 256 KiB is the same on every instance that serves the same bytes.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use attune_server::{ServeOptions, TreeFiles, bind, serve};
//!
//! let tree = TreeFiles::open("public".as_ref())?;
//! let listener = bind("127.0.0.1:8470").await?;
//! let stop = async { let _ = tokio::signal::ctrl_c().await; };
//! let summary = serve(listener, tree, ServeOptions::default(), stop).await?;
//! # let _ = summary;
//! # Ok(())
//! # }
//! ```

mod access;
mod activity;
mod answer;
mod beneath;
mod body;
mod cache;
mod chunks;
mod clock;
mod conditional;
mod connection;
mod cors;
mod diff;
mod encoding;
mod entry;
mod exchange;
mod forms;
mod framing;
mod heat;
mod installation;
mod jobs;
mod kernel_copy;
mod listen;
mod log;
mod openapi;
mod operations;
mod options;
mod pages;
mod parsed;
mod path;
mod problem;
mod publishing;
mod range;
mod report;
mod router;
mod search;
mod serve;
mod source;
mod stamp;
pub mod state;
mod statistics;
mod stream;
mod tls;
mod tree;
mod types;
mod weigh;

pub use access::{
    Access, Callers, LivePolicy, MetricsAccess, NetworkError, Policy, PublishRules, Rate,
    RateError, Rates, TrustedProxies,
};
pub use body::{BodyError, ResponseBody};
pub use diff::DiffRoute;
pub use installation::{
    Compared, FirstAccount, Installation, InstallationError, InstallationOptions, JobsEnd,
    SecretKey, VaultError, compare_projection,
};
pub use jobs::JobLimits;
pub use listen::{BindError, bind};
pub use log::{AccessLog, LogFormat, LogOptions, ServerLog};
pub use openapi::OpenApiRoute;
pub use operations::{HealthRoute, Metrics, MetricsRoute};
pub use options::{MAX_HEAD_BYTES, MAX_HEADERS, ServeOptions};
pub use pages::Pages;
pub use problem::{Manner, Problem};
pub use publishing::{PublishOptions, Publishing, is_account_name, state_file};
pub use report::{Answered, Reporter, Silent, TimedOut};
pub use router::{Route, RouteFuture, Router};
pub use search::SearchRoute;
pub use serve::{ServeError, ServeSummary, serve};
pub use source::SourceRoute;
pub use statistics::{Downloads, Statistics, StatisticsError, StatisticsOptions};
pub use tls::{TlsError, TlsIdentity};
pub use tree::{OpenTreeError, TreeFiles};
