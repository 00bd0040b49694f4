//! `Requirements`: what a `requirements.txt` asks for, read before pip reads it.
//!
//! SECURITY: a line can name another index, another file, a repository or a program to build. Whatever could come from
//! elsewhere than the operator's index, or run code while it is installed, is refused here unless the operator allows
//! it, and pip gets the checked lines only, from a file of ours.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::text::printable;
use pack_fs::error::Context as _;

use super::{Allowed, EnvironmentError, Refusal};

/// Most files that requirements may include, one another included.
const MAX_INCLUDED: usize = 64;

/// Stands for the pack's directory in checked lines: no line of a file holds it.
pub(super) const PACK: char = '\0';

/// The checked lines and files of a pack's Python requirements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// Lines for pip, with comments and included files resolved.
    pub(super) lines: Vec<String>,
    /// Lines of constraint files.
    pub(super) constraints: Vec<String>,
    /// Files of the pack that are installed or searched, relative to it, sorted.
    pub(super) local: BTreeSet<PathBuf>,
    /// Whether every requirement has a hash.
    pub(super) require_hashes: bool,
}

impl Requirements {
    /// Whether they name the index to use in place of the operator's, where that is allowed.
    pub(super) fn names_an_index(&self) -> bool {
        let names = ["--index-url", "-i", "--pypi-url"];
        (self.lines.iter()).any(|line| names.iter().any(|name| line.starts_with(name)))
    }
}

/// Options that say where packages come from.
const INDEX_OPTIONS: [&str; 7] = [
    "--index-url",
    "-i",
    "--pypi-url",
    "--extra-index-url",
    "--trusted-host",
    "--process-dependency-links",
    "--no-index",
];
/// Options that only narrow what pip may do.
const HARMLESS: [&str; 4] = [
    "--only-binary",
    "--prefer-binary",
    "--pre",
    "--require-hashes",
];

/// Reads the requirements of the pack at `pack`; nothing if it has none.
pub(super) fn read(
    pack: &Path,
    allowed: Allowed,
) -> Result<Option<Requirements>, EnvironmentError> {
    let name = Path::new("requirements.txt");
    if !pack_fs::is_file(&pack.join(name))? {
        return Ok(None);
    }
    let mut reader = Reader {
        pack,
        allowed,
        seen: BTreeSet::new(),
        found: Requirements::default(),
    };
    reader.file(name, Kind::Requirements)?;
    Ok(Some(reader.found))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Requirements,
    Constraints,
}

struct Reader<'a> {
    pack: &'a Path,
    allowed: Allowed,
    seen: BTreeSet<PathBuf>,
    found: Requirements,
}

/// One line, and where it stands.
struct Line<'a> {
    file: &'a Path,
    number: usize,
    text: &'a str,
}

impl Line<'_> {
    fn refused(&self, why: &str, key: Option<&'static str>) -> EnvironmentError {
        EnvironmentError::Refused(Box::new(Refusal {
            file: self.file.display().to_string(),
            line: Some(self.number),
            what: printable(self.text),
            why: why.to_owned(),
            setting: key,
        }))
    }
}

