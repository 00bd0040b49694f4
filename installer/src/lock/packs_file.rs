//! `PacksFile`: `packs.yaml`, the packs that are wanted.
//!
//! ```yaml
//! update: minor              # of every pack that says nothing else
//! packs:
//!   core: "*"
//!   slack: "^2.1"
//!   monitoring: {version: ">=1.0,<3.0", update: patch}
//!   chat: {git: "https://example.org/chat.git", ref: main, subdir: packs/chat}
//!   wiki: {archive: "https://example.org/wiki-2.0.0.tar.gz"}
//!   mine: {path: ../mine}
//! ```
//! Paths are seen from the file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use pack_format::documents::PackDependency;
use pack_format::fields::Fields;
use pack_format::git_ref::GitRefError;
use pack_format::metadata_error::MetadataError;
use pack_format::yaml::Node;
use pack_format::{Constraint, Hint as _, PackRef, Version};
use serde::Serialize;

use super::wanted_source::Spelled;
use crate::source::Source;

/// How the file is written.
const SPELLING: &str = "write each pack with its versions: `packs: {slack: \"^2.1\", core: \"*\"}`";
/// Members that name a source.
const KINDS: [&str; 3] = ["git", "archive", "path"];

/// The packs that are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PacksFile {
    /// By ref, sorted.
    pub packs: BTreeMap<PackRef, WantedPack>,
    /// How far packs move that say nothing else.
    pub update: Option<UpdatePolicy>,
}

/// One wanted pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedPack {
    /// Which versions will do.
    pub constraint: Constraint,
    /// How far an update may move it.
    pub update: Option<UpdatePolicy>,
    /// Where it comes from, when not from a registry.
    pub source: Option<Source>,
}

/// How a file's sources are read.
#[derive(Debug, Clone, Copy)]
pub struct SourceRules<'a> {
    /// Where the file lies, absolute.
    pub directory: &'a Path,
    /// Plain http beyond this machine.
    pub allow_http: bool,
}

/// How far an update may move a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum UpdatePolicy {
    /// Not at all.
    None,
    /// To versions with the same first two numbers.
    Patch,
    /// To versions that do not break users, as `^` means it.
    Minor,
    /// To any later version.
    Major,
}

impl UpdatePolicy {
    /// The versions a pack may move to from `version`, which is one of them.
    pub fn constraint(self, version: &Version) -> Constraint {
        let text = match self {
            Self::None => return Constraint::exactly(version),
            Self::Patch => format!("~{version}"),
            Self::Minor => format!("^{version}"),
            Self::Major => format!(">={version}"),
        };
        text.parse()
            .unwrap_or_else(|_| Constraint::exactly(version))
    }
}

impl FromStr for UpdatePolicy {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Ok(match text {
            "none" => Self::None,
            "patch" => Self::Patch,
            "minor" => Self::Minor,
            "major" => Self::Major,
            _ => return Err(()),
        })
    }
}

impl fmt::Display for UpdatePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Patch => "patch",
            Self::Minor => "minor",
            Self::Major => "major",
        })
    }
}

impl PacksFile {
    /// Parses the bytes of `packs.yaml`; `file` names it in errors. Paths are looked at, the network is not.
    ///
    /// # Errors
    /// [`MetadataError`] with file, line and field. A field this program does not know is one too: a range
    /// that is passed over would install something else.
    pub fn parse(file: &str, bytes: &[u8], rules: SourceRules<'_>) -> Result<Self, MetadataError> {
        let root = Node::parse(file, bytes)?;
        let fields = Fields::of(file, &root)?;
        known(fields, &["packs", "update"])?;
        let Some(node) = root.get_even_null("packs") else {
            return Err(MetadataError::new(file, None, "the field is missing")
                .in_field("packs")
                .with_hint(SPELLING));
        };
        let inner = Fields::of(file, node).map_err(|e| e.in_field("packs").with_hint(SPELLING))?;
        let mut packs = BTreeMap::new();
        for member in node.members() {
            let (key, line) = (&member.key, member.line);
            let pack_ref: PackRef =
                key.parse()
                    .map_err(|e: pack_format::pack_ref::PackRefError| {
                        inner.error(key, line, e.to_string()).in_field("packs")
                    })?;
            let wanted = wanted(file, inner, (key, &member.value), rules);
            let wanted = wanted.map_err(|e| e.in_field("packs"))?;
            packs.insert(pack_ref, wanted);
        }
        Ok(Self {
            packs,
            update: policy(fields)?,
        })
    }

