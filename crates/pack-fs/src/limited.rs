//! Reading files that others wrote without letting their length decide how much memory is used.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The first `limit` bytes of a file and one more, if it is longer: enough for a parser that allows `limit`
/// bytes to refuse it.
///
/// # Errors
/// As [`std::fs::read`].
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let most = limit as u64 + 1;
    let length = file.metadata()?.len().min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(limit));
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file at the limit is whole; a longer one is one byte too long.
    #[test]
    fn read_stops_one_byte_after_the_limit() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for (length, read_bytes) in [(0, 0), (7, 7), (8, 8), (9, 9), (1000, 9)] {
            std::fs::write(file.path(), vec![b'x'; length]).unwrap();
            assert_eq!(read(file.path(), 8).unwrap().len(), read_bytes);
        }
    }
}
