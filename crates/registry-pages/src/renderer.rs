//! `Renderer`: the compiled templates.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use pack_format::documents::{PackDocument, VersionDocument};
use pack_format::{ArchiveDigest, Hint, PackRef};
use serde::Serialize;
use std::error::Error as _;

use crate::about::AboutView;
use crate::api::{ApiPage, ApiView};
use crate::assets::{self, Asset};
use crate::escape;
use crate::groups::PackGroup;
use crate::home::PackList;
use crate::limits::TEMPLATE_FUEL;
use crate::missing::MissingView;
use crate::overrides::Overrides;
use crate::pack::PackPage;
use crate::pack::changes::{self, ChangesView};
use crate::search::{Found, SearchView};
use crate::site::Site;
use crate::source::{SourcePage, SourceView};

/// Every template, by the name others include it under.
pub(crate) const TEMPLATES: [(&str, &str); 18] = [
    (
        "layout.html",
        include_str!("../../../templates/pages/layout.html"),
    ),
    (
        "home.html",
        include_str!("../../../templates/pages/home.html"),
    ),
    (
        "pack.html",
        include_str!("../../../templates/pages/pack.html"),
    ),
    (
        "pack_head.html",
        include_str!("../../../templates/pages/pack_head.html"),
    ),
    (
        "pack_components.html",
        include_str!("../../../templates/pages/pack_components.html"),
    ),
    (
        "pack_details.html",
        include_str!("../../../templates/pages/pack_details.html"),
    ),
    (
        "drawing.html",
        include_str!("../../../templates/pages/drawing.html"),
    ),
    (
        "macros.html",
        include_str!("../../../templates/pages/macros.html"),
    ),
    (
        "schema.html",
        include_str!("../../../templates/pages/schema.html"),
    ),
    (
        "row.html",
        include_str!("../../../templates/pages/row.html"),
    ),
    (
        "tile.html",
        include_str!("../../../templates/pages/tile.html"),
    ),
    (
        "group.html",
        include_str!("../../../templates/pages/group.html"),
    ),
    (
        "changes.html",
        include_str!("../../../templates/pages/changes.html"),
    ),
    (
        "search.html",
        include_str!("../../../templates/pages/search.html"),
    ),
    (
        "source.html",
        include_str!("../../../templates/pages/source.html"),
    ),
    (
        "about.html",
        include_str!("../../../templates/pages/about.html"),
    ),
    (
        "missing.html",
        include_str!("../../../templates/pages/missing.html"),
    ),
    (
        "api.html",
        include_str!("../../../templates/pages/api.html"),
    ),
];

/// Renders pages; built once, used by many threads.
#[derive(Debug)]
pub struct Renderer {
    environment: Environment<'static>,
    assets: [Asset; 5],
    overrides: Overrides,
}

/// The pages of one pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackPages {
    /// `packs/<ref>/index.html`.
    pub page: Vec<u8>,
    /// `packs/<ref>/changes/index.html`, where there are versions to compare.
    pub changes: Option<Vec<u8>>,
}

/// Why a page could not be rendered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PageError {
    /// A template does not compile.
    #[error("template `{place}` is not valid")]
    Template {
        /// Which, and the line.
        place: String,
        /// Why.
        source: minijinja::Error,
    },
    /// A page could not be made from its template.
    #[error("cannot render a page from template `{place}`")]
    Render {
        /// Which, and the line.
        place: String,
        /// Why.
        source: minijinja::Error,
    },
    /// A pack's document lists no version.
    #[error("the document of `{pack_ref}` lists no version")]
    NoVersion {
        /// The pack.
        pack_ref: PackRef,
    },
}

impl Hint for PageError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoVersion { .. } => {
                Some("build the registry again from the pack's directory".to_owned())
            }
            Self::Template { .. } | Self::Render { .. } => None,
        }
    }
}

impl Renderer {
    /// Compiles the built-in templates.
    ///
    /// # Errors
    /// [`PageError::Template`] names the template that does not compile.
    pub fn new() -> Result<Self, PageError> {
        Self::with(Overrides::default())
    }