    /// What registries are asked for.
    pub fn roots(&self) -> Vec<PackDependency> {
        (self.wanted())
            .filter(|(_, source)| source.is_none())
            .map(|(wanted, _)| wanted)
            .collect()
    }

    /// Everything that is wanted, with its source where that is no registry.
    pub(super) fn wanted(&self) -> impl Iterator<Item = (PackDependency, Option<&Source>)> {
        self.packs.iter().map(|(pack_ref, wanted)| {
            let dependency = PackDependency {
                pack_ref: pack_ref.clone(),
                constraint: wanted.constraint.clone(),
            };
            (dependency, wanted.source.as_ref())
        })
    }
}

/// `"^2.1"`, nothing at all, or `{version, update}` and a source.
fn wanted(
    file: &str,
    packs: Fields<'_>,
    (key, node): (&str, &Node),
    rules: SourceRules<'_>,
) -> Result<WantedPack, MetadataError> {
    if !node.is_mapping() {
        return Ok(WantedPack {
            constraint: constraint(packs, key)?,
            update: None,
            source: None,
        });
    }
    let fields = Fields::of(file, node)?;
    let read = || -> Result<WantedPack, MetadataError> {
        known(
            fields,
            &[
                "version", "update", "git", "ref", "subdir", "archive", "path",
            ],
        )?;
        Ok(WantedPack {
            constraint: constraint(fields, "version")?,
            update: policy(fields)?,
            source: source(fields, rules)?,
        })
    };
    read().map_err(|e| e.in_field(key))
}

/// `git` with `ref` and `subdir`, `archive`, or `path`.
fn source(fields: Fields<'_>, rules: SourceRules<'_>) -> Result<Option<Source>, MetadataError> {
    let Some((kind, node)) = fields.first_present(&KINDS) else {
        return Ok(None);
    };
    let beside: &[&str] = if kind == "git" {
        &["archive", "path", "update"]
    } else {
        &["git", "archive", "path", "ref", "subdir", "update"]
    };
    let strange = (fields.node().members().iter())
        .find(|member| member.key != kind && beside.contains(&member.key.as_str()));
    if let Some(member) = strange {
        let reason = format!("it says nothing beside `{kind}`");
        return Err(fields.error(&member.key, member.line, reason));
    }
    let git_ref = fields.string("ref")?.map(str::parse).transpose();
    let spelled = Spelled {
        kind,
        place: fields.expect_string(kind, node)?,
        git_ref: git_ref.map_err(|e: GitRefError| fields.error("ref", node.line, e.to_string()))?,
        subdir: fields.string("subdir")?.map(str::to_owned),
    };
    let source = spelled.source((rules.directory, rules.allow_http));
    source.map(Some).map_err(|e| {
        let error = fields.error(kind, node.line, e.to_string());
        error.with_hint(e.hint().unwrap_or_default())
    })
}

fn constraint(fields: Fields<'_>, name: &str) -> Result<Constraint, MetadataError> {
    let Some(node) = fields.node().get(name) else {
        return Ok(Constraint::any());
    };
    let text = fields.expect_string(name, node)?;
    if text == "latest" {
        return Ok(Constraint::any());
    }
    text.parse()
        .map_err(|e: pack_format::version::ConstraintError| {
            let error = fields.error(name, node.line, e.to_string());
            error.with_hint(e.hint().unwrap_or_default())
        })
}

