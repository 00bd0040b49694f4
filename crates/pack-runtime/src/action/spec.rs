//! `ActionSpec`: what an action's file says about running it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pack_format::PackRef;
use pack_format::documents::Parameter;
use pack_format::fields::Fields;
use pack_format::limits::{MAX_COMPONENT_ENTRIES, MAX_METADATA_BYTES};
use pack_format::manifest::Manifest;
use pack_format::metadata_error::MetadataError;
use pack_format::schema::{self, Defaults};
use pack_format::yaml::Node;
use pack_fs::FsError;
use pack_fs::error::Context as _;

use super::ActionError;

/// Where action files are, in a pack.
const DIRECTORY: &str = "actions";

/// `pack.action`: which action of which pack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActionRef {
    /// The pack.
    pub pack_ref: PackRef,
    /// The name inside it.
    pub name: String,
}

impl fmt::Display for ActionRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pack_ref, self.name)
    }
}

impl std::str::FromStr for ActionRef {
    type Err = String;

    /// Splits at the first dot.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pack, name) = text.split_once('.').unwrap_or((text, ""));
        let pack_ref = pack.parse().map_err(|e| format!("{e}"))?;
        if name.is_empty() {
            return Err(format!(
                "`{text}` names no action; write pack and action, such as `core.echo`"
            ));
        }
        Ok(Self {
            pack_ref,
            name: name.to_owned(),
        })
    }
}

/// What starts an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// A script of a POSIX shell, or of what its first line names.
    Shell,
    /// Python, in the pack's environment if it has one.
    Python,
    /// Node.js, with the pack's modules if it has some.
    Node,
    /// An executable file.
    Native,
}

/// How parameters reach an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// On standard input.
    Stdin,
    /// One variable each, `ATTUNE_ACTION_<NAME>`.
    Environment,
    /// In a file that `ATTUNE_PARAMETER_FILE` names.
    File,
}

impl Delivery {
    /// As action files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdin => "stdin",
            Self::Environment => "env",
            Self::File => "file",
        }
    }
}

/// How parameters are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterFormat {
    /// One JSON object.
    Json,
    /// One `name='value'` line each.
    Dotenv,
    /// One YAML mapping.
    Yaml,
}

impl ParameterFormat {
    /// As action files write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Yaml => "yaml",
        }
    }
}

/// How the result on standard output is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// As it is.
    Text,
    /// One JSON value.
    Json,
    /// One YAML document.
    Yaml,
    /// One JSON value per line.
    Jsonl,
}

/// An action that can be run.
#[derive(Debug, Clone)]
pub struct ActionSpec {
    /// Its full name.
    pub action_ref: ActionRef,
    /// The file that says all this.
    pub file: PathBuf,
    /// What starts it.
    pub runner: Runner,
    /// The script, or program.
    pub entry_point: PathBuf,
    /// Its schema, in file order.
    pub parameters: Vec<Parameter>,
    /// Defaults of parameters, those of secrets among them.
    pub(super) defaults: Defaults,
    /// How parameters reach it.
    pub delivery: Delivery,
    /// How parameters are written.
    pub format: ParameterFormat,
    /// How its result is read.
    pub output: OutputFormat,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

impl ActionSpec {
    /// Finds an action in the pack at `directory`.
    ///
    /// # Errors
    /// [`ActionError`] if there is none of that name, it is off, or its file is wrong.
    pub fn find(directory: &Path, action_ref: &ActionRef) -> Result<Self, ActionError> {
        let mut known = Vec::new();
        for path in files(directory)? {
            let (name, root) = read(&path)?;
            let fields = Fields::of(&name, &root)?;
            let found = action_name(fields, &path, &action_ref.pack_ref)?;
            if found == action_ref.name {
                return Self::of(directory, action_ref, (&path, fields));
            }
            known.push(found);
        }
        if known.is_empty() {
            let path = directory.join("pack.yaml");
            let bytes = limited(&path)?;
            let manifest = Manifest::parse(&path.display().to_string(), &bytes)?;
            for member in manifest
                .inline
                .kind(DIRECTORY)
                .map_or(&[][..], Node::members)
            {
                if member.key == action_ref.name {
                    let name = path.display().to_string();
                    let fields = Fields::of(&name, &member.value)?;
                    return Self::of(directory, action_ref, (&path, fields));
                }
                known.push(member.key.clone());
            }
        }
        Err(ActionError::Unknown {
            action_ref: action_ref.clone(),
            known,
        })
    }

