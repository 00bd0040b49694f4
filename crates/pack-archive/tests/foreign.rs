//! Archives that other tools make of one small tree, whole and damaged.
//!
//! Whole, each must unpack to exactly that tree. Damaged, none may panic, escape, leave anything
//! behind or take long; most are refused, and what is taken is a whole tree.
//! A tool that is not installed is skipped, and the test says so.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test reports and fails loudly"
)]

mod support;

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use pack_archive::{ArchiveKind, read_file, unpack};
use pack_format::Limits;
use support::{Node, Tree, scratch, tree_of};

/// A tool, and the shell command that writes `$OUT` from the directory `demo` below the current one.
const TOOLS: [(&str, &str, &str); 15] = [
    (
        "git tar.gz",
        "git",
        "cd demo && git archive --format=tar.gz --prefix=demo/ -o \"$OUT\" HEAD",
    ),
    (
        "git zip",
        "git",
        "cd demo && git archive --format=zip --prefix=demo/ -o \"$OUT\" HEAD",
    ),
    (
        "gnu tar",
        "tar",
        "tar --format=gnu --exclude=.git -czf \"$OUT\" demo",
    ),
    (
        "gnu tar pax",
        "tar",
        "tar --format=pax --exclude=.git -czf \"$OUT\" demo",
    ),
    (
        "gnu tar posix times",
        "tar",
        "tar --format=posix --pax-option=delete=atime --exclude=.git -czf \"$OUT\" ./demo",
    ),
    (
        "gnu tar ustar",
        "tar",
        "tar --format=ustar --exclude=.git -czf \"$OUT\" demo",
    ),
    (
        "gnu tar v7",
        "tar",
        "tar --format=v7 --exclude=.git --exclude=level* -czf \"$OUT\" demo",
    ),
    (
        "gnu tar plain",
        "tar",
        "tar --exclude=.git -cf \"$OUT\" demo",
    ),
    (
        "bsdtar pax",
        "bsdtar",
        "bsdtar --format=pax --exclude=.git -czf \"$OUT\" demo",
    ),
    (
        "bsdtar ustar",
        "bsdtar",
        "bsdtar --format=ustar --exclude=.git -czf \"$OUT\" demo",
    ),
    (
        "bsdtar zip",
        "bsdtar",
        "bsdtar --format=zip --exclude=.git -cf \"$OUT\" demo",
    ),
    (
        "info-zip",
        "zip",
        "zip -q -r \"$OUT.zip\" demo -x 'demo/.git/*' && mv \"$OUT.zip\" \"$OUT\"",
    ),
    (
        "info-zip stream",
        "zip",
        "zip -q -r - demo -x 'demo/.git/*' | cat > \"$OUT\"",
    ),
    ("python tarfile", "python3", PYTHON_TAR),
    ("python zipfile", "python3", PYTHON_ZIP),
];

