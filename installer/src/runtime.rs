//! The one place where asynchronous work of the client is waited for.

use std::io;
use std::pin::pin;
use std::thread;
use std::time::Duration;

use futures_util::future::{Either, select};

use crate::reporter::Reporter;

/// How often a reporter is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);

/// Runs the future that `make` makes to its end, on a thread of its own: that works from inside another
/// runtime too, and the future need not be able to change threads.
///
/// # Errors
/// If no thread or no runtime can be made; [`io::ErrorKind::Interrupted`] if `reporter` calls it off before.
pub(crate) fn block_on<T, F>(
    reporter: &dyn Reporter,
    make: impl FnOnce() -> F + Send,
) -> io::Result<T>
where
    T: Send,
    F: Future<Output = T>,
{
    thread::scope(|scope| {
        let worker = thread::Builder::new().spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                match select(pin!(make()), pin!(cancelled(reporter))).await {
                    Either::Left((done, _)) => Ok(done),
                    Either::Right(_) => Err(io::Error::new(
                        io::ErrorKind::Interrupted,
                        "it was called off",
                    )),
                }
            })
        })?;
        worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Waits until the reporter calls the work off.
async fn cancelled(reporter: &dyn Reporter) {
    while !reporter.is_cancelled() {
        tokio::time::sleep(TICK).await;
    }
}
