//! What the token of a caller allows.

use attune_indexer::changes::Authority;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue, ORIGIN};

use super::target::Target;
use crate::access::{Caller, forbidden};
use crate::problem::Problem;
use crate::state::Scope;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl Caller {
    /// That the token allows what is asked.
    pub(super) fn may(&self, target: &Target) -> Result<(), Problem> {
        let scope = target.verb.scope();
        if !self.token.scopes.allow(scope) {
            return Err(forbidden(format!(
                "the token does not allow to {scope}\n  scopes  {}",
                self.token.scopes
            )));
        }
        if scope != Scope::Read && !self.token.refs.match_ref(&target.pack_ref) {
            return Err(forbidden(format!(
                "the token is not for `{}`\n  refs  {}",
                target.pack_ref, self.token.refs
            )));
        }
        Ok(())
    }

    pub(super) fn authority(&self, target: &Target) -> Authority {
        Authority {
            name: self.token.account.clone(),
            is_admin: self.token.scopes.allow(Scope::Admin),
            is_named: self.token.refs.name(&target.pack_ref),
        }
    }
}

/// Refuses what a page of another site made a browser send.
pub(super) fn refuse_pages(headers: &HeaderMap) -> Result<(), Problem> {
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let is_foreign = site.is_some_and(|site| !matches!(site, b"same-origin" | b"none"));
    if is_foreign || headers.contains_key(ORIGIN) {
        return Err(forbidden(
            "changes are not taken from pages in a browser".to_owned(),
        ));
    }
    Ok(())
}
