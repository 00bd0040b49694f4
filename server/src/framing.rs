//! Watches the raw bytes of a connection for heads that two parsers could read differently.
//!
//! SECURITY: hyper follows the lenient half of RFC 9112: it takes a bare LF for a line end, and with
//! both `Transfer-Encoding` and `Content-Length` it drops the length. A proxy in front may do otherwise,
//! and the difference is how requests are smuggled. By the time hyper hands over a request the evidence
//! is gone, so the bytes are looked at on their way in.

/// Longest start of a line kept when it is split over reads. Framing fields are far shorter; a longer
/// one is refused.
const MAX_KEPT: usize = 256;

/// Follows heads through the stream of bytes of one connection.
#[derive(Debug, Default)]
pub(crate) struct HeadScanner {
    place: Place,
    /// The line so far, when the last read ended inside it.
    partial: Vec<u8>,
    length: Option<u64>,
    coded: bool,
    in_head: bool,
    refused: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between heads or inside one.
    #[default]
    Head,
    /// This many bytes of a body are still to come.
    Body(u64),
    /// Behind a head whose body has no known end. Such a connection is closed after the answer.
    Unknown,
}

impl HeadScanner {
    /// Looks at `bytes`, the next of the stream.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.refused {
            match self.place {
                Place::Unknown => return,
                Place::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[here..];
                    self.place = match left - here as u64 {
                        0 => Place::Head,
                        left => Place::Body(left),
                    };
                }
                Place::Head => bytes = self.feed_head(bytes),
            }
        }
    }

    /// Whether a head seen so far must not be obeyed.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Whether the last byte was one of a head that is not complete.
    pub(crate) fn is_within_head(&self) -> bool {
        self.place == Place::Head && (self.in_head || !self.partial.is_empty())
    }

    /// Whether part of a body of known length is still to come.
    pub(crate) fn awaits_body(&self) -> bool {
        matches!(self.place, Place::Body(_))
    }

    fn feed_head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            self.keep(bytes);
            return &[];
        };
        if self.partial.is_empty() {
            self.line(&bytes[..end]);
        } else {
            self.keep(&bytes[..end]);
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
        }
        &bytes[end + 1..]
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = MAX_KEPT - self.partial.len();
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
        // Of a long line its start and its last byte count: the name, and whether it ends in CR.
        if bytes.len() > room
            && let (Some(last), Some(kept)) = (bytes.last(), self.partial.last_mut())
        {
            *kept = *last;
        }
    }

    /// One line without its LF.
    fn line(&mut self, line: &[u8]) {
        let [line @ .., b'\r'] = line else {
            self.refused = true;
            return;
        };
        if line.is_empty() {
            self.end_of_head();
        } else if self.in_head {
            self.field(line);
        } else {
            self.in_head = true;
        }
    }

    fn end_of_head(&mut self) {
        // An empty line before a request line is skipped (RFC 9112 section 2.2).
        if !self.in_head {
            return;
        }
        self.place = match self.length {
            _ if self.coded => Place::Unknown,
            Some(length) if length > 0 => Place::Body(length),
            _ => Place::Head,
        };
        (self.length, self.coded, self.in_head) = (None, false, false);
    }

    fn field(&mut self, line: &[u8]) {
        // Only these two fields decide where a body ends; all others are told apart by one byte.
        match line[0] {
            b'c' | b'C' => {
                if let Some(value) = value_of(line, b"content-length") {
                    let length = decimal(value).filter(|_| line.len() < MAX_KEPT - 1);
                    self.refused |= length.is_none() || self.length.is_some() || self.coded;
                    self.length = length;
                }
            }
            b't' | b'T' if value_of(line, b"transfer-encoding").is_some() => {
                self.refused |= self.length.is_some();
                self.coded = true;
            }
            // A folded line continues the field above it, for some parsers (RFC 9112 section 5.2).
            b' ' | b'\t' => self.refused = true,
            _ => {}
        }
    }
}

/// The value of the field on `line` if it is called `name`.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    if !start.eq_ignore_ascii_case(name) {
        return None;
    }
    Some(rest.strip_prefix(b":")?.trim_ascii())
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::HeadScanner;

    fn refuses(stream: &str) -> bool {
        let mut whole = HeadScanner::default();
        whole.feed(stream.as_bytes());
        // The verdict must not depend on how the network cuts the stream.
        let mut bytewise = HeadScanner::default();
        for byte in stream.as_bytes() {
            bytewise.feed(&[*byte]);
        }
        assert_eq!(whole.is_refused(), bytewise.is_refused(), "{stream:?}");
        whole.is_refused()
    }

    /// Heads with one reading pass, alone, pipelined and around bodies.
    #[test]
    fn head_plain_passes() {
        assert!(!refuses("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!refuses(
            "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        ));
        assert!(!refuses(
            "PUT / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\n\n\n\nGET / HTTP/1.1\r\n\r\n"
        ));
        assert!(!refuses(
            "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\nab\n"
        ));
        let long = "x".repeat(5000);
        assert!(!refuses(&format!(
            "GET /{long} HTTP/1.1\r\nCookie: {long}\r\n\r\n"
        )));
    }

    /// Heads with two readings are refused, the second on a connection too.
    #[test]
    fn head_ambiguous_is_refused() {
        assert!(refuses("GET / HTTP/1.1\nHost: a\r\n\r\n"));
        assert!(refuses("GET / HTTP/1.1\r\nHost: a\n\r\n"));
        assert!(refuses("GET / HTTP/1.1\r\nHost: a\r\n\n"));
        assert!(refuses("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n"));
        assert!(refuses(
            "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"
        ));
        assert!(refuses("PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\n"));
        assert!(refuses(
            "PUT / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"
        ));
        assert!(refuses(
            "PUT / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\nContent-Length: 1\r\n\r\n"
        ));
        assert!(refuses(
            "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\nHost: a\r\n\r\n"
        ));
        let long = "x".repeat(5000);
        assert!(refuses(&format!("GET / HTTP/1.1\r\nCookie: {long}\n\r\n")));
        let zeros = "0".repeat(400);
        assert!(refuses(&format!(
            "PUT / HTTP/1.1\r\nContent-Length: {zeros}5\r\n\r\n"
        )));
    }
}
