//! Places for the packs of a graph: columns from left to right, each pack right of what leads to it.

use std::collections::BTreeMap;

use pack_format::PackRef;

use super::graph::Graph;

/// How often rows are sorted anew, to the right and back.
const SWEEPS: usize = 4;

/// The columns, each with its packs from top to bottom.
pub(super) fn columns(graph: &Graph) -> Vec<Vec<&PackRef>> {
    let names: Vec<&PackRef> = graph.packs.keys().collect();
    let index: BTreeMap<&PackRef, usize> = (names.iter().enumerate())
        .map(|(i, name)| (*name, i))
        .collect();
    let below: Vec<Vec<usize>> = (graph.packs.values())
        .map(|pack| {
            let ends = pack.edges.iter();
            ends.filter_map(|edge| index.get(&edge.pack_ref).copied())
                .collect()
        })
        .collect();
    let starts = graph
        .roots
        .iter()
        .filter_map(|root| index.get(root).copied());
    let order = ordered(&below, starts.chain(0..names.len()));
    let mut position = vec![0; names.len()];
    for (place, node) in order.iter().enumerate() {
        position[*node] = place;
    }
    let forward = |from: usize, to: usize| position[from] < position[to];
    let mut column = vec![0_usize; names.len()];
    for from in &order {
        for to in below[*from].iter().filter(|to| forward(*from, **to)) {
            column[*to] = column[*to].max(column[*from] + 1);
        }
    }
    let mut columns = vec![Vec::new(); column.iter().max().map_or(0, |last| last + 1)];
    for node in 0..names.len() {
        columns[column[node]].push(node);
    }
    sort_rows(&mut columns, &below);
    (columns.into_iter())
        .map(|column| column.into_iter().map(|node| names[node]).collect())
        .collect()
}

/// Every node before what it leads to; lines that close a circle are passed over.
fn ordered(below: &[Vec<usize>], starts: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut seen = vec![false; below.len()];
    let mut finished = Vec::with_capacity(below.len());
    for start in starts {
        if seen[start] {
            continue;
        }
        seen[start] = true;
        let mut path = vec![(start, 0)];
        while let Some((node, next)) = path.last_mut() {
            let Some(to) = below[*node].get(*next).copied() else {
                finished.push(*node);
                path.pop();
                continue;
            };
            *next += 1;
            if !seen[to] {
                seen[to] = true;
                path.push((to, 0));
            }
        }
    }
    finished.reverse();
    finished
}

/// Sorts each column by the mean row of its neighbours, so that few lines cross.
fn sort_rows(columns: &mut [Vec<usize>], below: &[Vec<usize>]) {
    let mut above = vec![Vec::new(); below.len()];
    for (from, ends) in below.iter().enumerate() {
        for to in ends {
            above[*to].push(from);
        }
    }
    let mut row = vec![0_usize; below.len()];
    for sweep in 0..SWEEPS {
        let neighbours = if sweep % 2 == 0 { &above } else { below };
        for column in columns.iter_mut() {
            // Thousandths, so that no floating point decides.
            let mean = |node: &usize| {
                let all = &neighbours[*node];
                let sum: usize = all.iter().map(|other| row[*other] * 1000).sum();
                sum.checked_div(all.len()).unwrap_or(row[*node] * 1000)
            };
            let mut keyed: Vec<(usize, usize)> = column.iter().map(|n| (mean(n), *n)).collect();
            keyed.sort_unstable();
            *column = keyed.into_iter().map(|(_, node)| node).collect();
            for (place, node) in column.iter().enumerate() {
                row[*node] = place;
            }
        }
    }
}