impl Reader<'_> {
    fn file(&mut self, path: &Path, kind: Kind) -> Result<(), EnvironmentError> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let full = self.pack.join(path);
        let bytes = pack_fs::limited::read(&full, MAX_METADATA_BYTES).on("read", &full)?;
        let too_long = bytes.len() > MAX_METADATA_BYTES || self.seen.len() > MAX_INCLUDED;
        let text = String::from_utf8(bytes).ok().filter(|_| !too_long);
        let Some(text) = text else {
            let line = Line {
                file: path,
                number: 1,
                text: "",
            };
            return Err(line.refused("it is too long, or not UTF-8", None));
        };
        for (number, text) in joined(&text) {
            let line = Line {
                file: path,
                number,
                text: &text,
            };
            self.line(&line, kind)?;
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>, kind: Kind) -> Result<(), EnvironmentError> {
        let text = line.text;
        if text.contains(PACK) {
            return Err(line.refused("it holds a NUL", None));
        }
        if text.contains("${") {
            return Err(line.refused("it would put a variable of the environment into it", None));
        }
        if text.starts_with('-') {
            return self.option(line);
        }
        // As pip splits it: options begin at the first word with a dash.
        let options = || text.split(' ').skip_while(|word| !word.starts_with('-'));
        if options().any(|word| word.starts_with('-') && !word.starts_with("--hash")) {
            return Err(line.refused("it gives options to a build", Some("allow_build_scripts")));
        }
        let requirement = options().next().map_or(text, |first| {
            text.split_once(&format!(" {first}"))
                .map_or(text, |(before, _)| before)
        });
        let requirement = requirement.trim();
        if is_path(requirement) {
            return self.local(line, requirement);
        }
        let names_a_place = requirement.contains("://") || requirement.contains(" @ ") || {
            let name_end =
                requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.[],".contains(c)));
            name_end.is_some_and(|end| requirement[end..].trim_start().starts_with('@'))
        };
        if names_a_place && !self.allowed.foreign_sources {
            let why = "it comes from a place of its own, not from the configured index";
            return Err(line.refused(why, Some("allow_foreign_sources")));
        }
        match kind {
            Kind::Requirements => self.found.lines.push(text.to_owned()),
            Kind::Constraints => self.found.constraints.push(text.to_owned()),
        }
        Ok(())
    }

    fn option(&mut self, line: &Line<'_>) -> Result<(), EnvironmentError> {
        let text = line.text;
        let end = text.find([' ', '=', '\t']).unwrap_or(text.len());
        let (mut name, mut value) = (
            &text[..end],
            text[end..].trim_start_matches([' ', '=', '\t']).trim(),
        );
        // `-rfile` is as good as `-r file`.
        if !name.starts_with("--") && name.len() > 2 && name.is_char_boundary(2) {
            value = text[2..].trim();
            name = &text[..2];
        }
        match name {
            "-r" | "--requirement" => {
                let path = self.inside(line, value)?;
                self.file(&path, Kind::Requirements)
            }
            "-c" | "--constraint" => {
                let path = self.inside(line, value)?;
                self.file(&path, Kind::Constraints)
            }
            "-f" | "--find-links" => self.local_links(line, value),
            "-e" | "--editable" => {
                Err(line.refused("it would be built from source where it lies", None))
            }
            "--no-binary" if !self.allowed.build_scripts => Err(line.refused(
                "it would be built from source, which runs its code",
                Some("allow_build_scripts"),
            )),
            "--require-hashes" => {
                self.found.require_hashes = true;
                Ok(())
            }
            // What is installed is binary anyway, and a line such as `:none:` would undo that.
            "--only-binary" if !self.allowed.build_scripts => Ok(()),
            "--only-binary" | "--no-binary" => {
                self.found.lines.push(text.to_owned());
                Ok(())
            }
            _ if HARMLESS.contains(&name) => {
                self.found.lines.push(text.to_owned());
                Ok(())
            }
            _ if INDEX_OPTIONS.contains(&name) && self.allowed.foreign_sources => {
                self.found.lines.push(text.to_owned());
                Ok(())
            }
            _ if INDEX_OPTIONS.contains(&name) => Err(line.refused(
                "which index packages come from is for the operator to say",
                Some("allow_foreign_sources"),
            )),
            _ => Err(line.refused("this option is not known to be safe", None)),
        }
    }

    /// A folder of archives in the pack.
    fn local_links(&mut self, line: &Line<'_>, value: &str) -> Result<(), EnvironmentError> {
        if value.contains("://") && self.allowed.foreign_sources {
            self.found.lines.push(line.text.to_owned());
            return Ok(());
        }
        let path = self.inside(line, value)?;
        self.found
            .lines
            .push(format!("--find-links {PACK}/{}", path.display()));
        self.found.local.insert(path);
        Ok(())
    }

    /// A wheel of the pack. Directories and source archives are built, which runs their code.
    fn local(&mut self, line: &Line<'_>, requirement: &str) -> Result<(), EnvironmentError> {
        let (path, rest) = requirement.split_once(' ').unwrap_or((requirement, ""));
        let path = path.strip_prefix("file:").unwrap_or(path);
        let is_wheel = Path::new(path)
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("whl"));
        if !is_wheel && !self.allowed.build_scripts {
            let why = "it is built from source, which runs its code";
            return Err(line.refused(why, Some("allow_build_scripts")));
        }
        let path = self.inside(line, path)?;
        let text = format!("{PACK}/{} {rest}", path.display());
        self.found.lines.push(text.trim_end().to_owned());
        self.found.local.insert(path);
        Ok(())
    }

    /// A path of the pack, relative to the file that names it.
    fn inside(&self, line: &Line<'_>, value: &str) -> Result<PathBuf, EnvironmentError> {
        let outside = || line.refused("it leads out of the pack", None);
        if value.contains("://") {
            return Err(line.refused(
                "it comes from a place of its own, not from the configured index",
                Some("allow_foreign_sources"),
            ));
        }
        let mut path = line.file.parent().map(Path::to_owned).unwrap_or_default();
        for part in Path::new(value).components() {
            match part {
                Component::Normal(name) => path.push(name),
                Component::CurDir => {}
                Component::ParentDir if path.pop() => {}
                _ => return Err(outside()),
            }
        }
        let full = self.pack.join(&path);
        let root = self.pack.canonicalize().on("look up", self.pack)?;
        let real = full.canonicalize().on("look up", &full)?;
        if real.starts_with(&root) {
            Ok(path)
        } else {
            Err(outside())
        }
    }
}

