//! The tree as text, as `cargo tree` draws it: what was drawn once is not drawn below again, but marked `(*)`.

use std::collections::BTreeSet;

use pack_format::PackRef;

use super::graph::{Change, Edge, Graph, Pack};

/// What is still to be drawn.
struct Line<'g> {
    pack_ref: &'g PackRef,
    edge: Option<&'g Edge>,
    depth: usize,
    /// What stands before the lines below this one.
    indent: String,
    branch: &'static str,
}

/// Draws the tree down to `depth` steps from the roots.
///
/// A stack of its own: a chain of thousands of packs must not end the program.
pub(super) fn draw(graph: &Graph, depth: Option<usize>) -> String {
    let mut text = String::new();
    let mut drawn: BTreeSet<&PackRef> = BTreeSet::new();
    let mut open: Vec<Line<'_>> = (graph.roots.iter().rev())
        .map(|pack_ref| Line {
            pack_ref,
            edge: None,
            depth: 0,
            indent: String::new(),
            branch: "",
        })
        .collect();
    while let Some(line) = open.pop() {
        let Some(pack) = graph.packs.get(line.pack_ref) else {
            continue;
        };
        text.push_str(&line.indent);
        text.push_str(line.branch);
        text.push_str(&title(line.pack_ref, pack));
        if let Some(edge) = line.edge.filter(|edge| !edge.met && pack.version.is_some()) {
            text.push_str(&format!(" ✗ `{}` is needed", edge.constraint));
        }
        let cut = depth.is_some_and(|depth| line.depth >= depth);
        if !cut && !pack.edges.is_empty() && !drawn.insert(line.pack_ref) {
            text.push_str(" (*)");
        } else if !cut {
            open.extend(below(&line, pack));
        }
        text.push('\n');
    }
    text
}

/// The lines below one, the first on top of the stack.
fn below<'g>(line: &Line<'g>, pack: &'g Pack) -> Vec<Line<'g>> {
    let indent = match line.branch {
        "" => String::new(),
        "└── " => format!("{}    ", line.indent),
        _ => format!("{}│   ", line.indent),
    };
    let last = pack.edges.len().saturating_sub(1);
    let lines = pack.edges.iter().enumerate().rev().map(|(i, edge)| Line {
        pack_ref: &edge.pack_ref,
        edge: Some(edge),
        depth: line.depth + 1,
        indent: indent.clone(),
        branch: if i == last {
            "└── "
        } else {
            "├── "
        },
    });
    lines.collect()
}

/// A pack and what would happen to it.
pub(super) fn title(pack_ref: &PackRef, pack: &Pack) -> String {
    match (&pack.version, &pack.change) {
        (None, _) => format!("{pack_ref} (not there)"),
        (Some(version), Change::None) => format!("{pack_ref} {version}"),
        (Some(version), Change::New) => format!("{pack_ref} {version} (new)"),
        (Some(version), Change::Replaced(from)) => format!("{pack_ref} {version} (was {from})"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// A long chain neither ends the program nor takes long to place.
    #[test]
    fn long_chain_is_drawn() {
        const LENGTH: usize = 3000;
        let pack_ref = |i: usize| -> PackRef { format!("p{i}").parse().unwrap() };
        let packs: BTreeMap<PackRef, Pack> = (0..LENGTH)
            .map(|i| {
                let edge = Edge {
                    pack_ref: pack_ref(i + 1),
                    constraint: "*".parse().unwrap(),
                    met: true,
                };
                let pack = Pack {
                    version: Some("1.0.0".parse().unwrap()),
                    change: Change::None,
                    edges: if i + 1 < LENGTH {
                        vec![edge]
                    } else {
                        Vec::new()
                    },
                };
                (pack_ref(i), pack)
            })
            .collect();
        let graph = Graph {
            roots: vec![pack_ref(0)],
            packs,
        };
        assert_eq!(draw(&graph, None).lines().count(), LENGTH);
        assert_eq!(draw(&graph, Some(2)).lines().count(), 3);
        assert_eq!(super::super::layout::columns(&graph).len(), LENGTH);
    }
}