    fn of(
        directory: &Path,
        action_ref: &ActionRef,
        (file, fields): (&Path, Fields<'_>),
    ) -> Result<Self, ActionError> {
        if fields.string("workflow_file")?.is_some() {
            return Err(ActionError::Workflow {
                action_ref: action_ref.clone(),
            });
        }
        let enabled = fields.node().get("enabled").and_then(Node::as_bool);
        if enabled == Some(false) {
            return Err(ActionError::Disabled {
                action_ref: action_ref.clone(),
                file: file.to_owned(),
            });
        }
        let schema = fields.node().get("parameters");
        Ok(Self {
            action_ref: action_ref.clone(),
            file: file.to_owned(),
            runner: runner(fields)?,
            entry_point: entry_point(directory, fields)?,
            parameters: schema.map(schema::parameters).unwrap_or_default(),
            defaults: schema.map(Defaults::of).unwrap_or_default(),
            delivery: delivery(fields)?,
            format: format(fields)?,
            output: output(fields)?,
            timeout: timeout(fields)?,
        })
    }
}

/// Action files, the sorted ones that end as such files do.
fn files(directory: &Path) -> Result<Vec<PathBuf>, FsError> {
    let actions = directory.join(DIRECTORY);
    let entries = match std::fs::read_dir(&actions) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(FsError::new("list", &actions, e)),
    };
    let mut found = Vec::new();
    for entry in entries.take(MAX_COMPONENT_ENTRIES) {
        let path = entry.on("list", &actions)?.path();
        let extension = path.extension().and_then(|e| e.to_str());
        if matches!(extension, Some("yaml" | "yml")) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn limited(path: &Path) -> Result<Vec<u8>, FsError> {
    pack_fs::limited::read(path, MAX_METADATA_BYTES).on("read", path)
}

fn read(path: &Path) -> Result<(String, Node), ActionError> {
    let name = path.display().to_string();
    let root = Node::parse(&name, &limited(path)?)?;
    Ok((name, root))
}

/// `ref`, else `name`, else the file's stem, without the pack.
fn action_name(
    fields: Fields<'_>,
    path: &Path,
    pack_ref: &PackRef,
) -> Result<String, MetadataError> {
    let mut given = None;
    for key in ["ref", "name"] {
        if given.is_none() {
            given = fields.string(key)?.filter(|text| !text.is_empty());
        }
    }
    let stem = path
        .file_stem()
        .and_then(|s| s.to_str())
        .unwrap_or_default();
    let full = given.unwrap_or(stem);
    let prefix = format!("{pack_ref}.");
    Ok(full.strip_prefix(&prefix).unwrap_or(full).to_owned())
}

/// One of several words, or the first of them where nothing is said.
fn choice<T: Copy>(
    fields: Fields<'_>,
    name: &'static str,
    words: &[(&str, T)],
    default: T,
) -> Result<T, MetadataError> {
    let Some(text) = fields.string(name)? else {
        return Ok(default);
    };
    let found = words.iter().find(|(word, _)| *word == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        let line = fields.node().get(name).map_or(0, |node| node.line);
        let text = pack_format::text::printable(text);
        fields
            .error(
                name,
                line,
                format!("`{text}` is none of {}", known.join(", ")),
            )
            .with_hint("correct the action's file")
    })
}

fn runner(fields: Fields<'_>) -> Result<Runner, MetadataError> {
    let words = [
        ("shell", Runner::Shell),
        ("python", Runner::Python),
        ("nodejs", Runner::Node),
        ("native", Runner::Native),
        // What StackStorm calls them.
        ("local-shell-script", Runner::Shell),
        ("python-script", Runner::Python),
        ("node", Runner::Node),
    ];
    choice(fields, "runner_type", &words, Runner::Shell)
}

fn delivery(fields: Fields<'_>) -> Result<Delivery, MetadataError> {
    let words = [
        ("stdin", Delivery::Stdin),
        ("env", Delivery::Environment),
        ("environment", Delivery::Environment),
        ("file", Delivery::File),
    ];
    choice(fields, "parameter_delivery", &words, Delivery::Stdin)
}

fn format(fields: Fields<'_>) -> Result<ParameterFormat, MetadataError> {
    let words = [
        ("json", ParameterFormat::Json),
        ("dotenv", ParameterFormat::Dotenv),
        ("yaml", ParameterFormat::Yaml),
    ];
    choice(fields, "parameter_format", &words, ParameterFormat::Json)
}

fn output(fields: Fields<'_>) -> Result<OutputFormat, MetadataError> {
    let words = [
        ("text", OutputFormat::Text),
        ("json", OutputFormat::Json),
        ("yaml", OutputFormat::Yaml),
        ("jsonl", OutputFormat::Jsonl),
    ];
    choice(fields, "output_format", &words, OutputFormat::Text)
}

fn timeout(fields: Fields<'_>) -> Result<Option<Duration>, MetadataError> {
    let Some(node) = fields.node().get("timeout") else {
        return Ok(None);
    };
    let seconds = node.scalar().and_then(|s| s.text().parse::<f64>().ok());
    seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|limit| !limit.is_zero())
        .map(Some)
        .ok_or_else(|| {
            fields
                .error(
                    "timeout",
                    node.line,
                    "it is not a positive number of seconds",
                )
                .with_hint("write seconds, such as `timeout: 60`")
        })
}

/// The script, below `actions/` or else below the pack, and never outside of it.
fn entry_point(directory: &Path, fields: Fields<'_>) -> Result<PathBuf, ActionError> {
    let name = "entry_point";
    let line = fields
        .node()
        .get(name)
        .map_or(fields.node().line, |n| n.line);
    let Some(text) = fields.string(name)?.filter(|text| !text.is_empty()) else {
        let missing = fields.error(name, line, "the field is missing");
        return Err(missing
            .with_hint("name the script, relative to `actions/`")
            .into());
    };
    let shown = pack_format::text::printable(text);
    let relative = Path::new(text);
    let is_inside = (relative.components()).all(|part| {
        matches!(
            part,
            std::path::Component::Normal(_) | std::path::Component::CurDir
        )
    });
    if !is_inside || text.contains('\0') {
        let outside = fields.error(name, line, format!("`{shown}` leads out of the pack"));
        return Err(outside.with_hint("name a file of the pack").into());
    }
    let places = [
        directory.join(DIRECTORY).join(relative),
        directory.join(relative),
    ];
    let root = directory.canonicalize().on("look up", directory)?;
    for place in &places {
        // A link may lead anywhere; what it leads to is what counts.
        if let Ok(real) = place.canonicalize()
            && real.is_file()
            && real.starts_with(&root)
        {
            return Ok(real);
        }
    }
    let absent = fields.error(name, line, format!("there is no file `actions/{shown}`"));
    Err(absent
        .with_hint("name a file of the pack, relative to `actions/`")
        .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pack and a name, split at the first dot.
    #[test]
    fn action_refs_are_split_at_the_first_dot() {
        let parsed: ActionRef = "core.http.get".parse().unwrap();
        assert_eq!(
            (parsed.pack_ref.as_str(), parsed.name.as_str()),
            ("core", "http.get")
        );
        assert!(
            "core"
                .parse::<ActionRef>()
                .unwrap_err()
                .contains("names no action")
        );
        assert!("Core.x".parse::<ActionRef>().is_err());
    }

    /// Scripts are found below `actions/` and in the pack, and nowhere else, not even through a link.
    #[test]
    fn entry_points_stay_inside_the_pack() {
        let dir = tempfile::tempdir().unwrap();
        let pack = dir.path().join("pack");
        std::fs::create_dir_all(pack.join("actions")).unwrap();
        std::fs::write(pack.join("pack.yaml"), "ref: demo\nversion: 1.0.0\n").unwrap();
        std::fs::write(pack.join("tool.sh"), "").unwrap();
        std::fs::write(dir.path().join("outside.sh"), "").unwrap();
        std::os::unix::fs::symlink("../../outside.sh", pack.join("actions/link.sh")).unwrap();
        let find = |entry: &str| {
            std::fs::write(
                pack.join("actions/run.yaml"),
                format!("ref: demo.run\nentry_point: \"{entry}\"\n"),
            )
            .unwrap();
            ActionSpec::find(&pack, &"demo.run".parse().unwrap())
        };
        assert!(
            find("tool.sh")
                .unwrap()
                .entry_point
                .ends_with("pack/tool.sh")
        );
        for entry in ["../outside.sh", "/etc/passwd", "link.sh", "absent.sh", ""] {
            let error = find(entry).unwrap_err();
            assert!(
                matches!(error, ActionError::Metadata(_)),
                "{entry}: {error}"
            );
        }
    }
}
