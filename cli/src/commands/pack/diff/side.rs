//! `Side`: one version of a pack, read from wherever it was named.
//!
//! | text | is |
//! |---|---|
//! | `./slack`, `slack-2.1.0.tar.gz` | what lies there |
//! | `https://…/slack-2.1.0.tar.gz` | that archive |
//! | `slack@2.1.0`, `slack@^2`, `slack@latest` | the newest of these versions in the registries |
//! | `slack` | the installed pack |

use std::path::Path;

use attune_indexer::{PackFileRecord, WholePack};
use attune_installer::{DetectOptions, Source, pack_dir::PackDir};
use pack_client::{ArchiveSource, Candidate, FetchRequest, Listing, Registries, Registry};
use pack_format::documents::VersionDocument;
use pack_format::{Constraint, Limits, PackRef};
use serde::Serialize;
use url::Url;

use crate::commands::pack::context::{Context, failed};
use crate::commands::pack::lines_below;
use crate::commands::runtime;
use crate::failure::{Code, Failure};
use crate::report::Report;
use crate::settings::Settings;

/// One version of a pack.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) pack_ref: PackRef,
    pub(super) document: VersionDocument,
    /// Its files, unless only a registry's document was read.
    pub(super) files: Option<Vec<PackFileRecord>>,
    pub(super) origin: Origin,
}

/// Where a version was read.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Origin {
    /// `directory`, `archive`, `registry` or `installed`.
    source: &'static str,
    /// The path, URL or registry.
    from: String,
}

/// How sides are read.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub(super) settings: &'a Settings,
    pub(super) report: Report,
    pub(super) registry: Option<&'a str>,
    pub(super) files: bool,
}

impl Sides<'_> {
    /// Reads what `text` names.
    pub(super) fn read(&self, text: &str) -> Result<Side, Failure> {
        let source = Source::detect(text, &DetectOptions::default()).map_err(|e| failed(&e))?;
        match source {
            Source::LocalDirectory(path) => directory(&path, text),
            Source::LocalArchive(path) => archive(&path, text),
            Source::ArchiveUrl(url) => self.archive_url(&url),
            Source::Registry { pack_ref, .. } if !text.contains('@') => self.installed(&pack_ref),
            Source::Registry {
                pack_ref,
                constraint,
            } => self.listed(&pack_ref, &constraint),
            Source::Git { .. } => Err(Failure::text(
                Code::Usage,
                format!("`{text}` is a git repository, which is not read here"),
                Some("clone it and name the directory"),
            )),
        }
    }

    fn context(&self) -> Result<Context<'_>, Failure> {
        let base = self.settings.packs_base_dir()?;
        Context::new(self.settings, base, self.report)
    }

    fn installed(&self, pack_ref: &PackRef) -> Result<Side, Failure> {
        let context = self.context()?;
        let state = context
            .reader()
            .list()
            .map_err(|e| Failure::new(Code::Failed, &e))?;
        if !state.packs.contains_key(pack_ref) {
            let hint = format!(
                "write `{pack_ref}@latest` for the newest version a registry lists, or the path of a directory"
            );
            let message = format!("`{pack_ref}` is not installed");
            return Err(Failure::text(Code::Failed, message, Some(&hint)));
        }
        let path = context.layout().pack(pack_ref);
        let pack = WholePack::of_installed(&path).map_err(|e| Failure::new(Code::Failed, &e))?;
        Ok(whole(pack, "installed", path.display().to_string()))
    }

    fn archive_url(&self, url: &Url) -> Result<Side, Failure> {
        let context = self.context()?;
        let registries = context.registries_of(Vec::new())?;
        let settings = registries.settings();
        let spool = std::env::temp_dir();
        let request = request(url.as_str(), settings, &spool);
        let mut received = runtime()?
            .block_on(pack_client::fetch_url(url, request, &context.progress))
            .map_err(|e| failed(&e))?;
        let pack = received
            .reader()
            .map_err(|e| unreadable(url.as_str(), &e))
            .and_then(|mut reader| of_archive(&mut reader, url.as_str()))?;
        Ok(whole(pack, "archive", url.to_string()))
    }

    fn listed(&self, pack_ref: &PackRef, constraint: &Constraint) -> Result<Side, Failure> {
        let context = self.context()?;
        let registries = context.registries(self.registry)?;
        runtime()?.block_on(self.newest_in(&context, &registries, pack_ref, constraint))
    }

    async fn newest_in(
        &self,
        context: &Context<'_>,
        registries: &Registries,
        pack_ref: &PackRef,
        constraint: &Constraint,
    ) -> Result<Side, Failure> {
        let found = registries
            .find(pack_ref, &context.progress)
            .await
            .map_err(|e| failed(&e))?;
        let Some((registry, listing)) = found.owner else {
            let head = format!("no registry lists `{pack_ref}`");
            let searched = found.searched.iter().map(|url| format!("searched `{url}`"));
            let message = lines_below(head, searched);
            let hint = "name a registry with `--registry`, or see the configured ones with `attune pack registries`";
            return Err(Failure::text(
                Code::NoSolution,
                message.trim_end(),
                Some(hint),
            ));
        };
        let candidate = choose(&listing, constraint)?;
        let url = registry.identity().url.clone();
        if !self.files
            && let Some(document) = document(&registry, candidate, context).await?
        {
            return Ok(Side {
                pack_ref: pack_ref.clone(),
                document,
                files: None,
                origin: Origin {
                    source: "registry",
                    from: url,
                },
            });
        }
        let pack = fetched(&registry, candidate, registries, context).await?;
        Ok(whole(pack, "registry", url))
    }
}

