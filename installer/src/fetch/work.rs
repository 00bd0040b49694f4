//! What a worker does with one job: bytes at hand become a tree in staging.

use std::path::Path;

use pack_client::{ArchiveSource, Candidate, FetchError, Place, Received};
use pack_format::Checksum;
use pack_fs::FsError;
use url::Url;

use super::{Arrived, FetchFailure, Job, Mismatch, Outcome, Ready, Yard, on_disk};
use crate::stage::{Expected, FetchedArchive, StageError, StagedPack, VerifiedArchive};

/// Bytes at hand to a tree in staging.
pub(super) fn stage(job: &Job, ready: Ready, yard: Yard<'_>, number: usize) -> Outcome {
    let destination = yard.staging.join(number.to_string());
    match (job, ready) {
        (Job::Directory { path, checksum }, _) => {
            let staged = StagedPack::copy(path, &destination, yard.limits)?;
            Ok(Arrived {
                staged: check_tree(staged, checksum.as_ref(), yard)?,
                url: file_url(path),
                git: None,
            })
        }
        (Job::Archive { path, checksum }, _) => {
            let body = read(path, yard)?;
            let name = path.display().to_string();
            let staged = direct(&name, body, checksum.as_ref(), yard)?.unpack(
                &destination,
                yard.limits,
                None,
            )?;
            Ok(Arrived {
                staged,
                url: file_url(path),
                git: None,
            })
        }
        (Job::Url { url, checksum }, Ready::Direct(body)) => {
            let encoding = body.encoding().map(str::to_owned);
            let staged = direct(url.as_str(), body, checksum.as_ref(), yard)
                .and_then(|verified| verified.unpack(&destination, yard.limits, None));
            match (staged, encoding) {
                (Ok(staged), _) => Ok(Arrived {
                    staged,
                    url: url.to_string(),
                    git: None,
                }),
                // Whatever is wrong with these bytes, they are not those of the file.
                (Err(_), Some(encoding)) => Err(FetchFailure::Direct(FetchError::encoded(
                    url.to_string(),
                    &encoding,
                ))),
                (Err(error), None) => Err(error.into()),
            }
        }
        (_, Ready::Staged(arrived)) => Ok(*arrived),
        (Job::Listed { candidate, .. }, Ready::Body(body, source)) => {
            unpack_listed(candidate, body, &source, (&destination, yard))
        }
        (Job::Listed { candidate, .. }, Ready::OnDisk) => {
            let source = candidate.archives.iter().find(|a| on_disk(a));
            let Some((source, Place::File(path))) = source.map(|s| (s, &s.place)) else {
                return Err(no_source(candidate));
            };
            let body = read(path, yard)?;
            unpack_listed(candidate, body, source, (&destination, yard))
        }
        (job, _) => Err(FetchFailure::Lost {
            subject: job.subject(),
        }),
    }
}

fn unpack_listed(
    candidate: &Candidate,
    body: Received,
    source: &ArchiveSource,
    (destination, yard): (&Path, Yard<'_>),
) -> Outcome {
    let url = source.place.to_string();
    let top = format!("{}-{}", candidate.pack_ref, candidate.version);
    warn_if_weak(&source.checksum, &url, yard);
    let verified = FetchedArchive::new(&url, body).verify(&source.checksum, "registry")?;
    let staged = keep(verified, yard)?
        .unpack(destination, yard.limits, Some(&top))?
        .expect(&Expected {
            pack_ref: &candidate.pack_ref,
            version: &candidate.version,
            tree: candidate.tree,
            store_key: candidate.store_key,
        })?;
    Ok(Arrived {
        staged,
        url,
        git: None,
    })
}

/// A tree with the checksum somebody gave.
pub(super) fn check_tree(
    staged: StagedPack,
    checksum: Option<&Checksum>,
    yard: Yard<'_>,
) -> Result<StagedPack, StageError> {
    match checksum {
        Some(checksum) if yard.mismatch == Mismatch::Warn && !staged.has_tree(checksum) => {
            let name = &staged.name;
            yard.reporter
                .warning(&format!("`{name}` does not have the checksum {checksum}"));
            Ok(staged)
        }
        Some(checksum) => staged.expect_tree(checksum, yard.stated_by),
        None => Ok(staged),
    }
}

/// A source somebody named, with the checksum somebody gave.
fn direct(
    name: &str,
    body: Received,
    checksum: Option<&Checksum>,
    yard: Yard<'_>,
) -> Result<VerifiedArchive, StageError> {
    let mut fetched = FetchedArchive::new(name, body);
    let verified = match checksum {
        Some(checksum) if yard.mismatch == Mismatch::Warn && !fetched.matches(checksum)? => {
            yard.reporter
                .warning(&format!("`{name}` does not have the checksum {checksum}"));
            Ok(fetched.accept_unverified())
        }
        Some(checksum) => {
            warn_if_weak(checksum, name, yard);
            fetched.verify(checksum, yard.stated_by)
        }
        None => Ok(fetched.accept_unverified()),
    };
    keep(verified?, yard)
}

fn keep(verified: VerifiedArchive, yard: Yard<'_>) -> Result<VerifiedArchive, StageError> {
    match yard.archives {
        Some(directory) => verified.keep(directory),
        None => Ok(verified),
    }
}

fn warn_if_weak(checksum: &Checksum, name: &str, yard: Yard<'_>) {
    if !checksum.algorithm().is_strong() {
        let algorithm = checksum.algorithm().name();
        yard.reporter.warning(&format!(
            "`{name}` is verified by {algorithm} only, which can be forged"
        ));
    }
}

fn read(path: &Path, yard: Yard<'_>) -> Result<Received, StageError> {
    Received::from_file(path, yard.limits.archive_bytes, yard.staging)
        .map_err(|e| FsError::new("read", path, e).into())
}

fn file_url(path: &Path) -> String {
    Url::from_file_path(path).map_or_else(|()| path.display().to_string(), String::from)
}

pub(super) fn no_source(candidate: &Candidate) -> FetchFailure {
    FetchFailure::NoSource {
        subject: format!("{}@{}", candidate.pack_ref, candidate.version),
    }
}