const PYTHON_TAR: &str = "python3 -c 'import os,tarfile
t=tarfile.open(os.environ[\"OUT\"],\"w:gz\")
t.add(\"demo\",filter=lambda i: None if i.name.endswith(\"/.git\") else i)
t.close()'";

const PYTHON_ZIP: &str = "python3 -c 'import os,zipfile
z=zipfile.ZipFile(os.environ[\"OUT\"],\"w\",zipfile.ZIP_DEFLATED)
for d,ds,fs in os.walk(\"demo\"):
    ds[:]=[x for x in ds if x!=\".git\"]
    for f in fs: z.write(os.path.join(d,f))
z.close()'";

const SLOWEST: Duration = Duration::from_secs(2);
const MUTATIONS: usize = 4_000;

fn sample() -> Tree {
    let long = format!("level-{}/{}.txt", "x".repeat(90), "y".repeat(90));
    let file = |executable, content: &str| Node::File(executable, content.as_bytes().to_vec());
    let mut tree = Tree::from([
        (
            "pack.yaml".to_owned(),
            file(false, "ref: demo\nversion: 1.0.0\n"),
        ),
        ("README.md".to_owned(), file(false, "# demo\n")),
        (
            "actions/run.sh".to_owned(),
            file(true, "#!/bin/sh\necho ok\n"),
        ),
        ("actions/empty".to_owned(), file(false, "")),
        (
            "data/my file.txt".to_owned(),
            file(false, &"all work and no play\n".repeat(5_000)),
        ),
        ("data/caf\u{e9}.txt".to_owned(), file(false, "caf\u{e9}\n")),
        (long, file(false, "long\n")),
    ]);
    let directories: Vec<_> = tree
        .keys()
        .filter_map(|p| p.split_once('/'))
        .map(|(d, _)| d.to_owned())
        .collect();
    tree.extend(directories.into_iter().map(|d| (d, Node::Directory)));
    tree
}

fn write_tree(root: &Path, tree: &Tree) {
    for (path, node) in tree {
        match node {
            Node::Directory => fs::create_dir_all(root.join(path)).unwrap(),
            Node::File(executable, content) => {
                fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
                fs::write(root.join(path), content).unwrap();
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).unwrap();
            }
            Node::Other(_) => unreachable!(),
        }
    }
}

fn is_installed(tool: &str) -> bool {
    let mut which = Command::new("sh");
    which
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null());
    which.status().unwrap().success()
}

fn shell(directory: &Path, script: &str, out: &Path) {
    let output = Command::new("sh")
        .args(["-e", "-c", script])
        .current_dir(directory)
        .env("OUT", out)
        .env("LC_ALL", "C.UTF-8")
        .env("HOME", directory)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{script}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The archives of all installed tools, by name.
fn archives(tree: &Tree) -> Vec<(&'static str, Vec<u8>)> {
    let scratch = scratch();
    write_tree(&scratch.path().join("demo"), tree);
    let commit = "cd demo && git init -q && git add -A && git -c user.name=a -c user.email=a@b commit -q -m x";
    if is_installed("git") {
        shell(scratch.path(), commit, scratch.path());
    }
    let mut archives = Vec::new();
    for (name, tool, script) in TOOLS {
        if !is_installed(tool) {
            println!("skipped: {name}, {tool} is not installed");
            continue;
        }
        let out = scratch.path().join("out");
        shell(scratch.path(), script, &out);
        archives.push((name, fs::read(&out).unwrap()));
        fs::remove_file(out).unwrap();
    }
    archives.extend(rust_zips(tree));
    archives
}

/// The zip crate writes both ways: sizes first where it can seek, descriptors where it cannot.
fn rust_zips(tree: &Tree) -> Vec<(&'static str, Vec<u8>)> {
    let mut seekable = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let mut stream = zip::ZipWriter::new_stream(Vec::new());
    for (path, node) in tree {
        if let Node::File(executable, content) = node {
            let mode = if *executable { 0o755 } else { 0o644 };
            let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
            let path = format!("demo/{path}");
            seekable
                .start_file(&*path, options.large_file(true))
                .unwrap();
            seekable.write_all(content).unwrap();
            stream.start_file(&*path, options).unwrap();
            stream.write_all(content).unwrap();
        }
    }
    vec![
        ("zip crate", seekable.finish().unwrap().into_inner()),
        ("zip crate stream", stream.finish().unwrap().into_inner()),
    ]
}

/// Every tool's archive of the tree is that tree.
#[test]
fn archives_of_other_tools_unpack_to_their_tree() {
    let tree = sample();
    let scratch = scratch();
    for (name, bytes) in archives(&tree) {
        let destination = scratch.path().join("destination");
        let unpacked = unpack(&mut Cursor::new(&bytes), &destination, &Limits::default());
        let unpacked = unpacked.unwrap_or_else(|e| panic!("{name}: {e}"));
        let mut expected = tree.clone();
        if name == "gnu tar v7" {
            expected.retain(|path, _| !path.starts_with("level"));
        }
        assert_eq!(tree_of(&unpacked.root.join("demo")), expected, "{name}");
        assert_eq!(tree_of(&unpacked.root).len(), expected.len() + 1, "{name}");
        let readme = read_file(
            &mut Cursor::new(&bytes),
            &Limits::default(),
            "README.md",
            100,
        );
        assert_eq!(readme.unwrap().as_deref(), Some(&b"# demo\n"[..]), "{name}");
        fs::remove_dir_all(destination).unwrap();
        println!("{name}: {} bytes, {:?}", bytes.len(), unpacked.summary);
    }
}

/// npm's own packer.
#[test]
fn archive_of_npm_unpacks_to_its_tree() {
    if !is_installed("npm") {
        println!("skipped: npm is not installed");
        return;
    }
    let scratch = scratch();
    let package = r#"{"name":"demo","version":"1.0.0"}"#;
    let tree = Tree::from([
        ("package.json".to_owned(), Node::File(false, package.into())),
        (
            "pack.yaml".to_owned(),
            Node::File(false, b"ref: demo\n".to_vec()),
        ),
        ("actions".to_owned(), Node::Directory),
        (
            "actions/run.js".to_owned(),
            Node::File(false, b"1\n".to_vec()),
        ),
    ]);
    write_tree(&scratch.path().join("demo"), &tree);
    let out = scratch.path().join("out");
    shell(
        scratch.path(),
        "cd demo && npm pack --offline --silent && mv demo-1.0.0.tgz \"$OUT\"",
        &out,
    );
    let unpacked = unpack(
        &mut fs::File::open(&out).unwrap(),
        &scratch.path().join("destination"),
        &Limits::default(),
    );
    assert_eq!(tree_of(&unpacked.unwrap().root.join("package")), tree);
}

/// A small generator of numbers, so that every run damages the same bytes.
struct Dice(u64);

impl Dice {
    /// A number below `end`, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % end
    }
}

/// Damages bytes in one of five ways.
fn damage(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    let at = dice.below(bytes.len());
    let length = 1 + dice.below(1024.min(bytes.len() - at));
    match dice.below(5) {
        0 => damaged[at] ^= 1 << dice.below(8),
        1 => damaged.truncate(at),
        2 => {
            damaged.splice(at..at, bytes[at..at + length].to_vec());
        }
        3 => {
            let from = dice.below(other.len());
            damaged.splice(at..at + length, other[from..].iter().take(length).copied());
        }
        _ => {
            damaged.drain(at..at + length);
        }
    }
    damaged
}

/// Edits a field of a tar header and makes its checksum fit again.
fn edit_header(tar: &[u8], dice: &mut Dice) -> Vec<u8> {
    const FIELDS: [(usize, usize); 8] = [
        (0, 100),
        (100, 8),
        (124, 12),
        (136, 12),
        (156, 1),
        (157, 100),
        (257, 8),
        (345, 155),
    ];
    const VALUES: [&[u8]; 12] = [
        b"\0",
        b"/",
        b"..",
        b"../x",
        b"0",
        b"5",
        b"x",
        b"\x80",
        b"\xff\xff\xff\xff",
        b"77777777777",
        b"1",
        b"g",
    ];
    let mut tar = tar.to_vec();
    let headers: Vec<_> = (0..tar.len() / 512)
        .filter(|b| tar[b * 512..].starts_with(b"demo/"))
        .collect();
    if headers.is_empty() {
        return tar;
    }
    let header = headers[dice.below(headers.len())] * 512;
    let (field, length) = FIELDS[dice.below(FIELDS.len())];
    let value = VALUES[dice.below(VALUES.len())];
    let value = &value[..value.len().min(length)];
    let at = header + field + dice.below(length - value.len() + 1);
    tar[at..at + value.len()].copy_from_slice(value);
    tar[header + 148..header + 156].copy_from_slice(b"        ");
    let sum: u32 = tar[header..header + 512]
        .iter()
        .map(|b| u32::from(*b))
        .sum();
    tar[header + 148..header + 156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar
}

fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    // Damage under the gzip layer finds more than damage of it.
    if ArchiveKind::detect(bytes) != Some(ArchiveKind::TarGz) || dice.below(4) == 0 {
        return damage(bytes, other, dice);
    }
    let mut tar = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut tar).unwrap();
    let tar = if dice.below(2) == 0 {
        edit_header(&tar, dice)
    } else {
        damage(&tar, &tar, dice)
    };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&tar).unwrap();
    encoder.finish().unwrap()
}

/// Damage never panics, escapes, stays behind or takes long.
#[test]
fn damaged_archives_are_refused_or_whole() {
    let archives = archives(&sample());
    let scratch = scratch();
    let destination = scratch.path().join("destination");
    let mut dice = Dice(0x5eed_5eed_5eed_5eed);
    let (mut taken, mut slowest) = (0, Duration::ZERO);
    for round in 0..MUTATIONS {
        let (name, bytes) = &archives[round % archives.len()];
        let other = &archives[dice.below(archives.len())].1;
        let mutant = mutate(bytes, other, &mut dice);
        let start = Instant::now();
        let result = unpack(&mut Cursor::new(&mutant), &destination, &Limits::default());
        slowest = slowest.max(start.elapsed());
        let left: Vec<_> = fs::read_dir(scratch.path())
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        match result {
            Ok(unpacked) => {
                taken += 1;
                assert_eq!(left, ["destination"], "{name}, round {round}");
                let tree = tree_of(&unpacked.root);
                assert!(!tree.values().any(|n| matches!(n, Node::Other(_))));
                let files = tree
                    .values()
                    .filter(|n| matches!(n, Node::File(..)))
                    .count();
                assert_eq!(files, unpacked.summary.files, "{name}, round {round}");
                fs::remove_dir_all(&destination).unwrap();
            }
            Err(error) => {
                assert!(error.is_refusal(), "{name}, round {round}: {error:?}");
                assert!(left.is_empty(), "{name}, round {round}: {left:?}");
            }
        }
    }
    println!("{MUTATIONS} mutations, {taken} taken, slowest {slowest:?}");
    assert!(slowest < SLOWEST);
}
