//! The graph in the DOT language of Graphviz.

use super::graph::Graph;
use super::text::title;

/// One digraph; what is needed and not there, and needs that are not met, are drawn red.
pub(super) fn draw(graph: &Graph) -> String {
    let mut text = String::from("digraph packs {\n  rankdir=LR;\n  node [shape=box];\n");
    for (pack_ref, pack) in &graph.packs {
        let colour = if pack.version.is_none() {
            ", color=red"
        } else {
            ""
        };
        let label = quoted(&title(pack_ref, pack));
        let name = quoted(pack_ref.as_str());
        text.push_str(&format!("  {name} [label={label}{colour}];\n"));
    }
    for (pack_ref, pack) in &graph.packs {
        for edge in &pack.edges {
            let colour = if edge.met { "" } else { ", color=red" };
            text.push_str(&format!(
                "  {} -> {} [label={}{colour}];\n",
                quoted(pack_ref.as_str()),
                quoted(edge.pack_ref.as_str()),
                quoted(edge.constraint.as_str())
            ));
        }
    }
    text.push_str("}\n");
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
