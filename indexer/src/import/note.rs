//! `Note`: what an import did to a pack besides copying it.

use serde::Serialize;

/// What kind of thing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// A name is another one.
    Renamed,
    /// Something says the same in our words.
    Changed,
    /// Something was not taken over.
    LeftOut,
    /// Something was taken over and will not work as it is.
    Warning,
}

impl NoteKind {
    /// The kind in words.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Renamed => "renamed",
            Self::Changed => "changed",
            Self::LeftOut => "left out",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is said about a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What kind.
    pub kind: NoteKind,
    /// The file or field it is about.
    pub subject: String,
    /// A sentence.
    pub message: String,
}

/// The notes on a pack, in the order things were looked at.
#[derive(Debug, Default)]
pub(super) struct Notes(Vec<Note>);

impl Notes {
    pub(super) fn say(&mut self, kind: NoteKind, subject: &str, message: impl Into<String>) {
        self.0.push(Note {
            kind,
            subject: subject.to_owned(),
            message: message.into(),
        });
    }

    pub(super) fn into_vec(self) -> Vec<Note> {
        self.0
    }
}
