#![allow(clippy::all, missing_docs)]
use std::{fs, time::Instant, path::Path};
use pack_format::documents::PackDocument;
use registry_pages::*;
#[path = "../tests/pages/support.rs"] mod support;
fn main() {
    let mut docs: Vec<PackDocument> = vec![]; 
    for e in fs::read_dir("/tmp/realtree/packs").unwrap() { let p = e.unwrap().path(); if p.extension().is_some_and(|e| e == "json") { docs.push(serde_json::from_slice(&fs::read(p).unwrap()).unwrap()); } }
    docs.sort_by(|a, b| a.pack_ref.cmp(&b.pack_ref));
    let readmes: Vec<Option<String>> = docs.iter().map(|d| { fs::read_dir("/work/shared/real-packs/packs").unwrap().filter_map(|e| { let p = e.unwrap().path(); p.file_name().unwrap().to_string_lossy().ends_with(&format!("-{}", d.pack_ref)).then(|| fs::read_to_string(p.join("README.md")).ok()).flatten() }).next() }).collect();
    println!("{} docs, {} readmes, {} bytes", docs.len(), readmes.iter().flatten().count(), readmes.iter().flatten().map(|r| r.len()).sum::<usize>());
    let r = Renderer::new().unwrap(); let site = support::site(34); let listed = support::refs(&docs);
    for with in [true, false] {
    let start = Instant::now(); let mut n = 0; let mut bytes = 0;
    for _ in 0..30 { for (d, rd) in docs.iter().zip(&readmes) {
        bytes += r.pack(&site, &PackPage { document: d, readme_markdown: rd.as_deref().filter(|_| with), files: None, dependents: &[], listed: &listed }).unwrap().len(); n += 1; } }
    let e = start.elapsed().as_secs_f64(); println!("readme {with}: {:.0} pages/s, {} bytes avg, 300 pages {:.3} s", n as f64 / e, bytes / n, e / n as f64 * 300.0);
    }
    let out = Path::new("/tmp/preview/real");
    for a in r.assets() { let p = out.join(&a.path); fs::create_dir_all(p.parent().unwrap()).unwrap(); fs::write(p, &a.bytes).unwrap(); }
    for (d, rd) in docs.iter().zip(&readmes) { let p = out.join(format!("packs/{}/index.html", d.pack_ref)); fs::create_dir_all(p.parent().unwrap()).unwrap(); fs::write(p, r.pack(&site, &PackPage { document: d, readme_markdown: rd.as_deref(), files: None, dependents: &[], listed: &listed }).unwrap()).unwrap(); }
    let list = PackList::new(docs.iter().filter_map(PackSummary::from_document).collect());
    for n in 1..=list.pages() { let p = out.join(PackList::page_path(n)); fs::create_dir_all(p.parent().unwrap()).unwrap(); fs::write(p, r.home(&site, &list, n).unwrap()).unwrap(); }
}
