//! An archive on its way to a client.

use std::net::IpAddr;
use std::sync::Arc;

use hyper::header::CONTENT_RANGE;
use hyper::{Method, Response, StatusCode, Uri};

use super::Downloads;
use crate::body::ResponseBody;

/// Where archives are.
const PREFIX: &str = "/archives/";

/// Counts when the body it belongs to has been handed over.
#[derive(Debug)]
pub(crate) struct Delivery {
    downloads: Arc<Downloads>,
    uri: Uri,
    client: IpAddr,
}

impl Delivery {
    /// Attaches itself to an answer that ends with the last byte of an archive.
    pub(crate) fn watch(
        response: Response<ResponseBody>,
        downloads: &Arc<Downloads>,
        (method, uri, client): (&Method, &Uri, IpAddr),
    ) -> Response<ResponseBody> {
        if *method != Method::GET || !uri.path().starts_with(PREFIX) || !reaches_end(&response) {
            return response;
        }
        let delivery = Self {
            downloads: Arc::clone(downloads),
            uri: uri.clone(),
            client,
        };
        response.map(|body| body.counted(delivery))
    }

    /// Notes that the last byte has been handed over.
    pub(crate) fn done(self) {
        let name = self.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        self.downloads.note(self.client, name);
    }
}

fn reaches_end(response: &Response<ResponseBody>) -> bool {
    match response.status() {
        StatusCode::OK => true,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE);
            let range = range.and_then(|range| range.to_str().ok()?.split_once('/'));
            range.is_some_and(|(part, size)| {
                let last = part
                    .rsplit('-')
                    .next()
                    .and_then(|last| last.parse::<u64>().ok());
                last.and_then(|last| last.checked_add(1)) == size.parse().ok()
            })
        }
        _ => false,
    }
}
