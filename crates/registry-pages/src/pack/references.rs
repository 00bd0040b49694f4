//! `References`: where the names of components and packs on a page lead.

use std::collections::{BTreeMap, BTreeSet};

use pack_format::PackRef;
use pack_format::documents::Components;
use serde::Serialize;

use crate::limits::MAX_COMPONENTS;
use crate::text::{clean, slug};

/// A name and, where this registry has it, the place it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Reference {
    pub(crate) text: String,
    pub(crate) href: Option<String>,
}

/// The anchors of one page and the packs its links may lead to.
pub(crate) struct References<'a> {
    pack_ref: &'a str,
    listed: &'a BTreeSet<PackRef>,
    /// By kind in the singular and name.
    anchors: BTreeMap<&'static str, BTreeMap<&'a str, String>>,
}

/// The singular of a kind, which starts the anchors of its components.
pub(crate) fn singular(kind: &'static str) -> &'static str {
    kind.strip_suffix('s').unwrap_or(kind)
}

impl<'a> References<'a> {
    /// Gives every shown component an anchor that is unique on the page.
    pub(crate) fn new(
        pack_ref: &'a PackRef,
        components: &'a Components,
        listed: &'a BTreeSet<PackRef>,
    ) -> Self {
        let mut anchors = BTreeMap::<_, BTreeMap<_, _>>::new();
        let mut taken = BTreeSet::new();
        for (kind, list) in components.by_kind() {
            for component in list.iter().take(MAX_COMPONENTS) {
                let base = format!("{}-{}", singular(kind), slug(&component.name));
                let mut anchor = base.clone();
                let mut copy = 2;
                while !taken.insert(anchor.clone()) {
                    anchor = format!("{base}-{copy}");
                    copy += 1;
                }
                let of_kind = anchors.entry(singular(kind)).or_default();
                of_kind.insert(component.name.as_str(), anchor);
            }
        }
        Self {
            pack_ref: pack_ref.as_str(),
            listed,
            anchors,
        }
    }

    /// The anchor of a component of this pack.
    pub(crate) fn anchor(&self, kind: &'static str, name: &str) -> Option<&str> {
        self.anchors.get(kind)?.get(name).map(String::as_str)
    }

    /// A component, qualified by its pack or not.
    pub(crate) fn component(&self, kind: &'static str, name: &str) -> Reference {
        Reference {
            text: clean(name).into_owned(),
            href: self.own(kind, name).or_else(|| self.foreign(kind, name)),
        }
    }

    /// The name without this pack's own prefix.
    pub(crate) fn short<'n>(&self, name: &'n str) -> &'n str {
        let bare = name
            .strip_prefix(self.pack_ref)
            .and_then(|rest| rest.strip_prefix('.'));
        bare.unwrap_or(name)
    }

    fn own(&self, kind: &'static str, name: &str) -> Option<String> {
        let bare = self.short(name);
        let anchor = self.anchor(kind, bare).or_else(|| match kind {
            "action" => self.anchor("workflow", bare),
            _ => None,
        });
        anchor.map(|anchor| format!("#{anchor}"))
    }

    fn foreign(&self, kind: &'static str, name: &str) -> Option<String> {
        let (pack_ref, bare) = name.split_once('.')?;
        let page = self.pack_page(pack_ref)?;
        (pack_ref != self.pack_ref).then(|| format!("{page}#{kind}-{}", slug(bare)))
    }

    /// A pack.
    pub(crate) fn pack(&self, pack_ref: &PackRef) -> Reference {
        Reference {
            text: pack_ref.to_string(),
            href: self.pack_page(pack_ref.as_str()),
        }
    }

    fn pack_page(&self, pack_ref: &str) -> Option<String> {
        self.listed
            .contains(pack_ref)
            .then(|| format!("../{pack_ref}/index.html"))
    }
}
