//! `pack tree`: what needs what, of what is installed or of what an installation would give.

mod dot;
mod graph;
mod layout;
mod svg;
mod text;

use std::path::{Path, PathBuf};

use attune_installer::pack_dir::PackDir;
use attune_installer::{DetectOptions, Preview, PreviewRequest, Source};
use clap::Args;
use pack_format::PackRef;
use pack_format::documents::PackDependency;
use pack_fs::durable;
use serde::Serialize;

use self::graph::{Change, Graph};
use super::context::{Context, failed};
use crate::failure::{Code, Failure};

/// `pack tree`.
#[derive(Debug, Args)]
pub(crate) struct TreeArgs {
    /// Installed packs; with a version (slack@^2), a path or --registry, what an installation would give. All
    /// installed packs when none is named
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// What needs this pack, directly or not
    #[arg(long, value_name = "REF", conflicts_with = "sources")]
    invert: Option<PackRef>,
    /// Most steps from the packs it begins with
    #[arg(long, value_name = "N")]
    depth: Option<usize>,
    /// Print in the DOT language of Graphviz
    #[arg(long, conflicts_with_all = ["format", "json", "yaml", "output"])]
    dot: bool,
    /// Draw an SVG picture into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// What an installation from this registry would give: the name of a configured one, a URL or a path
    #[arg(long, value_name = "REGISTRY", requires = "sources")]
    registry: Option<String>,
}

/// What programs read.
#[derive(Serialize)]
struct Output<'a> {
    roots: &'a [PackRef],
    packs: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a PackRef,
    /// Null where the pack is needed and not there.
    version: Option<String>,
    change: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// What it needs; with `--invert`, what needs it.
    #[serde(rename = "dependencies")]
    edges: Vec<EdgeRow<'a>>,
}

#[derive(Serialize)]
struct EdgeRow<'a> {
    #[serde(rename = "ref")]
    pack_ref: &'a PackRef,
    constraint: &'a str,
    satisfied: bool,
}

pub(crate) fn run(args: &TreeArgs, context: &Context<'_>) -> Result<(), Failure> {
    let graph = read(args, context)?.within(args.depth);
    if graph.packs.is_empty() && !context.report.is_machine() {
        context.report.note("no packs are installed");
    }
    if let Some(path) = &args.svg {
        durable::replace_file(path, svg::draw(&graph).as_bytes())
            .map_err(|e| Failure::new(Code::Failed, &e))?;
        context
            .report
            .note(&format!("drawn to `{}`", path.display()));
    }
    context.report.result(&output(&graph), || {
        if args.dot {
            dot::draw(&graph)
        } else {
            text::draw(&graph, args.depth)
        }
    })
}

fn read(args: &TreeArgs, context: &Context<'_>) -> Result<Graph, Failure> {
    let options = DetectOptions::default();
    let sources = (args.sources.iter())
        .map(|text| Source::detect(text, &options).map_err(|e| failed(&e)))
        .collect::<Result<Vec<Source>, Failure>>()?;
    let installed = (args.sources.iter().zip(&sources))
        .all(|(text, source)| matches!(source, Source::Registry { .. }) && !text.contains('@'));
    if args.registry.is_none() && installed {
        let named = sources
            .iter()
            .filter_map(Source::pack_ref)
            .cloned()
            .collect();
        return of_installed(named, args.invert.as_ref(), context);
    }
    if let [Source::LocalDirectory(path)] = &sources[..] {
        return of_directory(path, args, context);
    }
    let mut roots = Vec::new();
    for (text, source) in args.sources.iter().zip(sources) {
        let Source::Registry {
            pack_ref,
            constraint,
        } = source
        else {
            return Err(Failure::text(
                Code::Usage,
                format!("`{text}` is no ref, and a directory is looked at by itself"),
                Some("name refs such as `slack` or `slack@^2`, or one directory"),
            ));
        };
        roots.push(PackDependency {
            pack_ref,
            constraint,
        });
    }
    let request = PreviewRequest {
        roots,
        ..PreviewRequest::default()
    };
    Ok(Graph::previewed(&preview(&request, args, context)?))
}

fn of_installed(
    named: Vec<PackRef>,
    invert: Option<&PackRef>,
    context: &Context<'_>,
) -> Result<Graph, Failure> {
    let state = context
        .reader()
        .list()
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let mut graph = Graph::installed(&state);
    let is_known = |pack_ref: &&PackRef| graph.packs.contains_key(*pack_ref);
    if let Some(unknown) = named.iter().chain(invert).find(|p| !is_known(p)) {
        let hint =
            format!("see what an installation would give with `attune pack tree {unknown}@latest`");
        let message = format!("`{unknown}` is not installed");
        return Err(Failure::text(Code::Failed, message, Some(&hint)));
    }
    if let Some(pack_ref) = invert {
        return Ok(graph.inverted(vec![pack_ref.clone()]));
    }
    if !named.is_empty() {
        graph.roots = named;
    }
    Ok(graph)
}

fn of_directory(path: &Path, args: &TreeArgs, context: &Context<'_>) -> Result<Graph, Failure> {
    let name = path.display().to_string();
    let manifest = PackDir::locate(path, &name)
        .map_err(|e| Failure::new(Code::Failed, &e))?
        .manifest;
    let needs = manifest.dependencies.map(|d| d.packs).unwrap_or_default();
    let state = (context.reader().list()).map_err(|e| Failure::new(Code::Failed, &e))?;
    // What a pack needs stays as it is where it can; what is asked for moves to the newest version.
    let preferred = (state.packs.into_iter())
        .map(|(pack_ref, record)| (pack_ref, record.version))
        .collect();
    let request = PreviewRequest {
        roots: needs.clone(),
        preferred,
        ..PreviewRequest::default()
    };
    let mut graph = Graph::previewed(&preview(&request, args, context)?);
    graph.add_root(&manifest.pack_ref, manifest.version, &needs);
    Ok(graph)
}

fn preview(
    request: &PreviewRequest,
    args: &TreeArgs,
    context: &Context<'_>,
) -> Result<Preview, Failure> {
    let registries = context.registries(args.registry.as_deref())?;
    let preview = context.reader().preview(request, &registries);
    context.progress.clear();
    preview.map_err(|e| failed(&e))
}

fn output(graph: &Graph) -> Output<'_> {
    let packs = graph.packs.iter().map(|(pack_ref, pack)| {
        let (change, from) = match &pack.change {
            _ if pack.version.is_none() => ("missing", None),
            Change::None => ("unchanged", None),
            Change::New => ("installed", None),
            Change::Replaced(from) => ("replaced", Some(from.to_string())),
        };
        Row {
            pack_ref,
            version: pack.version.as_ref().map(ToString::to_string),
            change,
            from,
            edges: (pack.edges.iter())
                .map(|edge| EdgeRow {
                    pack_ref: &edge.pack_ref,
                    constraint: edge.constraint.as_str(),
                    satisfied: edge.met,
                })
                .collect(),
        }
    });
    Output {
        roots: &graph.roots,
        packs: packs.collect(),
    }
}
