//! `NewPack`: the files of a pack that somebody begins, from `templates/pack/`.
//!
//! Templates hold `@name@` where the author's words go: `@name@` as they are, `@yaml:name@` as a quoted
//! scalar. What results passes `pack check --strict` and its own tests.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use pack_check::schema::SchemaKind;
use pack_format::{Hint, PackRef, Version};
use pack_fs::FsError;

/// What runs the action of a new pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewPackRunner {
    /// Python 3, tests by unittest.
    Python,
    /// A POSIX shell.
    Shell,
    /// Node.js.
    Nodejs,
}

/// A component besides the action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NewComponent {
    /// What watches for events, and the trigger it fires.
    Sensor,
    /// An event.
    Trigger,
    /// Which trigger runs the action, and the trigger.
    Rule,
    /// An action made of tasks.
    Workflow,
}

/// A pack that is begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPack {
    /// Its ref.
    pub pack_ref: PackRef,
    /// Name people see.
    pub label: String,
    /// One or two sentences.
    pub description: String,
    /// First version.
    pub version: Version,
    /// Who writes it.
    pub author: String,
    /// How to reach them.
    pub email: Option<String>,
    /// SPDX expression.
    pub license: String,
    /// Source repository.
    pub repository: Option<String>,
    /// What runs its action.
    pub runner: NewPackRunner,
    /// What it has besides the action.
    pub components: BTreeSet<NewComponent>,
}

/// A file of a new pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    /// Relative to the pack, `/` between names.
    pub path: &'static str,
    /// Whether it may be executed.
    pub executable: bool,
    /// Its text.
    pub text: String,
}

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NewPackError {
    /// Somebody's files are there.
    #[error("`{}` is not empty: it holds `{found}`", directory.display())]
    NotEmpty {
        /// The directory.
        directory: PathBuf,
        /// One of its entries.
        found: String,
    },
    /// The file system refused.
    #[error(transparent)]
    File(#[from] FsError),
}

impl Hint for NewPackError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NotEmpty { .. } => Some("name a directory that is empty or not there".to_owned()),
            Self::File(error) => error.hint(),
        }
    }
}

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../templates/pack/", $path))
    };
}

/// Text of the licence that packs get unless their author names another one.
const APACHE: &str = include_str!("../../LICENSE");
/// Its SPDX expression.
pub const DEFAULT_LICENSE: &str = "Apache-2.0";

/// What editors are told to check files against; made again with `pack schema --out .schema`.
const SCHEMAS: [(&str, SchemaKind); 6] = [
    (".schema/pack.json", SchemaKind::Pack),
    (".schema/action.json", SchemaKind::Action),
    (".schema/sensor.json", SchemaKind::Sensor),
    (".schema/trigger.json", SchemaKind::Trigger),
    (".schema/rule.json", SchemaKind::Rule),
    (".schema/workflow.json", SchemaKind::Workflow),
];

/// A path in the pack, whether it is executable, and its template.
type Template = (&'static str, bool, &'static str);

impl NewPackRunner {
    fn templates(self) -> [Template; 3] {
        match self {
            Self::Python => [
                ("actions/hello.yaml", false, template!("python/hello.yaml")),
                ("actions/hello.py", true, template!("python/hello.py")),
                (
                    "tests/test_hello.py",
                    false,
                    template!("python/test_hello.py"),
                ),
            ],
            Self::Shell => [
                ("actions/hello.yaml", false, template!("shell/hello.yaml")),
                ("actions/hello.sh", true, template!("shell/hello.sh")),
                ("tests/run.sh", true, template!("shell/run.sh")),
            ],
            Self::Nodejs => [
                ("actions/hello.yaml", false, template!("nodejs/hello.yaml")),
                ("actions/hello.js", true, template!("nodejs/hello.js")),
                ("tests/run.sh", true, template!("nodejs/run.sh")),
            ],
        }
    }

    /// Words of the manifest that depend on the runner: name, runtime, kind and entry of the tests.
    fn words(self) -> [(&'static str, &'static str); 4] {
        let [runner, runtime, kind, entry] = match self {
            Self::Python => [
                "python",
                "\"python3>=3.9\"",
                "unittest",
                "tests/test_hello.py",
            ],
            Self::Shell => ["shell", "\"shell\"", "script", "tests/run.sh"],
            Self::Nodejs => ["nodejs", "\"nodejs>=18\"", "script", "tests/run.sh"],
        };
        [
            ("runner", runner),
            ("runtime", runtime),
            ("test_type", kind),
            ("test_entry", entry),
        ]
    }
}

/// The command that runs the tests of a new pack, in its directory.
pub const TEST_COMMAND: &str = "attune pack test";

