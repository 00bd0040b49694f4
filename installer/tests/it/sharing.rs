//! Copies share their blocks with the original where the file system can do that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pack_format::ArchiveDigest;

use crate::support::{Home, Pack};

/// A file system of its own in a file, unmounted when dropped.
struct Disk {
    dir: tempfile::TempDir,
}

impl Disk {
    /// A btrfs, or `None` with a word why not.
    #[expect(clippy::print_stdout, reason = "a test says that it is skipped")]
    fn btrfs() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let image = dir.path().join("image");
        fs::File::create(&image)
            .unwrap()
            .set_len(256 << 20)
            .unwrap();
        let disk = Self { dir };
        fs::create_dir(disk.root()).unwrap();
        let done = |command: &mut Command| {
            let output = command.output();
            output.is_ok_and(|output| output.status.success())
        };
        if !done(Command::new("mkfs.btrfs").arg("-q").arg(&image)) {
            println!("skipped: sharing blocks is tested with `mkfs.btrfs`, which is not there");
            return None;
        }
        if !done(
            Command::new("mount")
                .args(["-o", "loop"])
                .arg(&image)
                .arg(disk.root()),
        ) {
            println!("skipped: mounting a file system needs root");
            return None;
        }
        Some(disk)
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("root")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.root()).output();
    }
}

/// Whether every block of a file is shared with another one, as the kernel says.
fn is_shared(path: &Path) -> bool {
    let output = Command::new("filefrag")
        .arg("-v")
        .arg(path)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let extents: Vec<&str> = (text.lines())
        .filter(|line| line.trim_start().starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert!(!extents.is_empty(), "{text}");
    extents.iter().all(|line| line.contains("shared"))
}

/// A directory on the same disk is installed without writing its bytes again, a repair neither; edits of
/// the original stay out of the store.
#[test]
fn copies_share_blocks_and_nothing_else() {
    let Some(disk) = Disk::btrfs() else { return };
    let big: String = (0..200_000).map(|n| format!("{n}\n")).collect();
    let home = Home::at(disk.root().join("packs"));
    let source = disk.root().join("slack");
    Pack::new("slack", "2.0.0")
        .file("big.txt", false, &big)
        .write(&source);
    home.install(&[source.to_str().unwrap()]).unwrap();
    let stored = fs::canonicalize(home.base.join("slack/big.txt")).unwrap();
    assert!(is_shared(&stored));

    fs::write(source.join("big.txt"), "edited").unwrap();
    home.verify_clean();
    assert!(!is_shared(&stored), "nobody shares it any more");

    fs::write(stored.with_file_name("extra"), "x").unwrap();
    let copy = disk.root().join("copy");
    fs::hard_link(&stored, &copy).unwrap();
    let report = home.installer("").repair(&[], &home.registries()).unwrap();
    assert_eq!(report.packs[0].repaired_from.as_deref(), Some("the store"));
    assert!(is_shared(&stored));
    let digest = ArchiveDigest::of(&fs::read(&stored).unwrap());
    assert_eq!(digest, ArchiveDigest::of(big.as_bytes()));
}
