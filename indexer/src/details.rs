//! `Details`: what a pack's page shows besides its document: README and files of the newest version.

use std::collections::BTreeMap;
use std::io::Read as _;

use pack_archive::{MemberPath, Sink};
use pack_check::{ICON_NAMES, Icon, MAX_ICON_BYTES};
use registry_pages::FileRow;

use crate::pack::{readme_rank, readme_text};

/// What a page shows besides the document.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// With its rank among the files that could be it.
    pub(crate) readme: Option<(u8, String)>,
    pub(crate) files: Vec<FileRow>,
    /// What may be its icon, by path; only where an archive was read.
    icons: BTreeMap<String, Vec<u8>>,
}

impl Details {
    pub(crate) fn new(readme: Option<(u8, String)>, files: Vec<FileRow>) -> Self {
        Self {
            readme,
            files,
            icons: BTreeMap::new(),
        }
    }

    /// The icon in the archive, where one was read.
    pub(crate) fn icon(&self) -> Option<Icon<'_>> {
        Icon::of_pack(|path| self.icons.get(path).map(Vec::as_slice))
    }
}

impl Sink for Details {
    fn directory(&mut self, _: &MemberPath) -> std::io::Result<()> {
        Ok(())
    }

    fn file(
        &mut self,
        path: &MemberPath,
        executable: bool,
        content: &mut dyn std::io::Read,
    ) -> std::io::Result<()> {
        let Some((_, path)) = path.as_str().split_once('/') else {
            std::io::copy(content, &mut std::io::sink())?;
            return Ok(());
        };
        let mut size_bytes = 0;
        if let Some(rank) = readme_rank(path)
            && self.readme.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            let mut text = Vec::new();
            size_bytes += std::io::copy(content, &mut text)?;
            self.readme = Some((rank, readme_text(&text)));
        }
        if ICON_NAMES.contains(&path) {
            let mut bytes = Vec::new();
            let most = MAX_ICON_BYTES as u64 + 1;
            size_bytes += std::io::copy(&mut content.take(most), &mut bytes)?;
            self.icons.insert(path.to_owned(), bytes);
        }
        size_bytes += std::io::copy(content, &mut std::io::sink())?;
        self.files.push(FileRow {
            path: path.to_owned(),
            size_bytes,
            executable,
        });
        Ok(())
    }
}