    /// Compiles the templates in force with `overrides`.
    ///
    /// # Errors
    /// [`PageError::Template`] names the file and line that do not compile.
    pub fn with(overrides: Overrides) -> Result<Self, PageError> {
        let assets = assets::in_force(&overrides);
        let mut environment = Environment::new();
        // SECURITY: escaping does not depend on file names; a missing value is an error, not "".
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        environment.set_formatter(escape::write);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(TEMPLATE_FUEL));
        environment.set_syntax(syntax()?);
        environment.add_filter("ticks", escape::ticks);
        let globals = ["css", "js", "icon", "search_js", "source_js"];
        for (global, asset) in globals.into_iter().zip(&assets) {
            environment.add_global(global, Value::from(asset.path.clone()));
        }
        let style = assets::inlined(&assets);
        environment.add_global("style", Value::from_safe_string(style));
        for (name, source) in TEMPLATES {
            let text = overrides.text_of(name, source).to_owned();
            environment
                .add_template_owned(name, text)
                .map_err(|source| PageError::Template {
                    place: overrides.place(name, source.line()),
                    source,
                })?;
        }
        Ok(Self {
            environment,
            assets,
            overrides,
        })
    }

    /// What is not built in.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// The files every page refers to; their names change with their content.
    pub fn assets(&self) -> &[Asset] {
        &self.assets
    }

    /// Changes whenever the same documents could give other pages: with the templates and the assets.
    pub fn fingerprint(&self) -> String {
        let sources: Vec<&str> = TEMPLATES.iter().map(|(_, source)| *source).collect();
        let paths: Vec<&str> = self
            .assets
            .iter()
            .map(|asset| asset.path.as_str())
            .collect();
        let overrides = self.overrides.fingerprint();
        ArchiveDigest::of(format!("{sources:?} {paths:?} {overrides}").as_bytes()).to_hex()
    }

    /// Page `page` of the list of packs, counted from one; its path is [`PackList::page_path`].
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn home(&self, site: &Site, packs: &PackList, page: usize) -> Result<Vec<u8>, PageError> {
        self.render("home.html", &packs.view(site, page))
    }

    /// Page `page` of a group of `packs`; its path is [`PackGroup::path`].
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn group(
        &self,
        site: &Site,
        packs: &PackList,
        group: &PackGroup,
        page: usize,
    ) -> Result<Vec<u8>, PageError> {
        self.render("group.html", &packs.group(site, group, page))
    }

    /// The page of one pack, `packs/<ref>/index.html`.
    ///
    /// # Errors
    /// As [`Renderer::pack_pages`].
    pub fn pack(&self, site: &Site, pack: &PackPage<'_>) -> Result<Vec<u8>, PageError> {
        Ok(self.pack_pages(site, pack)?.page)
    }

    /// The pages of one pack.
    ///
    /// # Errors
    /// [`PageError::NoVersion`] when the document lists none, [`PageError::Render`] when a template fails.
    pub fn pack_pages(&self, site: &Site, pack: &PackPage<'_>) -> Result<PackPages, PageError> {
        let steps = changes::steps(pack.document);
        let view = pack
            .view(site, &steps)
            .ok_or_else(|| PageError::NoVersion {
                pack_ref: pack.document.pack_ref.clone(),
            })?;
        let changes = ChangesView::of(site, pack.document, &steps);
        Ok(PackPages {
            page: self.render("pack.html", &view)?,
            changes: changes
                .map(|view| self.render("changes.html", &view))
                .transpose()?,
        })
    }

    /// What changed between any two versions of a pack, at `packs/<ref>/diff`.
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn comparison(
        &self,
        site: &Site,
        document: &PackDocument,
        versions: (&VersionDocument, &VersionDocument),
    ) -> Result<Vec<u8>, PageError> {
        let view = ChangesView::between(site, document, versions);
        self.render("changes.html", &view)
    }

    /// The page that searches in the browser, [`SEARCH_PAGE`](crate::SEARCH_PAGE).
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn search(&self, site: &Site) -> Result<Vec<u8>, PageError> {
        self.render("search.html", &SearchView::to_fill(site))
    }

    /// The answer to a question, at `search` in the root of the site.
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn found(&self, site: &Site, found: &Found) -> Result<Vec<u8>, PageError> {
        self.render("search.html", &SearchView::of(site, found))
    }

    /// The page that shows files in the browser, [`SOURCE_PAGE`](crate::SOURCE_PAGE).
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn source_page(&self, site: &Site) -> Result<Vec<u8>, PageError> {
        self.render("source.html", &SourceView::to_fill(site))
    }

    /// The files of a version, at `source` in the root of the site.
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn source(&self, site: &Site, page: &SourcePage<'_>) -> Result<Vec<u8>, PageError> {
        self.render("source.html", &SourceView::of(site, page))
    }

    /// The page that says how the registry is used, [`ABOUT_PAGE`](crate::ABOUT_PAGE).
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn about(&self, site: &Site) -> Result<Vec<u8>, PageError> {
        self.render("about.html", &AboutView::new(site))
    }

    /// The page for addresses that lead nowhere, `404.html`.
    ///
    /// Hosts show it at any depth, so its links start at the root of the site instead of being relative.
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn not_found(&self, site: &Site) -> Result<Vec<u8>, PageError> {
        self.render("missing.html", &MissingView::new(site))
    }

    /// The page of an `OpenAPI` document, for a server that answers as it says.
    ///
    /// # Errors
    /// [`PageError::Render`] when the template fails.
    pub fn api(&self, document: &serde_json::Value) -> Result<ApiPage, PageError> {
        Ok(ApiPage {
            html: self.render("api.html", &ApiView::of(document))?,
            style: assets::inlined(&self.assets),
        })
    }

    fn render<T: Serialize>(&self, name: &'static str, view: &T) -> Result<Vec<u8>, PageError> {
        self.environment
            .get_template(name)
            .and_then(|template| template.render(Value::from(Serde(view))))
            .map(String::into_bytes)
            .map_err(|source| {
                let at = innermost(&source);
                PageError::Render {
                    place: self.overrides.place(at.name().unwrap_or(name), at.line()),
                    source,
                }
            })
    }
}

/// The error in the template that is wrong, and not in one that includes it.
fn innermost(error: &minijinja::Error) -> &minijinja::Error {
    let mut found = error;
    while let Some(inner) = found.source().and_then(|e| e.downcast_ref()) {
        found = inner;
    }
    found
}

/// Tags on a line of their own leave no line behind.
fn syntax() -> Result<SyntaxConfig, PageError> {
    let mut builder = SyntaxConfig::builder();
    builder
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true);
    builder.build().map_err(|source| PageError::Template {
        place: "layout.html".to_owned(),
        source,
    })
}
