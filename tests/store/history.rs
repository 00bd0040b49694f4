//! `pack history`, `pack rollback --generation`, `pack prune`: generations as people work with them.

use std::fs;

use crate::install::registry;
use crate::support::{Place, snapshot};

/// Generation 1: slack 1.0.0; 2: slack 2.0.0; 3: monitor; 4: slack is left, monitor gone.
fn lived() -> Place {
    let place = registry();
    place.install("slack@1.0.0");
    place.install("slack");
    place.install("monitor");
    place.pack_run(&["uninstall", "monitor", "--yes"], 0);
    place
}

/// The history of one pack is the generations that changed it.
#[test]
fn history_of_one_pack() {
    let place = lived();
    let numbers = |args: &[&str]| -> Vec<u64> {
        let entries = place.pack_run(args, 0).json();
        let entries = entries.as_array().unwrap().clone();
        entries
            .iter()
            .map(|entry| entry["generation"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(numbers(&["history", "--json"]), [4, 3, 2, 1]);
    assert_eq!(numbers(&["history", "slack", "--json"]), [2, 1]);
    assert_eq!(numbers(&["history", "monitor", "--json"]), [4, 3]);
    assert!(numbers(&["history", "nosuch", "--json"]).is_empty());
    let none = place.pack_run(&["history", "nosuch"], 0);
    assert_eq!(none.stderr, "no generation changed `nosuch`\n");
    let table = place.pack_run(&["history", "slack"], 0).stdout;
    assert!(
        table.contains("slack 1.0.0 -> 2.0.0") && table.contains("+slack@1.0.0"),
        "{table}"
    );
}

/// Two generations, in either direction, or one and the active one.
#[test]
fn generations_are_compared() {
    let place = lived();
    for (args, text) in [
        (
            ["1", "3"].as_slice(),
            "Generation 1 to 3\n  +monitor@1.0.0\n  slack 1.0.0 -> 2.0.0\n",
        ),
        (
            &["3", "1"],
            "Generation 3 to 1\n  -monitor@1.0.0\n  slack 2.0.0 -> 1.0.0\n",
        ),
        (&["3"], "Generation 3 to 4\n  -monitor@1.0.0\n"),
        (&["2", "4"], "Generation 2 to 4: no difference\n"),
    ] {
        let run = place.pack_run(&[&["history", "--diff"], args].concat(), 0);
        assert_eq!(run.stdout, text);
    }
    let json = place
        .pack_run(&["history", "--json", "--diff", "1", "2"], 0)
        .json();
    assert_eq!(
        json,
        serde_json::json!({"from": 1, "to": 2, "changes": [{"ref": "slack", "from": "1.0.0", "to": "2.0.0"}]})
    );
    let said = place.refused(&["history", "--diff", "2", "9"], 1);
    assert!(
        said.starts_with("error: there is no generation 9; there are: 1, 2, 3, 4\n"),
        "{said}"
    );
}

/// All of a generation comes back, as a new one; one that is not there changes nothing.
#[test]
fn whole_generation_comes_back() {
    let place = lived();
    let run = place.pack_run(&["rollback", "--generation", "1"], 0);
    assert_eq!(
        run.stdout,
        "✓ Rolled back; generation 5 is active\n  slack 2.0.0 -> 1.0.0\n"
    );
    assert_eq!(place.active("slack").as_deref(), Some("1.0.0"));
    place.pack_run(&["rollback", "--generation", "3"], 0);
    assert_eq!(place.active("monitor").as_deref(), Some("1.0.0"));
    assert_eq!(place.active("slack").as_deref(), Some("2.0.0"));
    place.pack_run(&["verify"], 0);
    let said = place.refused(&["rollback", "--generation", "99"], 1);
    assert!(said.contains("there is no generation 99"), "{said}");
    // What is like that already needs no new generation.
    let run = place
        .pack_run(&["rollback", "--generation", "3", "--json"], 0)
        .json();
    assert_eq!(run["generation"], serde_json::Value::Null);
}

/// `--dry-run` tells what a prune then does, and removes nothing.
#[test]
fn prune_can_be_tried() {
    let place = lived();
    let args = ["prune", "--keep", "1", "--json"];
    let before = snapshot(&place.installed());
    let told = place
        .pack_run(&[args.as_slice(), &["--dry-run"]].concat(), 0)
        .json();
    assert_eq!(snapshot(&place.installed()), before);
    assert_eq!(told["generations"], serde_json::json!([1, 2, 3]));
    assert_eq!(told["trees"], 2);
    let done = place.pack_run(&args, 0).json();
    assert_eq!(
        (&told["dry_run"], &done["dry_run"]),
        (&true.into(), &false.into())
    );
    for member in ["generations", "trees", "freed_bytes", "cache"] {
        assert_eq!(told[member], done[member], "{member}");
    }
    let store = place.installed().join(".attune/store");
    assert_eq!(fs::read_dir(store).unwrap().count(), 1);
    place.pack_run(&["verify"], 0);
    place.pack_run(&["prune", "--keep", "0"], 2);
}
