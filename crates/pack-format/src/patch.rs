//! `MetadataPatch`: a correction of what an author published about a version, without a new archive.
//!
//! A patch is a note in the version's record. It names a field, what stood there `from`, and what stands there now,
//! `to`; the field itself holds `to`, so that clients need to know nothing of patches. `from` is what makes a note
//! safe to keep: whoever makes the record anew applies it again, and where the author says something else by then,
//! nobody guesses.
//!
//! Only what people read and what resolution asks for can be patched. What names bytes cannot: ref, version, digests,
//! and `repository`, which says to whom a ref belongs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::documents::{PackDependency, VersionDocument};
use crate::entry::Dependencies;
use crate::hint::Hint;
use crate::index::is_web_url;
use crate::text::printable;
use crate::time::Timestamp;
use crate::version::Constraint;

/// A correction of one field of a version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetadataPatch {
    /// Name of the field, one of [`PatchField::ALL`].
    pub field: String,
    /// What the author said: a text, or a list of texts; absent where that was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What the field says now; absent where that is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
    /// Why, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// A field that can be patched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the field of its name")]
pub enum PatchField {
    Label,
    Description,
    UseCase,
    Author,
    Email,
    License,
    Homepage,
    Keywords,
    RuntimeDeps,
    Python,
    Nodejs,
    AttuneVersion,
    PythonVersion,
    NodejsVersion,
    Packs,
}

/// Why a patch is refused; words that follow the name of the version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatchError {
    /// No field of that name can be patched.
    #[error("the field `{}` cannot be patched", printable(.0))]
    Field(String),
    /// The field cannot hold that.
    #[error("`{field}`: {reason}")]
    Value {
        /// The field.
        field: &'static str,
        /// What is wrong with the value.
        reason: String,
    },
    /// The field does not say what the patch corrects.
    #[error(
        "`{field}` does not say what the patch corrects\n  expected  {expected}\n  found     {found}"
    )]
    DoesNotHold {
        /// The field.
        field: &'static str,
        /// `from` of the patch.
        expected: String,
        /// What is there.
        found: String,
    },
    /// There is no patch to take back.
    #[error("`{0}` is not patched")]
    NotPatched(&'static str),
}

impl Hint for PatchError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Field(_) => {
                let names: Vec<&str> = PatchField::ALL.iter().map(|f| f.name()).collect();
                format!(
                    "name one of {}; bytes, versions and refs are never patched, they need a new version",
                    names.join(", ")
                )
            }
            Self::Value { .. } => "write what a `pack.yaml` could say there".to_owned(),
            Self::DoesNotHold { .. } => {
                "look at what the version says now, and correct or remove the patch".to_owned()
            }
            Self::NotPatched(_) => "`patches` in the document of the pack lists what is".to_owned(),
        })
    }
}

impl std::str::FromStr for PatchField {
    type Err = PatchError;

    fn from_str(name: &str) -> Result<Self, PatchError> {
        let found = Self::ALL.into_iter().find(|field| field.name() == name);
        found.ok_or_else(|| PatchError::Field(name.to_owned()))
    }
}

impl PatchField {
    /// Every field, in the order notes stand in.
    pub const ALL: [Self; 15] = [
        Self::Label,
        Self::Description,
        Self::UseCase,
        Self::Author,
        Self::Email,
        Self::License,
        Self::Homepage,
        Self::Keywords,
        Self::RuntimeDeps,
        Self::Python,
        Self::Nodejs,
        Self::AttuneVersion,
        Self::PythonVersion,
        Self::NodejsVersion,
        Self::Packs,
    ];

