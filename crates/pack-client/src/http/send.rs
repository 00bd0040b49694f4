//! Requests that change something. They are idempotent, so one that may have been lost is sent again.

use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use std::time::SystemTime;
use url::Url;

use super::{Http, header, retry, shown};
use crate::fetch_error::FetchError;

/// Most bytes of an answer that are read (1 MiB).
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// What is sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    /// Media type and bytes.
    pub(crate) body: Option<(&'static str, Vec<u8>)>,
    pub(crate) headers: HeaderMap,
}

impl Http {
    /// Sends a request, and again after a failure that may pass. Redirects are not followed: what is sent is
    /// meant for one server. Any other answer is the caller's to judge.
    pub(crate) async fn send(&self, sent: Sent<'_>) -> Result<(StatusCode, Vec<u8>), FetchError> {
        if self.settings.offline {
            return Err(FetchError::Offline {
                url: shown(sent.url),
            });
        }
        self.gate(sent.url).map_err(FetchError::Refused)?;
        self.with_retries(async || self.try_to_send(&sent).await)
            .await
    }

    async fn try_to_send(&self, sent: &Sent<'_>) -> Result<(StatusCode, Vec<u8>), FetchError> {
        let url = sent.url;
        let at_home = self.own.as_ref() == Some(&url.origin());
        let client = self.client(url, at_home)?;
        let mut request = client.request(sent.method.clone(), url.clone());
        // SECURITY: a registry's headers may be credentials; they never leave its origin.
        if at_home {
            request = request.headers(self.headers.clone());
        }
        request = request.headers(sent.headers.clone());
        if let Some((kind, bytes)) = &sent.body {
            request = request.header(CONTENT_TYPE, *kind).body(bytes.clone());
        }
        let failed = |e| FetchError::from_reqwest(&shown(url), e);
        let mut response = request.send().await.map_err(failed)?;
        let status = response.status();
        if matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        ) || status.is_redirection()
        {
            return Err(FetchError::Status {
                url: shown(url),
                status: status.as_u16(),
                retry_after: header(&response, &RETRY_AFTER)
                    .and_then(|value| retry::retry_after(&value, SystemTime::now())),
            });
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            answer.extend_from_slice(&chunk);
            if answer.len() > MAX_ANSWER_BYTES {
                return Err(FetchError::TooLarge {
                    url: shown(url),
                    limit: MAX_ANSWER_BYTES as u64,
                });
            }
        }
        Ok((status, answer))
    }
}
