//! Which commit a branch, tag or commit means, from what a server lists. Pure.
//!
//! 1. Nothing: the default branch.
//! 2. A full commit: that commit.
//! 3. `refs/…`, `heads/…`, `tags/…`: that ref. Another name: the branch or the tag of that name; where both
//!    exist and lead to different commits, it is ambiguous.
//! 4. Four or more hexadecimal digits: the one commit that begins so.

use std::collections::BTreeMap;

use pack_format::git_ref::GitRef;

/// Fewest digits of a short commit.
const SHORTEST_COMMIT: usize = 4;
/// Most names that are offered as close.
const MOST_CLOSE: usize = 3;

/// The refs a server lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Advertised {
    /// Name to object.
    refs: BTreeMap<String, Target>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Target {
    id: String,
    /// What an annotated tag leads to.
    peeled: Option<String>,
}

/// What to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The object a listed ref leads to.
    Ref(String),
    /// A commit that no ref leads to directly.
    Commit(String),
    /// The commit that begins with these digits.
    Prefix(String),
}

/// Why nothing was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectError {
    /// No default branch.
    Empty,
    /// No such name; names that look like it.
    NotFound(Vec<String>),
    /// Several things have the name.
    Ambiguous(Vec<String>),
}

impl Advertised {
    /// Notes one line of a listing: `name` leads to `id`; `name^{}` says what a tag leads to.
    pub fn add(&mut self, name: &str, id: &str) {
        if let Some(tag) = name.strip_suffix("^{}") {
            if let Some(target) = self.refs.get_mut(tag) {
                target.peeled = Some(id.to_owned());
            }
            return;
        }
        let target = Target {
            id: id.to_owned(),
            peeled: None,
        };
        self.refs.insert(name.to_owned(), target);
    }

    /// Chooses what `git_ref` means.
    ///
    /// # Errors
    /// [`SelectError`].
    pub fn choose(&self, git_ref: Option<&GitRef>) -> Result<Choice, SelectError> {
        let Some(git_ref) = git_ref else {
            let head = self.refs.contains_key("HEAD").then(|| "HEAD".to_owned());
            return head.map(Choice::Ref).ok_or(SelectError::Empty);
        };
        if git_ref.is_commit() {
            let leads = |target: &&Target| target.commit() == git_ref.as_str();
            let found = self.refs.iter().find(|(_, target)| leads(target));
            return Ok(match found {
                Some((name, _)) => Choice::Ref(name.clone()),
                None => Choice::Commit(git_ref.to_string()),
            });
        }
        let name = git_ref.as_str();
        if let Some(found) = self.named(name)? {
            return Ok(Choice::Ref(found));
        }
        let is_short = name.len() >= SHORTEST_COMMIT
            && name.len() < 64
            && name.bytes().all(|b| b.is_ascii_hexdigit());
        if is_short {
            return Ok(Choice::Prefix(name.to_ascii_lowercase()));
        }
        Err(SelectError::NotFound(self.close_to(name)))
    }

    fn named(&self, name: &str) -> Result<Option<String>, SelectError> {
        if name == "HEAD" {
            return Ok(self.refs.contains_key("HEAD").then(|| "HEAD".to_owned()));
        }
        let full = match name.split_once('/') {
            Some(("refs", _)) => Some(name.to_owned()),
            Some(("heads" | "tags", _)) => Some(format!("refs/{name}")),
            _ => None,
        };
        if let Some(full) = full.filter(|full| self.refs.contains_key(full)) {
            return Ok(Some(full));
        }
        let (branch, tag) = (format!("refs/heads/{name}"), format!("refs/tags/{name}"));
        match (self.refs.get(&branch), self.refs.get(&tag)) {
            (Some(one), Some(other)) if one.commit() != other.commit() => {
                Err(SelectError::Ambiguous(vec![branch, tag]))
            }
            (_, Some(_)) => Ok(Some(tag)),
            (Some(_), None) => Ok(Some(branch)),
            (None, None) => Ok(None),
        }
    }

