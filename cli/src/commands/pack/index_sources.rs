//! Where a pack of an index can be fetched, as `pack index-entry` and `pack index-update` take it.

use std::path::PathBuf;

use attune_indexer::index_file::{self, entry::ArchiveOffer, entry::Sources};
use attune_indexer::{ArchiveFile, ArchivedPack};
use clap::Args;
use pack_client::{FetchRequest, fetch_url};
use pack_format::checksum::Algorithm;
use pack_format::git_ref::GitRef;
use pack_format::url_policy::SourceUrl;
use pack_format::{ArchiveDigest, Checksum, Hint as _, Limits};

use super::context::failed;
use super::progress::Progress;
use crate::commands::{now, runtime};
use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};
use crate::settings::Settings;

/// Flags that name install sources.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Git repository that holds the pack at its root
    #[arg(short = 'g', long, value_name = "URL")]
    git_url: Option<String>,
    /// Tag or commit of this version
    #[arg(short = 'r', long, value_name = "GIT_REF", requires = "git_url")]
    git_ref: Option<String>,
    /// Archive of this version
    #[arg(short = 'a', long, value_name = "URL")]
    archive_url: Option<String>,
    /// Checksum of the archive's bytes; without it and --archive-file the URL is fetched
    #[arg(long, value_name = "CHECKSUM", requires = "archive_url")]
    archive_checksum: Option<Checksum>,
    /// The archive as a file here, to take its checksum from
    #[arg(long, value_name = "FILE", requires = "archive_url")]
    archive_file: Option<PathBuf>,
}

/// What is known of an archive besides its URL.
struct Looked {
    digest: ArchiveDigest,
    pack: Option<ArchivedPack>,
}

impl SourceArgs {
    /// Checks what was typed, and fetches the archive where nothing else tells its digest.
    pub(crate) fn resolve(&self, settings: &Settings, report: Report) -> Result<Sources, Failure> {
        Ok(Sources {
            git: self.git()?,
            archive: self.archive(settings, report)?,
        })
    }

    fn git(&self) -> Result<Option<(SourceUrl, GitRef)>, Failure> {
        let Some(url) = &self.git_url else {
            return Ok(None);
        };
        let url = checked("--git-url", url)?;
        let Some(git_ref) = &self.git_ref else {
            return Err(Failure::text(
                Code::Usage,
                "`--git-url` without `--git-ref`: a repository holds many versions",
                Some("name the tag or commit of this one, such as `--git-ref v1.2.0`"),
            ));
        };
        let git_ref = git_ref.parse::<GitRef>().map_err(|e| {
            Failure::text(
                Code::Usage,
                format!("`--git-ref`: {e}"),
                e.hint().as_deref(),
            )
        })?;
        Ok(Some((url, git_ref)))
    }

    fn archive(
        &self,
        settings: &Settings,
        report: Report,
    ) -> Result<Option<ArchiveOffer>, Failure> {
        let Some(url) = &self.archive_url else {
            return Ok(None);
        };
        let url = checked("--archive-url", url)?;
        let stated = self.archive_checksum.as_ref().map(stated).transpose()?;
        let looked = match (&self.archive_file, stated) {
            (Some(path), _) => {
                let file = ArchiveFile::read(path, Algorithm::Sha256)
                    .map_err(|e| Failure::new(Code::Failed, &e))?;
                looked(file, &path.display().to_string(), report)?
            }
            (None, Some(digest)) => Looked { digest, pack: None },
            (None, None) => fetch(&url, settings, report)?,
        };
        if let Some(stated) = stated
            && stated != looked.digest
        {
            return Err(Failure::text(
                Code::Verification,
                format!(
                    "`--archive-file` does not have the checksum of `--archive-checksum`\n  stated    {stated}\n  computed  {}",
                    looked.digest
                ),
                Some("find out which of the two is the archive that was uploaded"),
            ));
        }
        Ok(Some(ArchiveOffer {
            url,
            digest: looked.digest,
            pack: looked.pack,
        }))
    }
}

fn checked(flag: &str, url: &str) -> Result<SourceUrl, Failure> {
    index_file::SOURCES
        .check(url)
        .map_err(|e| Failure::text(Code::Usage, format!("`{flag}`: {e}"), e.hint().as_deref()))
}

/// Format 1 says SHA-256 only.
fn stated(checksum: &Checksum) -> Result<ArchiveDigest, Failure> {
    checksum.as_archive_digest().ok_or_else(|| {
        Failure::text(
            Code::Usage,
            format!("`--archive-checksum`: an index takes sha256 only, not `{checksum}`"),
            Some("print it with `attune pack checksum FILE`"),
        )
    })
}

fn looked(file: ArchiveFile, name: &str, report: Report) -> Result<Looked, Failure> {
    let digest = file
        .checksum
        .as_archive_digest()
        .ok_or_else(|| Failure::text(Code::Failed, "the checksum is not sha256", None))?;
    let pack = match file.pack {
        Some(Ok(pack)) => Some(pack),
        Some(Err(error)) => {
            return Err(no_archive(
                name,
                &error.to_string(),
                error.hint().as_deref(),
            ));
        }
        None => return Err(no_archive(name, "it is no archive", None)),
    };
    report.note(&sanitised(&format!(
        "archive checksum: {digest}, of {name}"
    )));
    Ok(Looked { digest, pack })
}

fn no_archive(name: &str, reason: &str, hint: Option<&str>) -> Failure {
    Failure::text(
        Code::Failed,
        format!("`{name}` cannot be installed: {reason}"),
        hint,
    )
}

fn fetch(url: &SourceUrl, settings: &Settings, report: Report) -> Result<Looked, Failure> {
    let spool = tempfile::tempdir().map_err(|e| {
        Failure::text(
            Code::Failed,
            format!("cannot make a temporary folder: {e}"),
            None,
        )
    })?;
    let client = settings.client(now(), spool.path().to_owned())?;
    let progress = Progress::new(report);
    let request = FetchRequest {
        subject: url.as_str(),
        limit: Limits::default().archive_bytes,
        spool: spool.path(),
        settings: &client,
    };
    let fetched = runtime()?.block_on(fetch_url(url.as_url(), request, &progress));
    progress.clear();
    let mut received = fetched.map_err(|e| failed(&e))?;
    let unreadable =
        |e: std::io::Error| Failure::text(Code::Failed, format!("cannot read `{url}`: {e}"), None);
    let mut reader = received.reader().map_err(unreadable)?;
    let file = ArchiveFile::of(&mut reader, Algorithm::Sha256).map_err(unreadable)?;
    looked(file, url.as_str(), report)
}
