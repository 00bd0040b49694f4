use super::*;

fn entry(url: &str) -> Map<String, Value> {
    let headers = serde_json::json!({ "X-Token": "${T}" });
    let members = [
        ("url", Value::String(url.to_owned())),
        ("priority", Value::from(5)),
        ("headers", headers),
    ];
    members
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

#[track_caller]
fn added(text: &str, at: usize) -> String {
    apply(text, Change::Insert(at, &entry("new"))).unwrap_or_else(|| panic!("not edited:\n{text}"))
}

const NEW: &str = "- url: \"new\"\n      priority: 5\n      headers:\n        X-Token: \"${T}\"\n";

/// However little is there, the list begins where it belongs, and every other byte stays.
#[test]
fn first_entry_makes_the_list() {
    let rows = [
        ("", format!("pack_registry:\n  indices:\n    {NEW}")),
        (
            "# mine\n",
            format!("# mine\n\npack_registry:\n  indices:\n    {NEW}"),
        ),
        (
            "git: cli",
            format!("git: cli\n\npack_registry:\n  indices:\n    {NEW}"),
        ),
        (
            "pack_registry: # later\ngit: cli\n",
            format!("pack_registry: # later\n  indices:\n    {NEW}git: cli\n"),
        ),
        (
            "pack_registry:\n  timeout: 5 # short\ngit: cli\n",
            format!("pack_registry:\n  indices:\n    {NEW}  timeout: 5 # short\ngit: cli\n"),
        ),
        (
            "pack_registry:\n  indices: [] # none\n  timeout: 5\n",
            format!("pack_registry:\n  indices: # none\n    {NEW}  timeout: 5\n"),
        ),
        (
            "pack_registry:\n  indices: ~\n  timeout: 5\n",
            format!("pack_registry:\n  indices:\n    {NEW}  timeout: 5\n"),
        ),
        (
            "pack_registry:\n  indices:\n# nothing\ngit: cli\n",
            format!("pack_registry:\n  indices:\n    {NEW}# nothing\ngit: cli\n"),
        ),
    ];
    for (text, expected) in rows {
        assert_eq!(added(text, 0), expected, "{text}");
    }
}

const LIST: &str = "\
pack_registry:
  indices:
    # The first one.
    -
      # Where it is.
      url: a
      # headers: {}

    # The second one.
    - url: \"b\"
      headers: {X: |
          # no comment
        }
  # How long.
  timeout: 5
";

/// In a list with dashes an entry comes before a comment that belongs to the next one, and goes with its own.
#[test]
fn entries_come_and_go_with_their_comments() {
    let list = LIST.replace("{X: |\n          # no comment\n        }", "{X: \"#\"}");
    let first = added(&list, 0);
    assert!(
        first.contains(&format!(
            "  indices:\n    {NEW}\n    # The first one.\n    -\n"
        )),
        "{first}"
    );
    let second = added(&list, 1);
    assert!(
        second.contains(&format!(
            "# headers: {{}}\n\n    {NEW}\n    # The second one.\n"
        )),
        "{second}"
    );
    let third = added(&list, 7);
    assert!(
        third.contains(&format!("{{X: \"#\"}}\n\n    {NEW}  # How long.\n")),
        "{third}"
    );

    let without_first = apply(&list, Change::Remove(0)).unwrap();
    assert!(
        without_first
            .starts_with("pack_registry:\n  indices:\n    # The second one.\n    - url: \"b\"\n"),
        "{without_first}"
    );
    let without_second = apply(&list, Change::Remove(1)).unwrap();
    assert!(
        without_second.ends_with("      # headers: {}\n  # How long.\n  timeout: 5\n"),
        "{without_second}"
    );
    let none = apply(&without_second, Change::Remove(0)).unwrap();
    assert_eq!(
        none,
        "pack_registry:\n  indices: []\n  # How long.\n  timeout: 5\n"
    );
    // What was added and is removed again leaves no trace.
    for at in [0, 1, 2] {
        assert_eq!(
            apply(&added(&list, at), Change::Remove(at)).unwrap(),
            list,
            "{at}"
        );
    }
}

/// A list that is not indented is one too, wherever its dashes are.
#[test]
fn unindented_lists_are_edited() {
    let list = "pack_registry:\n  indices:\n  # One.\n  -\n    # It.\n    url: a\n  - url: b\n";
    for at in 0..3 {
        let text = added(list, at);
        assert_eq!(apply(&text, Change::Remove(at)).unwrap(), list, "{text}");
    }
}

/// Lists in brackets stay in brackets; line endings stay what they are.
#[test]
fn brackets_and_line_endings_stay() {
    let flow = "pack_registry: {indices: [{url: a}, # one\n  {url: b}], timeout: 5}\n";
    let braces = "{url: \"new\", priority: 5, headers: {X-Token: \"${T}\"}}";
    assert_eq!(
        added(flow, 1),
        format!(
            "pack_registry: {{indices: [{{url: a}}, # one\n  {braces}, {{url: b}}], timeout: 5}}\n"
        )
    );
    assert_eq!(
        added(flow, 2),
        format!(
            "pack_registry: {{indices: [{{url: a}}, # one\n  {{url: b}}, {braces}], timeout: 5}}\n"
        )
    );
    assert_eq!(
        apply(flow, Change::Remove(1)).unwrap(),
        "pack_registry: {indices: [{url: a}], timeout: 5}\n"
    );
    assert_eq!(
        apply("pack_registry:\n  indices: [{url: ä}]\n", Change::Remove(0)).unwrap(),
        "pack_registry:\n  indices: []\n"
    );
    let windows = "pack_registry:\r\n  indices:\r\n  - url: a\r\n";
    assert_eq!(
        added(windows, 1),
        "pack_registry:\r\n  indices:\r\n  - url: a\r\n  - url: \"new\"\r\n    priority: 5\r\n    headers:\r\n      X-Token: \"${T}\"\r\n"
    );
}

/// What cannot be edited without a doubt is not edited.
#[test]
fn doubtful_texts_are_left_alone() {
    let rows = [
        "{git: cli}\n",
        "pack_registry: {timeout: 5}\n",
        "pack_registry: {indices: []}\n",
        "pack_registry: 5\n",
        "pack_registry:\n  indices: 5\n",
        "x: &l [{url: a}]\npack_registry:\n  indices: *l\n",
        "git: cli\n...\n",
    ];
    for text in rows {
        assert_eq!(
            apply(text, Change::Insert(0, &entry("new"))),
            None,
            "{text}"
        );
    }
    let anchored = "pack_registry:\n  indices:\n    - &a {url: a}\n    - *a\n";
    assert_eq!(apply(anchored, Change::Remove(0)), None);
    assert_eq!(apply("git: cli\n", Change::Remove(0)), None);
}
