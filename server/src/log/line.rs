//! How requests and events are written.

use std::borrow::Cow;
use std::io::Write as _;
use std::net::IpAddr;
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
                line.extend_from_slice(b"{\"time\":\"");
                line.extend_from_slice(time.as_bytes());
                line.extend_from_slice(b"\",\"level\":\"info\"");
                member(line, "request_id", answered.id);
                line.extend_from_slice(b",\"client\":\"");
                address(line, client);
                line.push(b'"');
                member(line, "method", answered.method.as_str());
                member(line, "path", answered.path);
                count(line, "status", answered.status.as_u16().into());
                if let Some(bytes) = answered.bytes {
                    count(line, "bytes", bytes);
                }
                count(line, "micros", micros);
                member(line, "route", answered.route);
                if let Some(agent) = &agent {
                    member(line, "agent", agent);
                }
                line.extend_from_slice(b"}\n");
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

/// Appends a member of an object that has some. Nearly every text is written as it is: a line of each request that goes
/// through a serializer costs twice as much.
fn member(line: &mut Vec<u8>, name: &str, text: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
    let is_plain = |byte: u8| !matches!(byte, 0..=b'\x1f' | b'"' | b'\\');
    if text.bytes().all(is_plain) {
        line.push(b'"');
        line.extend_from_slice(text.as_bytes());
        line.push(b'"');
    } else {
        // Into memory: it does not fail.
        let _ = serde_json::to_writer(line, text);
    }
}

fn count(line: &mut Vec<u8>, name: &str, count: u64) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
    digits(line, count);
}

fn address(line: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (n, octet) in address.octets().into_iter().enumerate() {
                if n > 0 {
                    line.push(b'.');
                }
                digits(line, octet.into());
            }
        }
        IpAddr::V6(address) => {
            let _ = write!(line, "{address}");
        }
    }
}

fn digits(line: &mut Vec<u8>, mut number: u64) {
    let mut text = [b'0'; 20];
    let mut first = text.len();
    loop {
        first -= 1;
        text[first] += u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    line.extend_from_slice(&text[first..]);
}

fn json(line: &mut Vec<u8>, value: &impl Serialize) {
    // Into memory, and of texts and numbers alone: it does not fail.
    let _ = serde_json::to_writer(&mut *line, value);
    line.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is put together by hand is what a serializer would write.
    #[test]
    fn members_are_those_of_a_serializer() {
        for text in ["", "plain", "a\"b", "a\\b", "a\nb", "a\u{7f}ü\u{1f}"] {
            let mut line = Vec::new();
            member(&mut line, "name", text);
            let expected = format!(",\"name\":{}", serde_json::to_string(text).unwrap());
            assert_eq!(String::from_utf8(line).unwrap(), expected);
        }
        for number in [0, 9, 10, 255, 1_000_000, u64::MAX] {
            let mut line = Vec::new();
            count(&mut line, "n", number);
            assert_eq!(String::from_utf8(line).unwrap(), format!(",\"n\":{number}"));
        }
        for text in ["0.0.0.0", "127.0.0.1", "255.10.9.100", "2001:db8::1"] {
            let mut line = Vec::new();
            address(&mut line, text.parse().unwrap());
            assert_eq!(String::from_utf8(line).unwrap(), text);
        }
    }
}
