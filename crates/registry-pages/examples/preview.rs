//! Writes a sample registry's pages to a folder, to look at them in a browser.
//!
//! ```text
//! cargo run -p registry-pages --example preview -- OUT [PACKS]
//! ```

#![expect(clippy::expect_used, reason = "a preview stops at the first mistake")]

use std::fs;
use std::path::Path;

use pack_format::PackRef;
use pack_format::documents::PackDocument;
use registry_pages::{PackList, PackPage, PackSummary, Renderer};

#[path = "../tests/pages/support.rs"]
mod support;

fn main() {
    let mut args = std::env::args().skip(1);
    let out = args.next().expect("a folder");
    let wanted: usize = args.next().map_or(0, |n| n.parse().expect("a number"));
    let mut documents = support::documents();
    while documents.len() < wanted {
        documents.push(copy(documents.len()));
    }
    write_tree(&Path::new(&out).join("registry"), &documents);
    write_tree(&Path::new(&out).join("empty"), &[]);
}

/// One more pack, under a numbered ref.
fn copy(number: usize) -> PackDocument {
    let mut document = support::document(&support::LINES[number % 8], number);
    document.pack_ref = format!("sample-{number:03}").parse().expect("a ref");
    document
}

fn write_tree(out: &Path, documents: &[PackDocument]) {
    let renderer = Renderer::new().expect("the templates compile");
    let site = support::site(documents.len() as u64);
    let listed = support::refs(documents);
    let write = |path: &str, bytes: &[u8]| {
        let path = out.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is made");
        fs::write(path, bytes).expect("the file is written");
    };
    for asset in renderer.assets() {
        write(&asset.path, &asset.bytes);
    }
    let list = PackList::new(
        documents
            .iter()
            .filter_map(PackSummary::from_document)
            .collect(),
    );
    for page in 1..=list.pages() {
        write(
            &PackList::page_path(page),
            &renderer.home(&site, &list, page).expect("a page"),
        );
    }
    write("404.html", &renderer.not_found(&site).expect("a page"));
    let files = support::files();
    let dependents: [PackRef; 2] = ["approvals", "jira"].map(|r| r.parse().expect("a ref"));
    for document in documents {
        let rich = document.pack_ref.as_str() == "slack";
        let page = PackPage {
            document,
            readme_markdown: rich.then_some(support::README),
            files: rich.then_some(files.as_slice()),
            dependents: if rich { &dependents } else { &[] },
            listed: &listed,
        };
        let path = format!("packs/{}/index.html", document.pack_ref);
        write(&path, &renderer.pack(&site, &page).expect("a page"));
        let json = serde_json::to_vec(document).expect("a document");
        write(&format!("packs/{}.json", document.pack_ref), &json);
    }
    let refs: Vec<String> = listed.iter().map(|r| format!("\"{r}\":{{}}")).collect();
    write(
        "packs.json",
        format!("{{\"packs\":{{{}}}}}", refs.join(",")).as_bytes(),
    );
}