fn policy(fields: Fields<'_>) -> Result<Option<UpdatePolicy>, MetadataError> {
    const NAME: &str = "update";
    let Some(node) = fields.node().get(NAME) else {
        return Ok(None);
    };
    let text = fields.expect_string(NAME, node)?;
    text.parse().map(Some).map_err(|()| {
        let shown = pack_format::text::printable(text);
        let reason = format!("`{shown}` is none of `none`, `patch`, `minor` and `major`");
        fields.error(NAME, node.line, reason)
    })
}

fn known(fields: Fields<'_>, names: &[&str]) -> Result<(), MetadataError> {
    let mut members = fields.node().members().iter();
    let Some(member) = members.find(|member| !names.contains(&member.key.as_str())) else {
        return Ok(());
    };
    Err(fields
        .error(&member.key, member.line, "there is no such field")
        .with_hint(format!("the fields are `{}`", names.join("`, `"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PacksFile, MetadataError> {
        let rules = SourceRules {
            directory: Path::new("/nowhere"),
            allow_http: false,
        };
        PacksFile::parse("packs.yaml", text.as_bytes(), rules)
    }

    /// Every form of a pack, and every error with its place.
    #[test]
    fn packs_file_is_read_strictly() {
        let text = "update: patch\npacks:\n  core:\n  slack: \"^2.1\"\n  aws: {version: \">=1,<3\", update: none}\n";
        let file = parse(text).unwrap();
        let roots: Vec<String> = file.roots().iter().map(ToString::to_string).collect();
        assert_eq!(roots, ["aws@>=1,<3", "core", "slack@^2.1"]);
        assert_eq!(file.update, Some(UpdatePolicy::Patch));
        assert_eq!(file.packs["aws"].update, Some(UpdatePolicy::None));
        let rows = [
            (
                "packs:\n  slack: 2.1\n",
                "line 2, field `packs.slack`: `2.1` is a number, not a string",
            ),
            (
                "packs:\n  slack: \"1.x\"\n",
                "line 2, field `packs.slack`: `1.x` is not a version constraint",
            ),
            ("packs:\n  Slack: \"*\"\n", "line 2, field `packs.Slack`"),
            (
                "packs:\n  a: {versoin: \"1\"}\n",
                "line 2, field `packs.a.versoin`: there is no such field",
            ),
            (
                "packs: {}\nupdate: weekly\n",
                "line 2, field `update`: `weekly` is none of",
            ),
            (
                "packs:\n  a: {git: \"https://e.org/a.git\", path: x}\n",
                "field `packs.a.path`: it says nothing beside `git`",
            ),
            (
                "packs:\n  a: {path: x, ref: main}\n",
                "field `packs.a.ref`: it says nothing beside `path`",
            ),
            (
                "packs:\n  a: {git: \"https://e.org/a.git\", ref: -x}\n",
                "line 2, field `packs.a.ref`: `-x` is not a git ref",
            ),
            (
                "packs:\n  a: {git: \"http://e.org/a.git\"}\n",
                "line 2, field `packs.a.git`: git URL `http://e.org/a.git` is refused",
            ),
            (
                "packs:\n  a: {archive: \"https://e.org/a.git\"}\n",
                "field `packs.a.archive`: `https://e.org/a.git` is a git repository",
            ),
            (
                "packs:\n  a: {path: x}\n",
                "field `packs.a.path`: there is nothing at `/nowhere/x`",
            ),
            (
                "packs:\n  a: {git: x}\n",
                "field `packs.a.git`: there is nothing at `/nowhere/x`",
            ),
            ("packs: [slack]\n", "field `packs`"),
            ("update: minor\n", "field `packs`: the field is missing"),
        ];
        for (text, part) in rows {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
    }

    /// Whoever writes the packs in another form is told the one they have.
    #[test]
    fn other_forms_of_packs_have_a_hint() {
        for text in ["packs: [slack]\n", "packs: slack\n", "update: minor\n"] {
            let hint = parse(text).unwrap_err().hint().unwrap_or_default();
            assert!(hint.contains("packs: {slack: "), "{text}: {hint}");
        }
    }
}
