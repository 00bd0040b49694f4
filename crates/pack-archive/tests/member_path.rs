//! Whatever text a `MemberPath` is made of, it stays below its root.

use std::path::{Component, Path};

use pack_archive::MemberPath;
use pack_format::Limits;
use proptest::prelude::*;

fn hostile_name() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("..".to_owned()),
        Just(".".to_owned()),
        Just("/".to_owned()),
        Just("//".to_owned()),
        Just("\\".to_owned()),
        Just("C:".to_owned()),
        Just("\0".to_owned()),
        "[a-c.~ ]{0,4}",
        "\\PC{0,4}",
        any::<String>(),
    ];
    let text = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat().into_bytes());
    prop_oneof![4 => text, 1 => prop::collection::vec(any::<u8>(), 0..16)]
}

fn check(path: &MemberPath, limits: &Limits) -> Result<(), TestCaseError> {
    let text = path.as_str();
    prop_assert!(!text.is_empty() && text.len() <= limits.path_bytes);
    prop_assert!(path.components().count() <= limits.depth);
    for component in path.components() {
        prop_assert!(!matches!(component, "" | "." | ".."), "{text:?}");
        prop_assert!(!component.contains(['/', '\\', ':', '\0']), "{text:?}");
    }
    let only_names = Path::new(text)
        .components()
        .all(|c| matches!(c, Component::Normal(_)));
    prop_assert!(only_names, "{text:?}");
    // Made again of its own text, it is the same path.
    let again = MemberPath::file(text.as_bytes(), limits);
    prop_assert_eq!(again.as_ref(), Ok(path));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    /// Files and directories alike.
    #[test]
    fn member_path_never_leaves_its_root(name in hostile_name()) {
        let limits = Limits::default();
        if let Ok(path) = MemberPath::file(&name, &limits) {
            check(&path, &limits)?;
        }
        if let Ok(Some(path)) = MemberPath::directory(&name, &limits) {
            check(&path, &limits)?;
        }
    }
}