    /// Names of branches and tags that look like `name`, the closest first.
    pub fn close_to(&self, name: &str) -> Vec<String> {
        let known = self.refs.keys().filter_map(|full| {
            full.strip_prefix("refs/heads/")
                .or_else(|| full.strip_prefix("refs/tags/"))
        });
        let mut rated: Vec<(f64, &str)> = known
            .map(|known| (strsim::jaro_winkler(name, known), known))
            .filter(|(likeness, _)| *likeness > 0.75)
            .collect();
        rated.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
        rated.dedup_by(|a, b| a.1 == b.1);
        rated
            .into_iter()
            .take(MOST_CLOSE)
            .map(|(_, known)| known.to_owned())
            .collect()
    }
}

impl Target {
    fn commit(&self) -> &str {
        self.peeled.as_ref().unwrap_or(&self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> String {
        digit.to_string().repeat(40)
    }

    fn listing() -> Advertised {
        let mut listing = Advertised::default();
        for (name, digit) in [
            ("HEAD", 'a'),
            ("refs/heads/main", 'a'),
            ("refs/heads/both", 'a'),
            ("refs/heads/same", 'c'),
            ("refs/heads/feature/x", 'b'),
            ("refs/heads/beef", 'b'),
            ("refs/tags/both", 'c'),
            ("refs/tags/same", 'd'),
            ("refs/tags/same^{}", 'c'),
            ("refs/tags/v1.0.0", 'e'),
            ("refs/tags/v1.0.0^{}", 'b'),
            ("refs/pull/1/head", 'f'),
        ] {
            listing.add(name, &id(digit));
        }
        listing
    }

    /// One row per rule.
    #[test]
    fn refs_mean_what_git_users_expect() {
        let named = |name: &str| Ok(Choice::Ref(name.to_owned()));
        let rows = [
            ("main", named("refs/heads/main")),
            ("heads/main", named("refs/heads/main")),
            ("refs/heads/main", named("refs/heads/main")),
            ("refs/pull/1/head", named("refs/pull/1/head")),
            ("feature/x", named("refs/heads/feature/x")),
            ("v1.0.0", named("refs/tags/v1.0.0")),
            ("tags/v1.0.0", named("refs/tags/v1.0.0")),
            ("HEAD", named("HEAD")),
            ("same", named("refs/tags/same")),
            ("beef", named("refs/heads/beef")),
            (
                "both",
                Err(SelectError::Ambiguous(vec![
                    "refs/heads/both".to_owned(),
                    "refs/tags/both".to_owned(),
                ])),
            ),
            ("dead", Ok(Choice::Prefix("dead".to_owned()))),
            ("DEAD", Ok(Choice::Prefix("dead".to_owned()))),
            ("abc", Err(SelectError::NotFound(Vec::new()))),
            (
                "v1.0.1",
                Err(SelectError::NotFound(vec!["v1.0.0".to_owned()])),
            ),
        ];
        for (text, expected) in rows {
            let git_ref: GitRef = text.parse().unwrap();
            assert_eq!(listing().choose(Some(&git_ref)), expected, "{text}");
        }
        assert_eq!(listing().choose(None), named("HEAD"));
        assert_eq!(Advertised::default().choose(None), Err(SelectError::Empty));
    }

    /// A full commit is fetched by a ref that leads to it, peeled tags included, else by itself.
    #[test]
    fn full_commit_is_found_behind_refs() {
        let choose = |digit| listing().choose(Some(&id(digit).parse().unwrap())).unwrap();
        assert_eq!(choose('b'), Choice::Ref("refs/heads/beef".to_owned()));
        assert_eq!(choose('f'), Choice::Ref("refs/pull/1/head".to_owned()));
        assert_eq!(choose('9'), Choice::Commit(id('9')));
    }

    proptest::proptest! {
        /// What is chosen is listed, or was asked for; nothing else is ever fetched.
        #[test]
        fn choice_is_listed_or_asked_for(text in "[a-f0-9/.v]{1,44}") {
            if let Ok(git_ref) = text.parse::<GitRef>() {
                match listing().choose(Some(&git_ref)) {
                    Ok(Choice::Ref(name)) => proptest::prop_assert!(listing().refs.contains_key(&name)),
                    Ok(Choice::Commit(id) | Choice::Prefix(id)) => proptest::prop_assert_eq!(id, text.to_lowercase()),
                    Err(_) => {}
                }
            }
        }
    }
}
