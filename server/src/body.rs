//! The body of a response: nothing, bytes in memory, a file, or what a dynamic route streams.

use crate::activity::InFlight;
use crate::kernel_copy::KernelCopy;
use crate::statistics::Delivery;
use crate::stream::FileStream;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// Why a body broke off. The connection is then closed, so that the client notices.
pub type BodyError = Box<dyn Error + Send + Sync>;

/// The body of a response.
#[derive(Debug)]
pub struct ResponseBody {
    content: Content,
    /// Ends with the body: from then on the connection waits for its client, not for the server.
    in_flight: Option<InFlight>,
    /// Counts once all of it has been handed over.
    delivery: Option<Box<Delivery>>,
}

enum Content {
    Empty,
    Memory(Bytes, Option<Arc<KernelCopy>>),
    File(FileStream),
    Stream(Pin<Box<dyn Body<Data = Bytes, Error = BodyError> + Send>>),
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "Empty",
            Self::Memory(..) => "Memory",
            Self::File(_) => "File",
            Self::Stream(_) => "Stream",
        })
    }
}

impl ResponseBody {
    /// No bytes at all.
    pub fn empty() -> Self {
        Self::with(Content::Empty)
    }

    /// A body that is produced while it is sent, such as server-sent events.
    pub fn stream(body: impl Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self::with(Content::Stream(Box::pin(body)))
    }

    /// Bytes of which the kernel has a copy.
    pub(crate) fn copied(bytes: Bytes, copy: Option<Arc<KernelCopy>>) -> Self {
        let mut body = Self::from(bytes);
        if let Content::Memory(_, place) = &mut body.content {
            *place = copy;
        }
        body
    }

    pub(crate) fn file(stream: FileStream) -> Self {
        Self::with(Content::File(stream))
    }

    pub(crate) fn until_sent(mut self, in_flight: InFlight) -> Self {
        self.in_flight = Some(in_flight);
        self
    }

    pub(crate) fn counted(mut self, delivery: Delivery) -> Self {
        self.delivery = Some(Box::new(delivery));
        self
    }

    fn with(content: Content) -> Self {
        Self {
            content,
            in_flight: None,
            delivery: None,
        }
    }
}

impl From<Bytes> for ResponseBody {
    fn from(bytes: Bytes) -> Self {
        Self::with(if bytes.is_empty() {
            Content::Empty
        } else {
            Content::Memory(bytes, None)
        })
    }
}

impl From<String> for ResponseBody {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = this.poll_content(cx);
        if this.delivery.is_some()
            && matches!(frame, Poll::Ready(Some(Ok(_))))
            && this.is_end_stream()
            && let Some(delivery) = this.delivery.take()
        {
            delivery.done();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Empty => true,
            Content::Memory(..) => false,
            Content::File(stream) => stream.remaining() == 0,
            Content::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Empty => SizeHint::with_exact(0),
            Content::Memory(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            Content::File(stream) => SizeHint::with_exact(stream.remaining()),
            Content::Stream(body) => body.size_hint(),
        }
    }
}

impl ResponseBody {
    fn poll_content(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let content = &mut self.content;
        match content {
            Content::Empty => Poll::Ready(None),
            Content::Memory(bytes, copy) => {
                if let (Some(copy), Some(in_flight)) = (copy.take(), &self.in_flight) {
                    in_flight.sends(copy);
                }
                let bytes = std::mem::take(bytes);
                *content = Content::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Content::File(stream) => stream
                .poll_next(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data).map_err(BodyError::from))),
            Content::Stream(body) => body.as_mut().poll_frame(cx),
        }
    }
}
