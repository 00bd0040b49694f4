//! What people read about a pack, and whether its bytes changed.

use std::collections::BTreeSet;

use pack_format::documents::VersionDocument;
use serde_json::Value;

use crate::change::{Changes, Place, What, shown};
use crate::kind::ChangeKind;

pub(crate) fn compare(old: &VersionDocument, new: &VersionDocument, changes: &mut Changes) {
    if old.license != new.license {
        let message = format!(
            "the licence is {} instead of {}",
            shown(&new.license.as_str().into()),
            shown(&old.license.as_str().into())
        );
        let what = What::new(
            message,
            Some(old.license.as_str()),
            Some(new.license.as_str()),
        );
        changes.push(ChangeKind::LicenseChanged, Place::field("license"), what);
    }
    let list = |keywords: &[String]| (!keywords.is_empty()).then(|| Value::from(keywords.to_vec()));
    let text = |text: &Option<String>| text.clone().map(Value::from);
    let rows = [
        (
            "label",
            Some(old.label.as_str().into()),
            Some(new.label.as_str().into()),
        ),
        (
            "description",
            Some(old.description.as_str().into()),
            Some(new.description.as_str().into()),
        ),
        ("use_case", text(&old.use_case), text(&new.use_case)),
        (
            "author",
            Some(old.author.as_str().into()),
            Some(new.author.as_str().into()),
        ),
        ("email", text(&old.email), text(&new.email)),
        ("homepage", text(&old.homepage), text(&new.homepage)),
        ("repository", text(&old.repository), text(&new.repository)),
        ("keywords", list(&old.keywords), list(&new.keywords)),
    ];
    for (field, before, after) in rows {
        member(field, before, after, changes);
    }
    let names: BTreeSet<&String> = old.meta.keys().chain(new.meta.keys()).collect();
    for name in names {
        let (before, after) = (old.meta.get(name).cloned(), new.meta.get(name).cloned());
        member(&format!("meta.{name}"), before, after, changes);
    }
    // The store key tells more than the tree: execute bits too.
    let digests = match (old.store_key, new.store_key, old.tree, new.tree) {
        (Some(old), Some(new), ..) => (old.to_string(), new.to_string()),
        (.., Some(old), Some(new)) => (old.to_string(), new.to_string()),
        _ => return,
    };
    if digests.0 != digests.1 {
        let what = What::new(
            "the files are not the same",
            Some(digests.0),
            Some(digests.1),
        );
        changes.push(ChangeKind::ContentsChanged, Place::default(), what);
    }
}

fn member(field: &str, before: Option<Value>, after: Option<Value>, changes: &mut Changes) {
    if before == after {
        return;
    }
    let place = Place::field(field);
    let field = shown(&field.into());
    let message = match (&before, &after) {
        (None, _) => format!("{field} is new"),
        (_, None) => format!("{field} is gone"),
        _ => format!("{field} is another one"),
    };
    changes.push(
        ChangeKind::MetadataChanged,
        place,
        What::new(message, before, after),
    );
}
