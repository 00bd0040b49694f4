//! Names: what StackStorm allows and we do not.
//!
//! There, refs and names may hold dots, capitals and blanks, or start with a digit. One function decides for
//! all packs, so that a reference to a renamed component finds it, whichever pack it is in.

use pack_format::PackRef;
use pack_format::limits::MAX_PACK_REF_BYTES;
use pack_format::pack_ref::is_windows_device;

/// The nearest valid name; `start` goes before one that starts with a digit. `None` if nothing is left.
pub(super) fn valid(text: &str, start: &str) -> Option<String> {
    let mut name = String::new();
    for c in text.trim().chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-' {
            name.push(c);
        } else if !name.ends_with('_') {
            name.push('_');
        }
    }
    let trimmed = name.trim_matches(['_', '-']);
    let mut name = match trimmed.bytes().next()? {
        b'a'..=b'z' => trimmed.to_owned(),
        _ => format!("{start}_{trimmed}"),
    };
    if is_windows_device(&name) {
        name = format!("{start}_{name}");
    }
    name.truncate(MAX_PACK_REF_BYTES);
    let end = name.trim_end_matches(['_', '-']).len();
    name.truncate(end);
    Some(name)
}

/// The nearest valid pack ref.
pub(super) fn pack_ref(text: &str) -> Option<PackRef> {
    if let Ok(pack_ref) = text.parse() {
        return Some(pack_ref);
    }
    valid(text, "pack")?.parse().ok()
}

/// The nearest valid component name.
pub(super) fn component(text: &str) -> Option<String> {
    valid(text, "component")
}

/// `GitCommitSensor` as `git_commit_sensor`, `CircleCIWebhook` as `circle_ci_webhook`.
pub(super) fn of_class(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut name = String::new();
    for (i, c) in chars.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| chars.get(i));
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                b.is_ascii_lowercase()
                    || b.is_ascii_digit()
                    || (b.is_ascii_uppercase()
                        && chars.get(i + 1).is_some_and(char::is_ascii_lowercase))
            });
        if starts_word {
            name.push('_');
        }
        name.push(*c);
    }
    component(&name)
}

/// `pack.name` with both parts valid; without a dot, a component of `own`.
pub(super) fn reference(text: &str, own: &PackRef) -> Option<String> {
    let Some((pack, name)) = text.trim().split_once('.') else {
        return Some(format!("{own}.{}", component(text)?));
    };
    Some(format!("{}.{}", pack_ref(pack)?, component(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names become the nearest valid ones, valid ones stay.
    #[test]
    fn names_become_valid() {
        let rows = [
            ("slack", Some("slack")),
            ("a-b_c", Some("a-b_c")),
            ("Dummy Pack 18", Some("dummy_pack_18")),
            ("3par", Some("pack_3par")),
            ("con", Some("pack_con")),
            ("  ", None),
            ("...", None),
            ("é", None),
        ];
        for (text, expected) in rows {
            let found = pack_ref(text).map(|r| r.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        assert_eq!(
            pack_ref(&"x".repeat(70)).map(|r| r.as_str().len()),
            Some(64)
        );
        assert_eq!(
            component("galaxy.install").as_deref(),
            Some("galaxy_install")
        );
        let classes = [
            ("GitCommitSensor", "git_commit_sensor"),
            ("CircleCIWebhookSensor", "circle_ci_webhook_sensor"),
            ("Icinga2StateChangeSensor", "icinga2_state_change_sensor"),
            ("IMAPSensor", "imap_sensor"),
            ("plain_name", "plain_name"),
        ];
        for (class, expected) in classes {
            assert_eq!(of_class(class).as_deref(), Some(expected));
        }
        let own: PackRef = "git".parse().unwrap();
        assert_eq!(
            reference("core.st2.webhook", &own).as_deref(),
            Some("core.st2_webhook")
        );
        assert_eq!(reference("clone", &own).as_deref(), Some("git.clone"));
    }
}
