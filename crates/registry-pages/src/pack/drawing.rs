//! `Drawing`: a small graph in columns, drawn without script as inline SVG.
//!
//! Columns run left to right; in each, nodes are ordered by the mean height of what leads to them, so
//! that few lines cross. The same content always stands beside it as a list.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::limits::MAX_GRAPH_NODES;
use crate::text::one_line;

const NODE_WIDTH: usize = 172;
const NODE_HEIGHT: usize = 30;
const COLUMN_PITCH: usize = NODE_WIDTH + 44;
const ROW_PITCH: usize = NODE_HEIGHT + 12;
const TITLE_HEIGHT: usize = 24;
const MAX_LABEL_CHARS: usize = 21;

/// Columns a drawing may have; more would not fit beside the text (inclusive).
const MAX_COLUMNS: usize = 8;

/// A node before it has a place.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    /// Column, from the left.
    pub(crate) column: usize,
    /// Name it shows.
    pub(crate) name: String,
    /// Whether it belongs to another pack.
    pub(crate) foreign: bool,
}

/// A graph with its places worked out, in pixels.
#[derive(Debug, Serialize)]
pub(crate) struct Drawing {
    width: usize,
    height: usize,
    titles: Vec<Title>,
    nodes: Vec<Node>,
    /// Path data of every line, with its arrow head.
    lines: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Title {
    x: usize,
    text: &'static str,
}

#[derive(Debug, Serialize)]
struct Node {
    x: usize,
    y: usize,
    text_x: usize,
    text_y: usize,
    label: String,
    name: String,
    foreign: bool,
}

impl Drawing {
    /// Places `points`; `edges` are pairs of their indices. `None` when there is nothing to draw or too much.
    pub(crate) fn new(
        points: &[Point],
        edges: &[(usize, usize)],
        titles: &[&'static str],
    ) -> Option<Self> {
        let columns = points.iter().map(|p| p.column).max()? + 1;
        if edges.is_empty() || points.len() > MAX_GRAPH_NODES || columns > MAX_COLUMNS {
            return None;
        }
        let rows = rows(points, edges, columns);
        let most = rows.values().max()? + 1;
        let top = if titles.is_empty() { 1 } else { TITLE_HEIGHT };
        let nodes: Vec<Node> = points
            .iter()
            .enumerate()
            .map(|(i, point)| {
                let in_column = points.iter().filter(|p| p.column == point.column).count();
                let inset = (most - in_column) * ROW_PITCH / 2;
                Node::new(point, top + inset + rows.get(&i).unwrap_or(&0) * ROW_PITCH)
            })
            .collect();
        let ends = edges
            .iter()
            .filter_map(|(from, to)| Some((nodes.get(*from)?, nodes.get(*to)?)));
        let lines = ends.map(|(from, to)| line(from, to)).collect();
        Some(Self {
            width: columns * COLUMN_PITCH - (COLUMN_PITCH - NODE_WIDTH) + 2,
            height: top + most * ROW_PITCH - (ROW_PITCH - NODE_HEIGHT) + 1,
            titles: titles
                .iter()
                .enumerate()
                .map(|(i, text)| Title {
                    x: i * COLUMN_PITCH + 1,
                    text,
                })
                .collect(),
            lines,
            nodes,
        })
    }
}

impl Node {
    fn new(point: &Point, y: usize) -> Self {
        let x = point.column * COLUMN_PITCH + 1;
        Self {
            x,
            y,
            text_x: x + 10,
            text_y: y + 19,
            label: one_line(&point.name, MAX_LABEL_CHARS),
            name: point.name.clone(),
            foreign: point.foreign,
        }
    }
}

/// The row of every point in its column.
fn rows(points: &[Point], edges: &[(usize, usize)], columns: usize) -> BTreeMap<usize, usize> {
    let mut rows = BTreeMap::new();
    for column in 0..columns {
        let mut members: Vec<(usize, usize)> = (0..points.len())
            .filter(|i| points.get(*i).is_some_and(|p| p.column == column))
            .map(|i| {
                let before = edges
                    .iter()
                    .filter(|(_, to)| *to == i)
                    .filter_map(|(from, _)| rows.get(from));
                let (sum, count) = before.fold((0_usize, 0_usize), |(sum, count), row| {
                    (sum + row * 100, count + 1)
                });
                (sum.checked_div(count).unwrap_or(usize::MAX), i)
            })
            .collect();
        members.sort_unstable();
        rows.extend(
            members
                .into_iter()
                .enumerate()
                .map(|(row, (_, i))| (i, row)),
        );
    }
    rows
}

/// A curve from the right edge of one node to the left edge of another, with an arrow head.
fn line(from: &Node, to: &Node) -> String {
    let (x1, y1) = (from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2);
    let (x2, y2) = (to.x, to.y + NODE_HEIGHT / 2);
    let bend = 22;
    format!(
        "M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}M{} {}l5 4-5 4",
        x1 + bend,
        x2.saturating_sub(bend),
        x2.saturating_sub(6),
        y2 - 4,
    )
}

/// The column of every task of a workflow: the longest way to it, loops cut.
pub(crate) fn layers(count: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut layers = vec![0; count];
    // A way without loops has fewer steps than there are nodes, and more columns are not drawn anyway.
    for _ in 0..count.min(MAX_COLUMNS + 1) {
        for (from, to) in edges {
            let next = layers.get(*from).map_or(0, |layer| layer + 1);
            if let Some(layer) = layers.get_mut(*to) {
                *layer = next.max(*layer);
            }
        }
    }
    layers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(column: usize, name: &str) -> Point {
        Point {
            column,
            name: name.to_owned(),
            foreign: false,
        }
    }

    /// Nodes of a later column stand beside what leads to them.
    #[test]
    fn rows_follow_what_leads_to_them() {
        let points = [
            point(0, "a"),
            point(0, "b"),
            point(1, "of b"),
            point(1, "of a"),
        ];
        let rows = rows(&points, &[(0, 3), (1, 2)], 2);
        assert_eq!(rows.into_values().collect::<Vec<_>>(), [0, 1, 1, 0]);
    }

    /// The limit is drawn, one more is not, and neither is a graph without lines.
    #[test]
    fn drawing_stops_at_its_limit() {
        let points = |n: usize| (0..n).map(|i| point(i % 2, "x")).collect::<Vec<_>>();
        assert!(Drawing::new(&points(MAX_GRAPH_NODES), &[(0, 1)], &[]).is_some());
        assert!(Drawing::new(&points(MAX_GRAPH_NODES + 1), &[(0, 1)], &[]).is_none());
        assert!(Drawing::new(&points(2), &[], &[]).is_none());
        assert!(Drawing::new(&[], &[], &[]).is_none());
    }

    /// The longest way counts; a loop ends in too many columns, not in an endless one.
    #[test]
    fn layers_take_the_longest_way() {
        assert_eq!(layers(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), [0, 1, 2, 3]);
        let looped = layers(2, &[(0, 1), (1, 0)]);
        assert!(looped.iter().all(|layer| *layer < 100), "{looped:?}");
    }
}
