//! The graph as an SVG picture that needs no other program: columns from left to right, light and dark.
//!
//! SECURITY: every text that is not ours passes `escape`.

use std::collections::BTreeMap;

use pack_format::PackRef;

use super::graph::{Change, Graph};
use super::layout;
use super::text::title;

const HEIGHT: usize = 28;
const ROW: usize = HEIGHT + 14;
const GAP: usize = 72;
/// How far below a pack lines pass that lead on, and those that lead back; both are between two rows.
const ON: usize = 10;
const BACK: usize = 4;
/// How far a line that turns around may reach; less than the margin is seen of it.
const TURN: usize = 20;
const MARGIN: usize = 16;
/// Width of a character of the font, in pixels, with some room.
const CHARACTER: usize = 8;

/// Colours follow what the reader prefers.
const STYLE: &str = "
  svg { --ink: #1f2328; --paper: #fff; --box: #f6f8fa; --line: #8c959f; --new: #1a7f37; --bad: #cf222e; background: var(--paper) }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --paper: #0d1117; --box: #161b22; --line: #6e7681; --new: #3fb950; --bad: #f85149 }
  }
  text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: var(--ink) }
  rect { fill: var(--box); stroke: var(--line) }
  path { fill: none; stroke: var(--line) }
  path.back { stroke-dasharray: 2 3 }
  .new rect { stroke: var(--new) }
  .bad rect, path.bad { stroke: var(--bad); stroke-dasharray: 4 3 }
";

/// Where a pack is drawn.
#[derive(Clone, Copy)]
struct Place {
    x: usize,
    y: usize,
    width: usize,
}

/// One picture.
pub(super) fn draw(graph: &Graph) -> String {
    let (places, width, height) = places(graph);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>Packs and what they need</title>\n<style>{STYLE}</style>\n"
    );
    for (pack_ref, pack) in &graph.packs {
        for edge in &pack.edges {
            let ends = places.get(pack_ref).zip(places.get(&edge.pack_ref));
            let Some((from, to)) = ends else { continue };
            let class = match (edge.met, from.x < to.x) {
                (false, _) => " class=\"bad\"",
                (true, false) => " class=\"back\"",
                (true, true) => "",
            };
            let said = escape(&format!(
                "{pack_ref}: {}@{}",
                edge.pack_ref, edge.constraint
            ));
            text.push_str(&format!(
                "<path{class} d=\"{}\"><title>{said}</title></path>\n",
                line(*from, *to)
            ));
        }
    }
    for (pack_ref, pack) in &graph.packs {
        let Some(place) = places.get(pack_ref) else {
            continue;
        };
        let class = match (&pack.version, &pack.change) {
            (None, _) => " class=\"bad\"",
            (_, Change::None) => "",
            _ => " class=\"new\"",
        };
        let Place { x, y, width } = place;
        text.push_str(&format!(
            "<g{class}><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" rx=\"6\"/><text x=\"{}\" y=\"{}\">{}</text></g>\n",
            x + 10,
            y + 18,
            escape(&title(pack_ref, pack))
        ));
    }
    text.push_str("</svg>\n");
    text
}

/// The place of every pack, then the width and height of the whole.
fn places(graph: &Graph) -> (BTreeMap<&PackRef, Place>, usize, usize) {
    let columns = layout::columns(graph);
    let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut places = BTreeMap::new();
    let mut x = MARGIN;
    for column in &columns {
        let label = |pack_ref: &&PackRef| {
            let pack = graph.packs.get(*pack_ref);
            pack.map_or(0, |pack| title(pack_ref, pack).chars().count())
        };
        let width = column.iter().map(label).max().unwrap_or(0) * CHARACTER + 20;
        // Whole rows, so that lines find a way between the packs of every column.
        let top = MARGIN + (rows - column.len()) / 2 * ROW;
        for (row, pack_ref) in column.iter().enumerate() {
            let y = top + row * ROW;
            places.insert(*pack_ref, Place { x, y, width });
        }
        x += width + GAP;
    }
    let width = x.saturating_sub(GAP) + MARGIN;
    (places, width, rows * ROW + 2 * MARGIN)
}

/// A line from the right edge of one to the left edge of the other, with an arrow head. It goes between the rows where
/// packs are in its way.
fn line(from: Place, to: Place) -> String {
    let (x1, y1) = (from.x + from.width, from.y + HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + HEIGHT / 2);
    let half = GAP / 2;
    let next = x1 + GAP;
    let way = if x2 <= x1 {
        // Back, as in a cycle: around both.
        let y = from.y + HEIGHT + BACK;
        let (right, left) = (x1 + TURN, x2.saturating_sub(TURN));
        format!(
            "M{x1} {y1}C{right} {y1} {right} {y} {x1} {y}H{x2}C{left} {y} {left} {y2} {x2} {y2}"
        )
    } else if x2 == next {
        format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + half, x2 - half)
    } else {
        let y = if y1 > y2 {
            to.y + HEIGHT + ON
        } else {
            (to.y + HEIGHT + ON).saturating_sub(ROW)
        };
        let last = x2 - GAP;
        format!(
            "M{x1} {y1}C{} {y1} {} {y} {next} {y}H{last}C{} {y} {} {y2} {x2} {y2}",
            x1 + half,
            next - half,
            last + half,
            x2 - half
        )
    };
    format!("{way}M{} {}l6 4-6 4", x2.saturating_sub(7), y2 - 4)
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    // Writing to a string cannot fail.
    let _ = registry_pages::escape(&mut escaped, text);
    escaped
}
