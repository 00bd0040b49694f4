//! What needs a pack and what it needs, drawn: at most a few on each side; the lists beside it have all.

use std::collections::BTreeSet;

use pack_format::PackRef;

use crate::pack::drawing::{Drawing, Point};

/// Packs drawn on one side (inclusive).
const MAX_SIDE: usize = 8;

/// The drawing; `None` where a pack stands alone.
pub(crate) fn draw<'a>(
    pack_ref: &'a PackRef,
    needs: impl Iterator<Item = &'a PackRef>,
    dependents: &'a [PackRef],
    listed: &BTreeSet<PackRef>,
) -> Option<Drawing> {
    let needs: Vec<&PackRef> = needs.take(MAX_SIDE).collect();
    let dependents = dependents.iter().take(MAX_SIDE);
    let has_dependents = dependents.len() > 0;
    let middle = usize::from(has_dependents);
    let point = |column, name: &PackRef| Point {
        column,
        name: name.to_string(),
        foreign: !listed.contains(name),
    };
    let mut points = vec![point(middle, pack_ref)];
    let mut edges = Vec::new();
    for dependent in dependents {
        edges.push((points.len(), 0));
        points.push(point(0, dependent));
    }
    for needed in &needs {
        edges.push((0, points.len()));
        points.push(point(middle + 1, needed));
    }
    let titles: &[&'static str] = match (has_dependents, needs.is_empty()) {
        (true, true) => &["Needed by", "This pack"],
        (true, false) => &["Needed by", "This pack", "Needs"],
        (false, _) => &["This pack", "Needs"],
    };
    Drawing::new(&points, &edges, titles)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both sides, one, or none.
    #[test]
    fn sides_are_drawn_as_far_as_they_go() {
        let refs: Vec<PackRef> = (0..20).map(|n| format!("p{n}").parse().unwrap()).collect();
        let listed = BTreeSet::new();
        let nodes = |needs: usize, dependents: usize| {
            let drawing = draw(
                &refs[0],
                refs[1..=needs].iter(),
                &refs[1..=dependents],
                &listed,
            );
            let drawing = drawing.map(|drawing| serde_json::to_value(drawing).unwrap());
            drawing.map(|drawing| drawing["nodes"].as_array().unwrap().len())
        };
        assert_eq!(
            [nodes(2, 3), nodes(0, 1), nodes(1, 0)],
            [Some(6), Some(2), Some(2)]
        );
        assert_eq!(nodes(19, 19), Some(17));
        assert_eq!(nodes(0, 0), None);
    }
}
