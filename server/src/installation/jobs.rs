//! `jobs/…`: what became of requests that take a while, and how to stop them.

use std::time::Duration;

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};
use serde::Serialize;

use super::Installation;
use super::body;
use super::page::{Listed, Page, Paged};
use crate::access::Caller;
use crate::body::ResponseBody;
use crate::jobs::{Job, JobSummary, Order, Resume, ShownJob, Stop, end, stream};
use crate::problem::Problem;
use crate::state::JobRow;

/// RFC 7240.
const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: &str = "respond-async";

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long a job may go on at the end of a server before it is called off: some of the time that requests have.
const GRACE: Duration = Duration::from_secs(6);

/// How long the end of a server waits for jobs that were called off.
const LAST_WAIT: Duration = Duration::from_secs(10);

impl Listed for JobSummary {
    const LIST: &'static str = "Jobs";
}

impl Installation {
    /// Makes a job of a request: its outcome is the answer, with `status`, or the job itself where the client prefers
    /// not to wait.
    pub(super) async fn perform_job<T, F>(
        &self,
        order: Order,
        (headers, status): (&HeaderMap, StatusCode),
        work: impl FnOnce(std::sync::Arc<Job>) -> F + Send + 'static,
    ) -> Result<Response<ResponseBody>, Problem>
    where
        T: Serialize,
        F: Future<Output = Result<T, Problem>> + Send + 'static,
    {
        let work = |job| async { body::value(&work(job).await?) };
        let started = self.jobs.start(order, work).await?;
        if !prefers_not_to_wait(headers) {
            let outcome = started.outcome.await;
            let value = outcome.unwrap_or_else(|_| Err(super::workshop::failed()))?;
            let mut response = body::data(&value)?;
            *response.status_mut() = status;
            return Ok(response);
        }
        let mut response = body::data(&ShownJob::from(started.job.row()))?;
        *response.status_mut() = StatusCode::ACCEPTED;
        let headers = response.headers_mut();
        let place = format!("/api/v1/jobs/{}", started.job.id());
        if let Ok(place) = HeaderValue::try_from(place) {
            headers.insert(LOCATION, place);
        }
        headers.insert(PREFERENCE_APPLIED, HeaderValue::from_static(RESPOND_ASYNC));
        Ok(response)
    }

    pub(super) async fn list_jobs(
        &self,
        query: Option<&str>,
    ) -> Result<Paged<JobSummary>, Problem> {
        let page = Page::of(query)?;
        let (rows, total) = (self.jobs.rows(page.range()).await).map_err(super::unusable)?;
        let items = rows.into_iter().map(JobSummary::from).collect();
        Ok(page.filled(items, total))
    }

    pub(super) async fn show_job(&self, id: &str) -> Result<ShownJob, Problem> {
        Ok(self.job_row(id).await?.into())
    }

    async fn job_row(&self, id: &str) -> Result<JobRow, Problem> {
        let found = self.jobs.row(id).await.map_err(super::unusable)?;
        found.ok_or_else(|| {
            let message = "there is no such job; those that are long over are forgotten";
            Problem::new(StatusCode::NOT_FOUND, "not_found", message)
        })
    }

    /// Calls a job off. What it has done already stays, which its result tells.
    pub(super) async fn cancel_job(&self, id: &str, caller: &Caller) -> Result<ShownJob, Problem> {
        let row = self.job_row(id).await?;
        let live = self.jobs.find(id).filter(|_| !row.state.is_final());
        let Some(job) = live else {
            return Err(Problem::new(
                StatusCode::CONFLICT,
                "over",
                format!("the job is over: {}", row.state.as_str()),
            ));
        };
        job.stop(Stop::Account(caller.token.account.clone()));
        Ok(job.row().into())
    }

    /// What happens in a job while it happens.
    pub(super) async fn job_events(
        &self,
        id: &str,
        headers: &HeaderMap,
    ) -> Result<Response<ResponseBody>, Problem> {
        let field = headers.get(LAST_EVENT_ID).and_then(|v| v.to_str().ok());
        let resume = Resume::of(field);
        let row = self.job_row(id).await?;
        let body = match (resume, self.jobs.find(id)) {
            // Tells an `EventSource` not to come again.
            (Resume::Over, _) => {
                let mut response = Response::new(ResponseBody::empty());
                *response.status_mut() = StatusCode::NO_CONTENT;
                return Ok(response);
            }
            (Resume::After(last), Some(job)) => stream(job, last),
            (Resume::After(_), None) => ResponseBody::from(end(&row)),
        };
        let mut response = Response::new(body);
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }

    /// What ends the jobs of this server before it ends itself.
    pub fn end_of_jobs(&self) -> JobsEnd {
        JobsEnd(std::sync::Arc::clone(&self.jobs))
    }
}

/// Ends the jobs of a server.
#[derive(Debug, Clone)]
pub struct JobsEnd(std::sync::Arc<crate::jobs::Jobs>);

impl JobsEnd {
    /// No job begins any more. Those that wait are over; those that run have some seconds.
    pub fn begin(&self) {
        self.0.close(GRACE);
    }

    /// Calls off what still runs, and waits until it is undone; at most some seconds.
    pub async fn finish(&self) {
        self.0.end(LAST_WAIT).await;
    }
}

fn prefers_not_to_wait(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(PREFER).iter();
    let mut preferences = fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .filter_map(|preference| preference.split(';').next());
    preferences.any(|name| name.trim().eq_ignore_ascii_case(RESPOND_ASYNC))
}
