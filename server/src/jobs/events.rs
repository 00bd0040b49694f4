//! The events of a job as Server-Sent Events.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame};
use schemars::{Schema, SchemaGenerator};
use tokio::sync::mpsc;

use super::job::{Job, ShownJob};
use super::progress::{Bytes as Arrived, Log, Step};
use crate::body::{BodyError, ResponseBody};
use crate::state::JobRow;

/// Longest silence: proxies close connections on which nothing happens.
const BEAT: Duration = Duration::from_secs(10);

/// The name of the last event.
pub(super) const END: &str = "end";

/// Names of events, and the forms of their data.
pub(crate) fn forms_of_events(generator: &mut SchemaGenerator) -> [(&'static str, Schema); 4] {
    [
        ("step", generator.subschema_for::<Step>()),
        ("bytes", generator.subschema_for::<Arrived>()),
        ("log", generator.subschema_for::<Log>()),
        (END, generator.subschema_for::<ShownJob>()),
    ]
}

/// Where a client goes on, by its `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resume {
    /// After this event; 0 for the first time.
    After(u64),
    /// It has seen the last one.
    Over,
}

impl Resume {
    /// What the field says. What no server sent is taken for the first time.
    pub(crate) fn of(field: Option<&str>) -> Self {
        match field.map(str::trim) {
            Some(END) => Self::Over,
            Some(text) => Self::After(text.parse().unwrap_or(0)),
            None => Self::After(0),
        }
    }
}

/// The events of a job that runs, from there on, until its end.
pub(crate) fn stream(job: Arc<Job>, mut last: u64) -> ResponseBody {
    // Who reads slowly holds up this task, and no job.
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(async move {
        let mut news = job.news();
        loop {
            news.mark_unchanged();
            let (events, ended) = job.since(last);
            let mut text = String::new();
            for event in events {
                last = event.id;
                let data = serde_json::to_string(&event.data).unwrap_or_default();
                text.push_str(&written(&event.id.to_string(), event.data.name(), &data));
            }
            if let Some(row) = &ended {
                text.push_str(&end(row));
            }
            if !text.is_empty() && sender.send(Bytes::from(text)).await.is_err() {
                return;
            }
            if ended.is_some() {
                return;
            }
            let beat = tokio::select! {
                _ = news.changed() => false,
                () = sender.closed() => return,
                () = tokio::time::sleep(BEAT) => true,
            };
            if beat && sender.send(Bytes::from_static(b":\n\n")).await.is_err() {
                return;
            }
        }
    });
    ResponseBody::stream(Texts(receiver))
}

/// The one event of a job that is over and forgotten.
pub(crate) fn end(row: &JobRow) -> String {
    let job = serde_json::to_string(&ShownJob::from(row.clone()));
    written(END, END, &job.unwrap_or_default())
}

fn written(id: &str, name: &str, data: &str) -> String {
    format!("id: {id}\nevent: {name}\ndata: {data}\n\n")
}

/// Texts as they come.
struct Texts(mpsc::Receiver<Bytes>);

impl Body for Texts {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.0
            .poll_recv(cx)
            .map(|text| text.map(|text| Ok(Frame::data(text))))
    }
}