    /// Its name, with the member it lies in.
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Description => "description",
            Self::UseCase => "use_case",
            Self::Author => "author",
            Self::Email => "email",
            Self::License => "license",
            Self::Homepage => "homepage",
            Self::Keywords => "keywords",
            Self::RuntimeDeps => "runtime_deps",
            Self::Python => "python",
            Self::Nodejs => "nodejs",
            Self::AttuneVersion => "dependencies.attune_version",
            Self::PythonVersion => "dependencies.python_version",
            Self::NodejsVersion => "dependencies.nodejs_version",
            Self::Packs => "dependencies.packs",
        }
    }

    /// Whether it holds a list of texts, not one text.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Keywords | Self::RuntimeDeps | Self::Packs)
    }

    /// What the field of a version says; `None` for nothing.
    pub fn get(self, version: &VersionDocument) -> Option<Value> {
        let needs = version.dependencies.as_ref();
        let text = match self {
            Self::Label => Some(&version.label),
            Self::Description => Some(&version.description),
            Self::UseCase => version.use_case.as_ref(),
            Self::Author => Some(&version.author),
            Self::Email => version.email.as_ref(),
            Self::License => Some(&version.license),
            Self::Homepage => version.homepage.as_ref(),
            Self::Python => version.python.as_ref(),
            Self::Nodejs => version.nodejs.as_ref(),
            Self::AttuneVersion => needs.and_then(|d| d.attune_version.as_ref()),
            Self::PythonVersion => needs.and_then(|d| d.python_version.as_ref()),
            Self::NodejsVersion => needs.and_then(|d| d.nodejs_version.as_ref()),
            Self::Keywords => return list(version.keywords.iter().cloned()),
            Self::RuntimeDeps => return list(version.runtime_deps.iter().cloned()),
            Self::Packs => {
                return list(version.pack_dependencies().iter().map(ToString::to_string));
            }
        };
        text.filter(|text| !text.is_empty())
            .map(|text| Value::String(text.clone()))
    }

    /// Puts a value there that [`PatchField::checked`] has seen.
    fn put(self, version: &mut VersionDocument, value: Option<&Value>) {
        let text = || value.and_then(Value::as_str).map(str::to_owned);
        let texts = || texts_of(value).map(str::to_owned).collect();
        let plain = || text().unwrap_or_default();
        match self {
            Self::Label => version.label = plain(),
            Self::Description => version.description = plain(),
            Self::UseCase => version.use_case = text(),
            Self::Author => version.author = plain(),
            Self::Email => version.email = text(),
            Self::License => version.license = plain(),
            Self::Homepage => version.homepage = text(),
            Self::Keywords => version.keywords = texts(),
            Self::RuntimeDeps => version.runtime_deps = texts(),
            Self::Python => version.python = text(),
            Self::Nodejs => version.nodejs = text(),
            Self::AttuneVersion | Self::PythonVersion | Self::NodejsVersion | Self::Packs => {
                self.put_need(version, value);
            }
        }
    }

    fn put_need(self, version: &mut VersionDocument, value: Option<&Value>) {
        let had_none = version.dependencies.is_none();
        let needs = version.dependencies.get_or_insert_default();
        let text = value.and_then(Value::as_str).map(str::to_owned);
        match self {
            Self::AttuneVersion => needs.attune_version = text,
            Self::PythonVersion => needs.python_version = text,
            Self::NodejsVersion => needs.nodejs_version = text,
            _ => needs.packs = texts_of(value).filter_map(|t| t.parse().ok()).collect(),
        }
        // Nothing put where nothing was leaves nothing, so that taking a patch back leaves no trace.
        if (had_none || value.is_none()) && *needs == Dependencies::default() {
            version.dependencies = None;
        }
    }

    /// `value` in its written form: lists sorted, each text once; empty is nothing.
    ///
    /// # Errors
    /// [`PatchError::Value`] if a manifest could not say that there.
    pub fn checked(self, value: Option<&Value>) -> Result<Option<Value>, PatchError> {
        let wrong = |reason: String| PatchError::Value {
            field: self.name(),
            reason,
        };
        let value = match value {
            None | Some(Value::Null) => None,
            Some(value) if self.is_list() => {
                let items = value
                    .as_array()
                    .ok_or_else(|| wrong("it is no list".to_owned()))?;
                let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
                let texts = texts.ok_or_else(|| wrong("an item is no text".to_owned()))?;
                self.checked_list(&texts)?
            }
            Some(value) => {
                let text = value
                    .as_str()
                    .ok_or_else(|| wrong("it is no text".to_owned()))?;
                self.check_text(text).map_err(wrong)?;
                (!text.is_empty()).then(|| Value::String(text.to_owned()))
            }
        };
        if value.is_none() && matches!(self, Self::Label | Self::Author | Self::License) {
            return Err(wrong("it must say something".to_owned()));
        }
        Ok(value)
    }

    /// `value` as the field would say it, unchecked: a list sorted, each text once; empty is nothing.
    pub fn written(self, value: Option<Value>) -> Option<Value> {
        match value {
            Some(Value::Array(mut items)) => {
                items.sort_by_key(ToString::to_string);
                items.dedup();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::Null) => None,
            value => value,
        }
    }

    fn checked_list(self, texts: &[&str]) -> Result<Option<Value>, PatchError> {
        let wrong = |reason: String| PatchError::Value {
            field: self.name(),
            reason,
        };
        let mut written = Vec::with_capacity(texts.len());
        let mut needed = Vec::new();
        for text in texts {
            if text.trim().is_empty() {
                return Err(wrong("an item is empty".to_owned()));
            }
            if self == Self::Packs {
                let need: PackDependency = text
                    .parse()
                    .map_err(|e: crate::documents::PackDependencyError| wrong(e.to_string()))?;
                if needed.contains(&need.pack_ref) {
                    return Err(wrong(format!("`{}` stands there twice", need.pack_ref)));
                }
                written.push(need.to_string());
                needed.push(need.pack_ref);
            } else {
                written.push((*text).to_owned());
            }
        }
        written.sort_unstable();
        written.dedup();
        Ok(list(written.into_iter()))
    }

    fn check_text(self, text: &str) -> Result<(), String> {
        if !text.is_empty() && text.trim().is_empty() {
            return Err("it is blank".to_owned());
        }
        match self {
            Self::Homepage if !text.is_empty() && !is_web_url(text) => Err(format!(
                "`{}` is not an absolute http or https URL",
                printable(text)
            )),
            Self::AttuneVersion if !text.is_empty() => text
                .parse::<Constraint>()
                .map(|_| ())
                .map_err(|e| e.to_string()),
            _ => Ok(()),
        }
    }
}

