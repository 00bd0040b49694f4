//! `Queue`: one thread that changes the tree, one commit for all who wait.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use attune_indexer::changes::{self, Granted, Wish};
use attune_indexer::edit::EditOptions;
use registry_tree::TreeWriter;
use tokio::sync::oneshot;

use super::{PublishOptions, busy, failed, problem_of, unchanged};
use crate::clock::now;
use crate::problem::Problem;

/// Wishes that wait at most; more are told to come again.
const MOST_WAITING: usize = 256;

/// Wishes of one commit at most: so many archives are in memory.
const MOST_TOGETHER: usize = 16;

/// A wish and who waits for its answer.
#[derive(Debug)]
pub(super) struct Job {
    wish: Wish,
    is_dry_run: bool,
    answer: oneshot::Sender<Result<Granted, Problem>>,
}

/// Where wishes are put.
#[derive(Debug)]
pub(super) struct Queue {
    jobs: SyncSender<Job>,
}

impl Queue {
    /// Starts the thread, which ends with the queue.
    pub(super) fn start(options: &PublishOptions) -> Self {
        let (jobs, waiting) = sync_channel(MOST_WAITING);
        let options = options.clone();
        thread::spawn(move || work(&waiting, &options));
        Self { jobs }
    }

    /// Asks for a wish to be granted; the answer comes after the commit.
    pub(super) async fn ask(&self, wish: Wish, is_dry_run: bool) -> Result<Granted, Problem> {
        let (answer, answered) = oneshot::channel();
        let job = Job {
            wish,
            is_dry_run,
            answer,
        };
        match self.jobs.try_send(job) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(failed())),
            Err(TrySendError::Full(_)) => Err(busy("too many changes wait")),
            Err(TrySendError::Disconnected(_)) => Err(failed()),
        }
    }
}

fn work(waiting: &Receiver<Job>, options: &PublishOptions) {
    // A server that was killed, or lost its power, has left a change half said.
    if TreeWriter::is_unfinished(&options.tree) {
        grant(Vec::new(), false, options);
    }
    while let Ok(first) = waiting.recv() {
        let mut together = vec![first];
        while together.len() < MOST_TOGETHER
            && let Ok(next) = waiting.try_recv()
        {
            together.push(next);
        }
        let (asked, wished): (Vec<Job>, Vec<Job>) =
            together.into_iter().partition(|job| job.is_dry_run);
        for (jobs, is_dry_run) in [(asked, true), (wished, false)] {
            if !jobs.is_empty() {
                grant(jobs, is_dry_run, options);
            }
        }
    }
}

fn grant(jobs: Vec<Job>, is_dry_run: bool, options: &PublishOptions) {
    let edit = EditOptions {
        tree: options.tree.clone(),
        purpose: "publish",
        development_url: options.development_url.clone(),
        now: now(),
        lock_timeout: options.lock_timeout,
    };
    let (wishes, answers): (Vec<Wish>, Vec<_>) =
        jobs.into_iter().map(|job| (job.wish, job.answer)).unzip();
    match changes::apply(&edit, &wishes, is_dry_run, |_| {}) {
        Ok((outcomes, _)) => {
            for (outcome, answer) in outcomes.into_iter().zip(answers) {
                // Who no longer waits has got it all the same.
                let _ = answer.send(outcome.map_err(|error| problem_of(&error)));
            }
        }
        Err(error) => {
            options.reporter.change_failed(&error);
            let problem = unchanged(&error);
            for answer in answers {
                let _ = answer.send(Err(problem.clone()));
            }
        }
    }
}
