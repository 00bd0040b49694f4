//! The files of a pack as its page lists them.

use std::fmt;

use minijinja::Value as Html;
use serde::Serialize;

use crate::escape::escape;
use crate::limits::{MAX_FILES, first};
use crate::text::{clean, write_size};

/// One file of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRow {
    /// Path in the pack, with `/`.
    pub path: String,
    /// Size, in bytes.
    pub size_bytes: u64,
    /// Whether it may be executed.
    pub executable: bool,
}

/// The table of files.
#[derive(Debug, Serialize)]
pub(crate) struct FileTable {
    /// Whether it is short enough to be open from the start.
    few: bool,
    /// The rows as HTML: next to those of parameters the most of a page.
    rows: Html,
    /// Files left out because the table is full.
    omitted: usize,
}

/// Files from which a list is opened on demand.
const LONG_LIST: usize = 30;

/// Usual length of a row, in bytes.
const ROW_BYTES: usize = 128;

impl FileTable {
    /// The table of `files`, or `None` when there are none.
    pub(crate) fn new(files: &[FileRow]) -> Option<Self> {
        let (shown, omitted) = first(files, MAX_FILES);
        let mut rows = String::with_capacity(shown.len() * ROW_BYTES);
        for file in shown {
            // Writing to a string does not fail.
            let _ = write_row(&mut rows, file);
        }
        (!shown.is_empty()).then(|| Self {
            few: shown.len() <= LONG_LIST,
            rows: Html::from_safe_string(rows),
            omitted,
        })
    }
}

/// Writes one row of the table in `templates/pages/pack_details.html`.
///
/// SECURITY: paths come from packs.
fn write_row(out: &mut String, file: &FileRow) -> fmt::Result {
    out.push_str("<tr><th scope=\"row\"><code>");
    escape(out, &clean(&file.path))?;
    out.push_str("</code>");
    if file.executable {
        out.push_str(" <span class=\"tag\">executable</span>");
    }
    out.push_str("</th><td class=\"num\">");
    write_size(out, file.size_bytes)?;
    out.push_str("</td></tr>\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> FileRow {
        FileRow {
            path: path.to_owned(),
            size_bytes: 1500,
            executable: path.ends_with("sh"),
        }
    }

    /// Paths are text, whatever a pack calls its files.
    #[test]
    fn rows_hold_paths_as_text() {
        let table = FileTable::new(&[file("a/<b>&\u{202e}.sh"), file("it's")]).unwrap();
        assert_eq!(
            table.rows.to_string(),
            "<tr><th scope=\"row\"><code>a/&lt;b&gt;&amp;.sh</code> <span class=\"tag\">executable</span></th>\
             <td class=\"num\">1.5 KB</td></tr>\n\
             <tr><th scope=\"row\"><code>it&#39;s</code></th><td class=\"num\">1.5 KB</td></tr>\n"
        );
        assert!(FileTable::new(&[]).is_none());
    }

    /// The table stops at its limit and says so; a long one starts closed.
    #[test]
    fn table_is_bounded() {
        let table = |count: usize| FileTable::new(&vec![file("a"); count]).unwrap();
        for (count, few, omitted) in [
            (LONG_LIST, true, 0),
            (LONG_LIST + 1, false, 0),
            (MAX_FILES + 2, false, 2),
        ] {
            let table = table(count);
            assert_eq!((table.few, table.omitted), (few, omitted), "{count}");
            let rows = table.rows.to_string().matches("<tr>").count();
            assert_eq!(rows, count - omitted);
        }
    }
}