fn is_path(requirement: &str) -> bool {
    let first = requirement.split([' ', ';']).next().unwrap_or_default();
    let ending = [".whl", ".tar.gz", ".zip", ".tgz", ".tar.bz2"];
    first.starts_with("file:")
        || first.starts_with(['.', '/', '~'])
        || (!first.contains("://") && (first.contains('/') || first.contains('\\')))
        || ending
            .iter()
            .any(|e| first.to_ascii_lowercase().ends_with(e))
            && !first.contains("://")
}

/// Lines with their numbers: continued ones joined, comments and empty ones left out.
fn joined(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let (number, mut whole) = open.take().unwrap_or((index + 1, String::new()));
        whole.push_str(line);
        if whole.ends_with('\\') {
            whole.pop();
            open = Some((number, whole));
            continue;
        }
        lines.push((number, whole));
    }
    lines.extend(open);
    let without_comment = |line: String| {
        let line = line.replace(['\t', '\u{b}', '\u{c}', '\r'], " ");
        let end = if line.trim_start().starts_with('#') {
            Some(0)
        } else {
            line.find(" #")
        };
        line[..end.unwrap_or(line.len())].trim().to_owned()
    };
    (lines
        .into_iter()
        .map(|(number, line)| (number, without_comment(line))))
    .filter(|(_, line)| !line.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join("pack").join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        std::fs::write(dir.path().join("outside.txt"), "evil\n").unwrap();
        dir
    }

    fn read_line(line: &str, allowed: Allowed) -> Result<Requirements, EnvironmentError> {
        let dir = pack(&[
            ("requirements.txt", line),
            ("more.txt", "six==1.0 # needed\n"),
            ("wheels/a-1-py3-none-any.whl", ""),
            ("src/setup.py", ""),
        ]);
        read(&dir.path().join("pack"), allowed).map(Option::unwrap)
    }

    /// Plain requirements, hashes, markers, included files and wheels of the pack pass.
    #[test]
    fn harmless_lines_pass() {
        let text = "# head\nrequests[socks] >= 2 ; python_version > '3' \\\n  --hash=sha256:ab\n-r more.txt\n-cmore.txt\n./wheels/a-1-py3-none-any.whl\n--find-links=wheels\n--only-binary :all:\n";
        let read = read_line(text, Allowed::default()).unwrap();
        assert_eq!(
            read.lines[0],
            "requests[socks] >= 2 ; python_version > '3'   --hash=sha256:ab"
        );
        assert_eq!(read.lines[1], "six==1.0");
        assert_eq!(read.lines[2], "\0/wheels/a-1-py3-none-any.whl");
        assert_eq!(read.lines[3], "--find-links \0/wheels");
        let local: Vec<_> = read.local.iter().map(|p| p.display().to_string()).collect();
        assert_eq!(local, ["wheels", "wheels/a-1-py3-none-any.whl"]);
    }

    /// Whatever leads elsewhere or runs code is refused, and the operator may allow some of it.
    #[test]
    fn lines_that_lead_elsewhere_are_refused() {
        let everything = Allowed {
            foreign_sources: true,
            build_scripts: true,
        };
        let rows = [
            ("--index-url https://evil.example/simple", true),
            ("-i https://evil.example/simple", true),
            ("-ihttps://evil.example/simple", true),
            ("--extra-index-url=https://evil.example/simple", true),
            ("--trusted-host evil.example", true),
            ("--find-links https://evil.example/", true),
            ("x @ https://evil.example/x.whl", true),
            ("x@https://evil.example/x.whl", true),
            ("git+https://evil.example/x.git", true),
            ("https://evil.example/x.tar.gz", true),
            ("./src", true),
            ("--no-binary :all:", true),
            ("x --config-settings a=b", false),
            ("x\t-Ca=b", false),
            ("-e ./src", false),
            ("-r ../outside.txt", false),
            ("-r /etc/passwd", false),
            ("-c https://evil.example/c.txt", false),
            ("--find-links ..", false),
            ("x==${ATTUNE_TOKEN}", false),
            ("--use-feature x", false),
        ];
        for (line, can_be_allowed) in rows {
            let error = read_line(line, Allowed::default()).unwrap_err();
            assert!(
                matches!(error, EnvironmentError::Refused(_)),
                "{line}: {error}"
            );
            assert!(
                error.to_string().contains("`requirements.txt`, line 1"),
                "{error}"
            );
            assert_eq!(
                read_line(line, everything).is_ok(),
                can_be_allowed,
                "{line}"
            );
        }
    }
}
