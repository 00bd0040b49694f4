//! `Details`: what a pack's page shows besides its document: README and files of the newest version.

use pack_archive::{MemberPath, Sink};
use registry_pages::FileRow;

use crate::pack::{readme_rank, readme_text};

/// What a page shows besides the document.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// With its rank among the files that could be it.
    pub(crate) readme: Option<(u8, String)>,
    pub(crate) files: Vec<FileRow>,
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
        size_bytes += std::io::copy(content, &mut std::io::sink())?;
        self.files.push(FileRow {
            path: path.to_owned(),
            size_bytes,
            executable,
        });
        Ok(())
    }
}
