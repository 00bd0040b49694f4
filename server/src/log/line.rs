//! How requests and events are written.

use std::borrow::Cow;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use pack_format::text::printable;
use serde::Serialize;

use super::LogFormat;
use crate::clock::now;
use crate::report::Answered;

/// Longest name of a program that is written, in characters.
const LONGEST_AGENT: usize = 200;

/// Makes lines.
#[derive(Debug)]
pub(super) struct Lines {
    format: LogFormat,
    /// The second that was written last, and its text: most lines share it with the one before.
    second: Mutex<(i64, String)>,
}

#[derive(Serialize)]
struct RequestLine<'a> {
    time: &'a str,
    level: &'static str,
    request_id: &'a str,
    client: std::net::IpAddr,
    method: &'a str,
    path: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    micros: u64,
    route: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<Cow<'a, str>>,
}

#[derive(Serialize)]
struct EventLine<'a> {
    time: &'a str,
    level: &'static str,
    message: &'a str,
}

impl Lines {
    pub(super) fn new(format: LogFormat) -> Self {
        Self {
            format,
            second: Mutex::new((i64::MIN, String::new())),
        }
    }

    /// Appends the line of a request.
    pub(super) fn request(&self, line: &mut Vec<u8>, answered: &Answered<'_>) {
        let micros = u64::try_from(answered.took.as_micros()).unwrap_or(u64::MAX);
        let agent = answered.agent.map(shown);
        let client = answered.client.ip().to_canonical();
        self.with_time(|time| match self.format {
            LogFormat::Json => {
                let request = RequestLine {
                    time,
                    level: "info",
                    request_id: answered.id,
                    client,
                    method: answered.method.as_str(),
                    path: answered.path,
                    status: answered.status.as_u16(),
                    bytes: answered.bytes,
                    micros,
                    route: answered.route,
                    agent,
                };
                json(line, &request);
            }
            LogFormat::Text => {
                let _ = write!(
                    line,
                    "{time} {client} {} {} {} {} {}.{:03}ms {}",
                    answered.method,
                    printable(answered.path),
                    answered.status.as_u16(),
                    answered.bytes.unwrap_or(0),
                    micros / 1000,
                    micros % 1000,
                    answered.id,
                );
                if let Some(agent) = agent {
                    let _ = write!(line, " \"{}\"", agent.replace('"', "'"));
                }
                line.push(b'\n');
            }
        });
    }

    /// Appends the line of an event.
    pub(super) fn event(&self, line: &mut Vec<u8>, level: &'static str, message: &str) {
        match self.format {
            LogFormat::Json => self.with_time(|time| {
                let event = EventLine {
                    time,
                    level,
                    message,
                };
                json(line, &event);
            }),
            // Who collects lines of standard error notes the time.
            LogFormat::Text => {
                let _ = writeln!(line, "{level}: {message}");
            }
        }
    }

    fn with_time<T>(&self, write: impl FnOnce(&str) -> T) -> T {
        let now = now();
        let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
        if second.0 != now.as_unix() {
            *second = (now.as_unix(), now.to_string());
        }
        write(&second.1)
    }
}

/// What a client calls itself, as it may be shown; nearly always as it is.
fn shown(agent: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| matches!(byte, b' '..=b'~');
    if agent.len() <= LONGEST_AGENT && agent.bytes().all(is_plain) {
        return Cow::Borrowed(agent);
    }
    let short: String = agent.chars().take(LONGEST_AGENT).collect();
    Cow::Owned(printable(&short))
}

fn json(line: &mut Vec<u8>, value: &impl Serialize) {
    // Into memory, and of texts and numbers alone: it does not fail.
    let _ = serde_json::to_writer(&mut *line, value);
    line.push(b'\n');
}
