//! What a server does: `server` and `database`.

use std::time::Duration;

use attune_indexer::changes::PublishPolicy;
use attune_server::{Access, Policy, PublishOptions};
use bytesize::ByteSize;
use pack_format::Limits;

use super::{Settings, wrong};
use crate::failure::Failure;

/// How long a change waits for another process that changes the tree.
const LOCK_TIMEOUT: Duration = Duration::from_secs(30);

impl Settings {
    /// The database of a server, unless it is the one beside its tree.
    pub(crate) fn database_url(&self) -> Result<Option<String>, Failure> {
        let path = ["database", "url"];
        let Some(url) = self.text(&path)? else {
            return Ok(None);
        };
        let is_known = ["sqlite:", "postgres:", "postgresql:"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if is_known {
            return Ok(Some(url));
        }
        // It may hold a password, so it is not told.
        let origin = self
            .find(&path)?
            .map(|found| found.origin)
            .unwrap_or_default();
        Err(Failure::text(
            crate::failure::Code::Usage,
            format!("`database.url` from {origin} is no URL of a database"),
            Some("write `sqlite:///path/to/file` or `postgres://user@host/name`"),
        ))
    }

    /// What holds for those who ask a server.
    pub(crate) fn server_policy(&self) -> Result<Policy, Failure> {
        let path = ["server", "access"];
        let access = match self.find(&path)? {
            None => Access::Public,
            Some(found) => match found.node.scalar().map(pack_format::yaml::Scalar::text) {
                Some("public") => Access::Public,
                Some("private") => Access::Private,
                _ => return Err(wrong(&path, &found, "`public` or `private`")),
            },
        };
        Ok(Policy { access })
    }

    /// Whether downloads are counted.
    pub(crate) fn counts_downloads(&self) -> Result<bool, Failure> {
        self.flag(&["server", "statistics"], true)
    }

    /// What is demanded of what is published to `tree`.
    pub(crate) fn publish_options(
        &self,
        tree: &std::path::Path,
    ) -> Result<PublishOptions, Failure> {
        let path = ["server", "publish", "max_archive_size"];
        let most = Limits::default().archive_bytes;
        let size = match self.find(&path)? {
            None => most,
            Some(found) => found
                .node
                .scalar()
                .and_then(|s| s.text().parse::<ByteSize>().ok())
                .map(|size| size.as_u64())
                .filter(|size| (1..=most).contains(size))
                .ok_or_else(|| wrong(&path, &found, "a size of at most 64MiB"))?,
        };
        Ok(PublishOptions {
            tree: tree.to_owned(),
            development_url: self.development_url()?,
            max_archive_bytes: size,
            policy: PublishPolicy {
                require_license: self.flag(&["server", "publish", "require_license"], false)?,
                require_honest_version: self
                    .flag(&["server", "publish", "require_honest_version"], false)?,
            },
            lock_timeout: LOCK_TIMEOUT,
            reporter: std::sync::Arc::new(attune_server::Silent),
        })
    }
}
