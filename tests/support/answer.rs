//! `Answer`: what a server says to a request as a test writes it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use serde_json::Value;

use super::Hosted;

/// Status, head and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and fields, as they came.
    pub(crate) head: String,
    /// `null` where it is not JSON.
    pub(crate) body: Value,
}

impl Hosted {
    /// Sends bytes, and then that there are no more.
    pub(crate) fn send(&self, bytes: &[u8]) -> Answer {
        self.try_send(bytes).unwrap_or_else(|| panic!("no answer"))
    }

    /// The same to a server that may go away before it answers.
    pub(crate) fn try_send(&self, bytes: &[u8]) -> Option<Answer> {
        let mut stream = TcpStream::connect(self.address()).ok()?;
        // A server that has answered already does not read on.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok())?;
        Some(Answer {
            status,
            head: head.to_owned(),
            body: serde_json::from_str(body).unwrap_or(Value::Null),
        })
    }
}
