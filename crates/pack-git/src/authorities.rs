//! Which certificate authorities git trusts: it takes one file, so those of the system and further ones are put into one.

use std::fs;
use std::path::{Path, PathBuf};

use pack_fs::FsError;

use crate::settings::GitSettings;

/// Where systems keep their authorities in one file.
const OF_SYSTEMS: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// Variables that name such a file, and win over it.
const VARIABLES: [&str; 2] = ["GIT_SSL_CAINFO", "SSL_CERT_FILE"];

/// Writes the authorities of the system and those in `further` to a file beside `directory`.
pub(crate) fn beside(
    settings: &GitSettings,
    further: &Path,
    directory: &Path,
) -> Result<PathBuf, FsError> {
    let named = VARIABLES.iter().find_map(|name| settings.variable(name));
    let known = OF_SYSTEMS.iter().map(Path::new).find(|path| path.is_file());
    let mut bundle = Vec::new();
    for path in named.map(Path::new).or(known).into_iter().chain([further]) {
        let pem = fs::read(path).map_err(|e| FsError::new("read certificates in", path, e))?;
        bundle.extend(pem);
        bundle.push(b'\n');
    }
    let path = directory.with_extension("pem");
    fs::write(&path, bundle).map_err(|e| FsError::new("write", &path, e))?;
    Ok(path)
}
