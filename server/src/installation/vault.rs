//! `Vault`: secrets that must come out again, such as the headers of registries, sealed with a key that is not in the
//! database.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use pack_fs::durable;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// What sealed bytes begin with: how they are sealed.
const VERSION: u8 = 1;

/// Largest file that may be a key, in bytes.
const MAX_FILE: usize = 1024;

/// Where the key is.
#[derive(Clone)]
pub enum SecretKey {
    /// In a file, which is made for its owner only if it is not there.
    File(PathBuf),
    /// The operator says it: 32 bytes in base64.
    Given(String),
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Given(_) => f.write_str("Given(***)"),
        }
    }
}

/// Why secrets cannot be kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The file cannot be made or read.
    #[error("cannot use the key in `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error("`{}` holds a key that others may read", .0.display())]
    Open(PathBuf),
    /// Not 32 bytes in base64.
    #[error("{0} is no key: it is not 32 bytes in base64")]
    NoKey(String),
    /// No random bytes.
    #[error("no key can be made: the system gives no random bytes")]
    Random,
}

impl pack_format::Hint for VaultError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File { .. } | Self::Random => None,
            Self::Open(path) => Some(format!("`chmod 600 {}`", path.display())),
            Self::NoKey(_) => Some("make one with `head -c 32 /dev/urandom | base64`".to_owned()),
        }
    }
}

/// Seals and opens.
pub(super) struct Vault(LessSafeKey);

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(***)")
    }
}

impl Vault {
    /// With the key at its place.
    ///
    /// # Errors
    /// [`VaultError`].
    pub(super) fn open(place: &SecretKey) -> Result<Self, VaultError> {
        let (text, name) = match place {
            SecretKey::Given(text) => (text.clone(), "`server.secret_key`".to_owned()),
            SecretKey::File(path) => (read_or_make(path)?, format!("`{}`", path.display())),
        };
        let text = text.trim().trim_end_matches('=');
        let bytes = STANDARD_NO_PAD.decode(text).ok();
        let bytes = bytes.filter(|bytes| bytes.len() == KEY_BYTES);
        let key = bytes.and_then(|bytes| UnboundKey::new(&AES_256_GCM, &bytes).ok());
        key.map(|key| Self(LessSafeKey::new(key)))
            .ok_or(VaultError::NoKey(name))
    }

    /// A text that gives `secret` back to whoever has the key and knows what it is `about`; `None` where the system
    /// gives no random bytes.
    pub(super) fn seal(&self, about: &str, secret: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).ok()?;
        let mut sealed = secret.to_vec();
        let nonce_of_this = Nonce::assume_unique_for_key(nonce);
        let about = Aad::from(about.as_bytes());
        (self
            .0
            .seal_in_place_append_tag(nonce_of_this, about, &mut sealed))
        .ok()?;
        let all = [&[VERSION][..], &nonce, &sealed].concat();
        Some(STANDARD_NO_PAD.encode(all))
    }

    /// The secret that was sealed; `None` with another key, another subject, or a changed text.
    pub(super) fn unseal(&self, about: &str, text: &str) -> Option<Vec<u8>> {
        let all = STANDARD_NO_PAD.decode(text).ok()?;
        let (version, rest) = all.split_first()?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let about = Aad::from(about.as_bytes());
        let opened = self.0.open_in_place(nonce, about, &mut sealed).ok()?;
        (*version == VERSION).then(|| opened.to_vec())
    }
}

/// What the file says. A new one is whole before it has its name, and none replaces another.
fn read_or_make(path: &Path) -> Result<String, VaultError> {
    let unusable = |source| VaultError::File {
        path: path.to_owned(),
        source,
    };
    let read = || pack_fs::limited::read(path, MAX_FILE);
    let bytes = match read() {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            make(path)?;
            read()
        }
        other => other,
    };
    let bytes = bytes.map_err(unusable)?;
    let mode = fs::metadata(path).map_err(unusable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(VaultError::Open(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|e| unusable(io::Error::other(e)))
}

fn make(path: &Path) -> Result<(), VaultError> {
    let unusable = |source| VaultError::File {
        path: path.to_owned(),
        source,
    };
    let mut key = [0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|_| VaultError::Random)?;
    let folder = durable::parent_of(path);
    let durably = |e: pack_fs::FsError| unusable(io::Error::other(e));
    durable::create_directories(folder).map_err(durably)?;
    // Mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(unusable)?;
    (writeln!(file, "{}", STANDARD_NO_PAD.encode(key))).map_err(unusable)?;
    file.as_file().sync_all().map_err(unusable)?;
    match file.persist_noclobber(path) {
        Ok(_) => durable::sync_directory(folder).map_err(durably),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(unusable(e.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sealed comes out with the same key for the same subject, and in no other way.
    #[test]
    fn secrets_come_out_again() {
        let dir = tempfile::tempdir().unwrap();
        let place = SecretKey::File(dir.path().join("data/secret.key"));
        let vault = Vault::open(&place).unwrap();
        let sealed = vault.seal("a", b"secret").unwrap();
        assert_ne!(vault.seal("a", b"secret").unwrap(), sealed);
        let again = Vault::open(&place).unwrap();
        assert_eq!(again.unseal("a", &sealed).unwrap(), b"secret");
        assert_eq!(again.unseal("b", &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(again.unseal("a", &changed), None, "{place}");
        }
        let other = Vault::open(&SecretKey::File(dir.path().join("other"))).unwrap();
        assert_eq!(other.unseal("a", &sealed), None);
    }

    /// Keys that others may read, or that are none, are refused and stay as they are.
    #[test]
    fn wrong_keys_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let place = SecretKey::File(path.clone());
        Vault::open(&place).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Vault::open(&place), Err(VaultError::Open(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(matches!(Vault::open(&place), Err(VaultError::NoKey(_))));
        assert_eq!(fs::read(&path).unwrap(), b"short");
        let given = STANDARD_NO_PAD.encode([7; KEY_BYTES]);
        assert!(Vault::open(&SecretKey::Given(given)).is_ok());
    }
}
