//! Passwords: argon2id with the parameters its authors recommend, checked a few at a time.

use std::sync::{Arc, OnceLock};

use argon2::password_hash::{PasswordHash, PasswordHasher as _, PasswordVerifier as _, SaltString};
use argon2::{Argon2, password_hash};
use tokio::sync::Semaphore;

/// Checks at once. Each takes 19 MiB and some tens of milliseconds of one core.
const AT_ONCE: usize = 2;

/// Longest password, in bytes: more is a way to keep the server busy.
pub(super) const MAX_BYTES: usize = 1024;

/// Checks passwords.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// Whether `password` is the one of `hash`. Without a hash it takes as long, and is wrong.
    pub(super) async fn is_right(&self, password: String, hash: Option<String>) -> bool {
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return false;
        };
        let check = move || {
            let _place = place;
            let is_known = hash.is_some();
            let hash = hash.or_else(|| nobodys().cloned()).unwrap_or_default();
            let verified = PasswordHash::new(&hash)
                .and_then(|hash| Argon2::default().verify_password(password.as_bytes(), &hash));
            verified.is_ok() && is_known
        };
        tokio::task::spawn_blocking(check).await.unwrap_or(false)
    }
}

/// What is kept of a password.
///
/// # Errors
/// If the system gives no random bytes.
pub(super) fn hashed(password: &str) -> Result<String, password_hash::Error> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt)?;
    Ok(hash.to_string())
}

/// A hash to compare with where there is no account.
fn nobodys() -> Option<&'static String> {
    static HASH: OnceLock<Option<String>> = OnceLock::new();
    HASH.get_or_init(|| hashed("").ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The right password, and no other, and none where there is no account.
    #[tokio::test]
    async fn only_the_password_is_right() {
        let hash = hashed("s3cret").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert_ne!(hash, hashed("s3cret").unwrap());
        let passwords = Passwords::new();
        let rows = [
            ("s3cret", Some(hash.clone()), true),
            ("S3cret", Some(hash), false),
            ("", None, false),
            ("x", Some("no hash".to_owned()), false),
        ];
        for (password, hash, expected) in rows {
            let is_right = passwords.is_right(password.to_owned(), hash).await;
            assert_eq!(is_right, expected, "{password}");
        }
    }
}
