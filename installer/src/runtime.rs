//! The one place where asynchronous work of the client is waited for.

use std::io;
use std::thread;

/// Runs the future that `make` makes to its end, on a thread of its own: that works from inside another
/// runtime too, and the future need not be able to change threads.
///
/// # Errors
/// If no thread or no runtime can be made.
pub(crate) fn block_on<T, F>(make: impl FnOnce() -> F + Send) -> io::Result<T>
where
    T: Send,
    F: Future<Output = T>,
{
    thread::scope(|scope| {
        let worker = thread::Builder::new().spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            Ok(runtime.block_on(make()))
        })?;
        worker
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
