//! Searches a registry, and asks it which versions of the packs it found there are.
//!
//! `cargo run -p pack-client --example search -- https://packs.example.org/ slack`

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use pack_client::{ClientSettings, Registries, RegistryConfig, Silent};
use pack_format::Timestamp;

/// One line per pack that matches: its ref, its versions, newest first, and its description.
///
/// # Errors
/// Whatever the registry fails with.
pub(crate) async fn search(url: &str, keyword: &str) -> Result<Vec<String>, Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let settings = ClientSettings::new(Timestamp::from_unix(now.try_into()?));
    let registries = Registries::new(vec![RegistryConfig::new(url)], settings);
    // `Silent` hears warnings and progress and says nothing; a program has a `Reporter` of its own.
    let (hits, failures) = registries.search(keyword, None, &Silent).await;
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure.error.into());
    }
    let mut lines = Vec::new();
    for hit in hits {
        let found = registries.find(&hit.pack_ref, &Silent).await?;
        let Some((_, listing)) = found.owner else {
            continue;
        };
        let versions: Vec<String> = (listing.candidates.iter())
            .map(|candidate| candidate.version.to_string())
            .collect();
        lines.push(format!(
            "{} {}: {}",
            hit.pack_ref,
            versions.join(" "),
            hit.description
        ));
    }
    Ok(lines)
}

#[expect(clippy::print_stdout, reason = "a program prints")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(url), Some(keyword)) = (args.next(), args.next()) else {
        return Err("usage: search REGISTRY KEYWORD".into());
    };
    for line in search(&url, &keyword).await? {
        println!("{line}");
    }
    Ok(())
}