impl NewPack {
    /// Its files, in byte order of their paths.
    pub fn files(&self) -> Vec<NewFile> {
        let mut templates: Vec<Template> = vec![
            ("pack.yaml", false, template!("pack.yaml")),
            ("README.md", false, template!("README.md")),
            ("CHANGELOG.md", false, template!("CHANGELOG.md")),
            (".gitignore", false, template!("gitignore")),
        ];
        templates.extend(self.runner.templates());
        let has = |component| self.components.contains(&component);
        let (sensor, rule) = (has(NewComponent::Sensor), has(NewComponent::Rule));
        if sensor || rule || has(NewComponent::Trigger) {
            let text = template!("components/trigger.yaml");
            templates.push(("triggers/ticked.yaml", false, text));
        }
        if sensor {
            let text = template!("components/sensor.yaml");
            templates.push(("sensors/clock.yaml", false, text));
            templates.push(("sensors/clock.sh", true, template!("components/clock.sh")));
        }
        if rule {
            let text = template!("components/rule.yaml");
            templates.push(("rules/hello_on_tick.yaml", false, text));
        }
        if has(NewComponent::Workflow) {
            let text = template!("components/workflow.yaml");
            templates.push(("workflows/hello_twice.yaml", false, text));
        }
        let words = self.words();
        let mut files: Vec<NewFile> = templates
            .into_iter()
            .map(|(path, executable, template)| NewFile {
                path,
                executable,
                text: filled(template, &words),
            })
            .collect();
        files.extend(SCHEMAS.map(|(path, kind)| NewFile {
            path,
            executable: false,
            text: kind.text(),
        }));
        files.push(NewFile {
            path: "LICENSE",
            executable: false,
            text: if self.license == DEFAULT_LICENSE {
                APACHE.to_owned()
            } else {
                filled(template!("licence.txt"), &words)
            },
        });
        files.sort_by_key(|file| file.path);
        files
    }

    fn words(&self) -> Vec<(String, String)> {
        let line = |name: &str, value: &Option<String>| {
            value
                .as_ref()
                .map_or_else(String::new, |value| format!("{name}: {}\n", quoted(value)))
        };
        let texts = [
            ("label", &self.label),
            ("description", &self.description),
            ("version", &self.version.to_string()),
            ("author", &self.author),
            ("license", &self.license),
        ];
        let mut words: Vec<(String, String)> = texts
            .into_iter()
            .flat_map(|(name, text)| {
                [
                    (format!("@yaml:{name}@"), quoted(text)),
                    (format!("@{name}@"), text.clone()),
                ]
            })
            .collect();
        words.push(("@ref@".to_owned(), self.pack_ref.to_string()));
        words.push(("@email@".to_owned(), line("email", &self.email)));
        let repository = line("repository", &self.repository);
        words.push(("@repository@".to_owned(), repository));
        let of_runner = self.runner.words();
        words.extend(of_runner.map(|(name, text)| (format!("@{name}@"), text.to_owned())));
        words
    }

    /// Writes the files into `directory`, which is empty or not there; returns their paths.
    ///
    /// # Errors
    /// [`NewPackError`]; then nothing is there that was not there before.
    pub fn write(&self, directory: &Path) -> Result<Vec<&'static str>, NewPackError> {
        let made = !directory.exists();
        refuse_content(directory)?;
        let files = self.files();
        let written = files.iter().try_for_each(|file| put(directory, file));
        if let Err(error) = written {
            // It was empty: all that is there is ours.
            let undo = if made {
                fs::remove_dir_all(directory)
            } else {
                clear(directory)
            };
            drop(undo);
            return Err(error.into());
        }
        Ok(files.iter().map(|file| file.path).collect())
    }
}

/// A text as a YAML scalar: JSON strings are YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The template with the words in their places; words are not looked into.
fn filled(template: &str, words: &[(String, String)]) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('@') {
        let (before, from) = rest.split_at(at);
        text.push_str(before);
        let word = words
            .iter()
            .find(|(name, _)| from.starts_with(name.as_str()));
        if let Some((name, value)) = word {
            text.push_str(value);
            rest = from.get(name.len()..).unwrap_or_default();
        } else {
            text.push('@');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    text.push_str(rest);
    text
}

fn refuse_content(directory: &Path) -> Result<(), NewPackError> {
    let mut entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(FsError::new("list", directory, e).into()),
    };
    // A fresh repository is as good as empty.
    let found = entries.find_map(|entry| {
        let name = entry.ok()?.file_name();
        (name != ".git").then_some(name)
    });
    found.map_or(Ok(()), |found| {
        Err(NewPackError::NotEmpty {
            directory: directory.to_owned(),
            found: pack_format::text::printable(&found.to_string_lossy()),
        })
    })
}

fn put(directory: &Path, file: &NewFile) -> Result<(), FsError> {
    let path = directory.join(file.path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|e| FsError::new("make", parent, e))?;
    }
    let mode = if file.executable { 0o755 } else { 0o644 };
    let mut opened = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .map_err(|e| FsError::new("make", &path, e))?;
    io::Write::write_all(&mut opened, file.text.as_bytes())
        .map_err(|e| FsError::new("write", &path, e))
}

fn clear(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name() == ".git" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words are put in once; what looks like a marker and is none stays.
    #[test]
    fn templates_are_filled_once() {
        let words = [
            ("@yaml:a@".to_owned(), "\"@b@\"".to_owned()),
            ("@a@".to_owned(), "@b@".to_owned()),
            ("@b@".to_owned(), "x".to_owned()),
        ];
        assert_eq!(
            filled("@a@ @yaml:a@ me@b@c.org @", &words),
            "@b@ \"@b@\" mexc.org @"
        );
    }
}
