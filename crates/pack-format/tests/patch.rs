//! Patches, whatever their order: notes and fields agree, and taking all of them back leaves the author's words.

use pack_format::Timestamp;
use pack_format::documents::VersionDocument;
use pack_format::patch::{self, MetadataPatch, PatchField};
use proptest::prelude::*;
use serde_json::{Value, json};

#[expect(clippy::unwrap_used, reason = "a test's own document")]
fn version(needs: bool) -> VersionDocument {
    let mut version = json!({
        "version": "1.0.0", "published_at": "2026-01-01T00:00:00Z", "label": "Demo", "author": "Ada",
        "license": "NOASSERTION", "keywords": ["a"], "file_count": 0, "unpacked_bytes": 0, "components": {},
    });
    if needs {
        version["dependencies"] = json!({"attune_version": ">=1.0.0", "packs": ["core"]});
    }
    serde_json::from_value(version).unwrap()
}

/// A field, and what it shall say; some of it is refused.
fn step() -> impl Strategy<Value = (PatchField, Option<Value>)> {
    let text = prop::sample::select(vec!["", " ", "MIT", "https://example.org/", "^1.2", "Ada"]);
    let list = prop::collection::vec(
        prop::sample::select(vec!["core", "aws@^1", "chat", ""]),
        0..3,
    );
    let value = prop_oneof![
        Just(None),
        text.prop_map(|text| Some(json!(text))),
        list.prop_map(|list| Some(json!(list))),
    ];
    (prop::sample::select(PatchField::ALL.to_vec()), value)
}

fn note(field: PatchField, to: Option<Value>) -> MetadataPatch {
    MetadataPatch {
        field: field.name().to_owned(),
        from: None,
        to,
        reason: "because".to_owned(),
        at: Timestamp::from_unix(0),
    }
}

proptest! {
    #[test]
    fn patches_can_be_kept_and_taken_back(needs: bool, steps in prop::collection::vec(step(), 0..12)) {
        let author = version(needs);
        let mut patched = author.clone();
        for (field, to) in steps {
            let before = patched.clone();
            let outcome = patch::apply(&mut patched, field, None, note(field, to.clone()));
            match outcome {
                Err(_) => prop_assert_eq!(&patched, &before),
                Ok(changed) => {
                    prop_assert_eq!(changed, patched != before);
                    prop_assert_eq!(field.get(&patched), field.checked(to.as_ref()).unwrap());
                }
            }
            prop_assert_eq!(patch::violations(&patched), Vec::<String>::new());
        }
        // A record made anew from the author's files gets the same corrections.
        let mut anew = author.clone();
        patch::reapply(&mut anew, &patched.patches).unwrap();
        prop_assert_eq!(&anew, &patched);
        for note in patched.patches.clone() {
            patch::remove(&mut patched, note.field.parse().unwrap()).unwrap();
        }
        prop_assert_eq!(patched, author);
    }
}

/// What the author says by now is neither what was corrected nor what it was corrected to.
#[test]
fn patches_of_other_words_do_not_hold() {
    let mut patched = version(true);
    let to = Some(json!(["core@<2.0.0"]));
    patch::apply(
        &mut patched,
        PatchField::Packs,
        None,
        note(PatchField::Packs, to),
    )
    .unwrap();
    let mut other = version(false);
    let before = other.clone();
    let error = patch::reapply(&mut other, &patched.patches).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`dependencies.packs` does not say what the patch corrects\n  expected  [\"core\"]\n  found     nothing"
    );
    assert_eq!(other, before);
}