fn list(texts: impl Iterator<Item = String>) -> Option<Value> {
    let texts: Vec<Value> = texts.map(Value::String).collect();
    (!texts.is_empty()).then_some(Value::Array(texts))
}

fn texts_of(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let items = value.and_then(Value::as_array);
    items.into_iter().flatten().filter_map(Value::as_str)
}

/// A value as messages show it.
fn shown(value: Option<&Value>) -> String {
    value.map_or_else(
        || "nothing".to_owned(),
        |value| printable(&value.to_string()),
    )
}

/// Patches a field of a version: it says `to` from now on.
///
/// A field that is patched already keeps the note of what its author said; patched back to that, it has no note.
/// `from` is what must be there, where somebody said so: either what the author said or what the field says now.
/// Tells whether anything changed.
///
/// # Errors
/// [`PatchError`]; the version is as it was.
pub fn apply(
    version: &mut VersionDocument,
    field: PatchField,
    from: Option<Option<&Value>>,
    note: MetadataPatch,
) -> Result<bool, PatchError> {
    let to = field.checked(note.to.as_ref())?;
    let now = field.get(version);
    let position = version.patches.iter().position(|p| p.field == field.name());
    let known = position.and_then(|i| version.patches.get(i));
    let author = known.map_or_else(|| now.clone(), |known| known.from.clone());
    // Whoever says so by now needs no correction.
    if to == now && known.is_none_or(|known| known.reason == note.reason) {
        return Ok(false);
    }
    if let Some(from) = from {
        let from = from.cloned();
        if from != author && from != now {
            return Err(PatchError::DoesNotHold {
                field: field.name(),
                expected: shown(from.as_ref()),
                found: shown(now.as_ref()),
            });
        }
    }
    // Another reason alone is no newer correction.
    let same = known.filter(|known| known.to == to);
    let at = same.map_or(note.at, |known| known.at);
    if let Some(position) = position {
        version.patches.remove(position);
    }
    field.put(version, to.as_ref());
    if to != author {
        version.patches.push(MetadataPatch {
            field: field.name().to_owned(),
            from: author,
            to,
            at,
            ..note
        });
        sort(&mut version.patches);
    }
    Ok(true)
}

/// Applies the notes of a version to the record that was made anew from its files.
///
/// A field that says `to` by itself needs its note no longer, and loses it.
///
/// # Errors
/// [`PatchError::DoesNotHold`] if the author says something else than `from` by now, and other [`PatchError`]s
/// if a note is one that this program could not have written.
pub fn reapply(version: &mut VersionDocument, notes: &[MetadataPatch]) -> Result<(), PatchError> {
    for note in notes {
        let field: PatchField = note.field.parse()?;
        let found = field.get(version);
        if found == note.to || version.patches.iter().any(|p| p.field == note.field) {
            continue;
        }
        apply(version, field, Some(note.from.as_ref()), note.clone())?;
    }
    Ok(())
}

/// Takes the patch of a field back: it says again what its author said.
///
/// # Errors
/// [`PatchError::NotPatched`].
pub fn remove(version: &mut VersionDocument, field: PatchField) -> Result<(), PatchError> {
    let position = version.patches.iter().position(|p| p.field == field.name());
    let position = position.ok_or(PatchError::NotPatched(field.name()))?;
    let note = version.patches.remove(position);
    field.put(version, note.from.as_ref());
    Ok(())
}

/// What is wrong with the notes of a version, one sentence each.
pub fn violations(version: &VersionDocument) -> Vec<String> {
    let mut broken = Vec::new();
    for (i, note) in version.patches.iter().enumerate() {
        let field: PatchField = match note.field.parse() {
            Ok(field) => field,
            Err(error) => {
                broken.push(PatchError::to_string(&error));
                continue;
            }
        };
        let earlier = version.patches.get(..i).unwrap_or_default();
        if earlier.iter().any(|other| other.field == note.field) {
            broken.push(format!("`{}` is patched twice", note.field));
        }
        let found = field.get(version);
        if found != note.to {
            broken.push(format!(
                "`{}` does not say what it was patched to\n  expected  {}\n  found     {}",
                note.field,
                shown(note.to.as_ref()),
                shown(found.as_ref())
            ));
        }
        if note.from == note.to {
            broken.push(format!("the patch of `{}` changes nothing", note.field));
        }
        match field.checked(note.to.as_ref()) {
            Ok(written) if written == note.to => {}
            Ok(_) => broken.push(format!("`{}` is not in its written form", note.field)),
            Err(error) => broken.push(error.to_string()),
        }
    }
    broken
}

fn sort(notes: &mut [MetadataPatch]) {
    notes.sort_by_key(|note| note.field.parse::<PatchField>().ok());
}