fn whole(pack: WholePack, source: &'static str, from: String) -> Side {
    Side {
        pack_ref: pack.pack_ref,
        document: pack.document,
        files: Some(pack.files),
        origin: Origin { source, from },
    }
}

fn directory(path: &Path, text: &str) -> Result<Side, Failure> {
    let found = PackDir::locate(path, text).map_err(|e| Failure::new(Code::Failed, &e))?;
    // Errors name files as the reader typed the directory.
    let shown = if found.subdir.is_empty() {
        Path::new(text).to_owned()
    } else {
        Path::new(text).join(&found.subdir)
    };
    let shown = if shown.is_dir() { shown } else { found.path };
    let pack = WholePack::of_directory(&shown).map_err(|e| Failure::new(Code::Failed, &e))?;
    Ok(whole(pack, "directory", path.display().to_string()))
}

fn archive(path: &Path, text: &str) -> Result<Side, Failure> {
    let mut file = pack_fs::source_dir::open_regular(path).map_err(|e| unreadable(text, &e))?;
    let pack = of_archive(&mut file, text)?;
    Ok(whole(pack, "archive", path.display().to_string()))
}

fn of_archive(
    archive: &mut (impl std::io::Read + std::io::Seek),
    name: &str,
) -> Result<WholePack, Failure> {
    WholePack::of_archive(archive, name).map_err(|e| Failure::new(Code::Failed, &e))
}

fn unreadable(name: &str, error: &std::io::Error) -> Failure {
    Failure::text(Code::Failed, format!("cannot read `{name}`: {error}"), None)
}

/// The newest version in the range; a yanked one only where it is named exactly.
fn choose<'l>(listing: &'l Listing, constraint: &Constraint) -> Result<&'l Candidate, Failure> {
    let exact = constraint.exact_version();
    let chosen = match &exact {
        Some(version) => listing.candidates.iter().find(|c| c.version == *version),
        None if constraint.comparators().is_empty() => listing.newest(),
        None => listing
            .candidates
            .iter()
            .find(|c| c.yanked.is_none() && constraint.matches(&c.version)),
    };
    chosen.ok_or_else(|| {
        let listed: Vec<String> = listing
            .candidates
            .iter()
            .take(10)
            .map(|c| c.version.to_string())
            .collect();
        Failure::text(
            Code::NoSolution,
            format!(
                "no version of `{}` in `{}` matches `{constraint}`\n  listed: {}",
                listing.pack_ref,
                listing.registry.url,
                listed.join(", ")
            ),
            Some("name one of the listed versions"),
        )
    })
}

/// What a registry of format 2 says of a version.
async fn document(
    registry: &Registry,
    candidate: &Candidate,
    context: &Context<'_>,
) -> Result<Option<VersionDocument>, Failure> {
    let document = registry
        .document(&candidate.pack_ref, &context.progress)
        .await
        .map_err(|e| failed(&e))?;
    Ok(document.and_then(|document| {
        let mut versions = document.versions.into_iter();
        versions.find(|v| v.version == candidate.version)
    }))
}

/// The pack in the archive of a version, once it has the digest that the registry states.
async fn fetched(
    registry: &Registry,
    candidate: &Candidate,
    registries: &Registries,
    context: &Context<'_>,
) -> Result<WholePack, Failure> {
    let subject = format!("{}@{}", candidate.pack_ref, candidate.version);
    let Some(archive) = candidate.archives.first() else {
        return Err(Failure::text(
            Code::NoSolution,
            format!(
                "`{}` names no archive of `{subject}` with a checksum, and no parameters of its components",
                registry.identity().url
            ),
            Some("download the pack and name its directory or archive"),
        ));
    };
    let spool = std::env::temp_dir();
    let mut received = registry
        .fetch(
            archive,
            request(&subject, registries.settings(), &spool),
            &context.progress,
        )
        .await
        .map_err(|e| failed(&e))?;
    let name = archive.place.to_string();
    verify(&mut received, archive, &name)?;
    let mut reader = received.reader().map_err(|e| unreadable(&name, &e))?;
    of_archive(&mut reader, &name)
}

fn verify(
    received: &mut pack_client::Received,
    archive: &ArchiveSource,
    name: &str,
) -> Result<(), Failure> {
    let computed = received
        .checksum(archive.checksum.algorithm())
        .map_err(|e| unreadable(name, &e))?;
    if computed == archive.checksum {
        return Ok(());
    }
    Err(Failure::text(
        Code::Verification,
        format!(
            "checksum mismatch for `{name}`\n  expected  {}\n  computed  {computed}",
            archive.checksum
        ),
        Some("nothing was compared; retry once, then report this to the registry's operator"),
    ))
}

fn request<'a>(
    subject: &'a str,
    settings: &'a pack_client::ClientSettings,
    spool: &'a Path,
) -> FetchRequest<'a> {
    FetchRequest {
        subject,
        limit: Limits::default().archive_bytes,
        spool,
        settings,
    }
}
