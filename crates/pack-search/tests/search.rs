//! The index against a plain search through all records, and the sizes it promises.

#![expect(clippy::unwrap_used, reason = "a broken fixture fails its test")]

use std::collections::BTreeMap;
use std::sync::Mutex;

use pack_format::PackRef;
use pack_format::documents::PackDocument;
use pack_search::{
    Field, HEAD, Head, Hits, MAX_FILE_BYTES, Query, RANK, Rank, Ranks, SearchRecord, WordFile,
    files,
};
use serde_json::{Value, json};

/// Syllables and subjects, so that words share beginnings and some are everywhere.
const SYLLABLES: [&str; 16] = [
    "se", "nd", "sla", "ck", "me", "ss", "age", "ch", "an", "nel", "bu", "ild", "li", "st", "co",
    "re",
];
const SUBJECTS: [&str; 6] = ["cloud", "chat", "monitor", "deploy", "backup", "network"];

/// A generator that gives the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }

    fn word(&mut self) -> String {
        (0..=self.below(3))
            .map(|_| SYLLABLES[self.below(16)])
            .collect()
    }
}

/// A pack with `actions` actions.
fn document(number: usize, actions: usize, numbers: &mut Numbers) -> PackDocument {
    let subject = SUBJECTS[number % 6];
    let action = |numbers: &mut Numbers| {
        json!({
            "name": format!("{}_{}", numbers.word(), numbers.word()),
            "description": format!("{} the {} of {}", numbers.word(), numbers.word(), subject),
            "parameters": [{"name": numbers.word(), "type": "string"}, {"name": "timeout", "type": "integer"}],
        })
    };
    let actions: Vec<Value> = (0..actions).map(|_| action(numbers)).collect();
    let text = json!({
        "format": 2,
        "ref": format!("{subject}-{}-{number}", numbers.word()),
        "versions": [{
            "version": "1.0.0", "published_at": "2026-01-31T12:00:00Z", "label": format!("{subject} {}", numbers.word()),
            "description": format!("Pack {} for {subject}", numbers.word()), "author": "Somebody", "license": "MIT",
            "keywords": [subject], "file_count": 1, "unpacked_bytes": 1,
            "meta": {"downloads": numbers.below(5000)},
            "components": {"actions": actions},
        }],
    });
    serde_json::from_value(text).unwrap()
}

fn records(count: usize, actions: usize) -> BTreeMap<PackRef, SearchRecord> {
    let mut numbers = Numbers(7);
    (0..count)
        .map(|number| {
            let document = document(number, actions, &mut numbers);
            (
                document.pack_ref.clone(),
                SearchRecord::of(&document).unwrap(),
            )
        })
        .collect()
}

fn index(records: &BTreeMap<PackRef, SearchRecord>) -> BTreeMap<String, Vec<u8>> {
    let packs = records.iter().map(|(r, record)| (r, record.indexed()));
    let found = Mutex::new(BTreeMap::new());
    let taken: Result<(), ()> = files(
        &packs.collect(),
        |_| 0,
        |file| {
            let before = found.lock().unwrap().insert(file.path, file.bytes);
            assert!(before.is_none(), "one path, two files");
            Ok(())
        },
    );
    taken.unwrap();
    found.into_inner().unwrap()
}

fn ask(files: &BTreeMap<String, Vec<u8>>, question: &str) -> Hits {
    let head: Head = serde_json::from_slice(&files[HEAD]).unwrap();
    let rank: Rank = files.get(RANK).map_or_else(Rank::default, |bytes| {
        serde_json::from_slice(bytes).unwrap()
    });
    let query = Query::parse(question);
    let words: BTreeMap<String, WordFile> = query
        .files(&head)
        .into_iter()
        .map(|path| {
            let file = serde_json::from_slice(&files[&path]).unwrap();
            (path, file)
        })
        .collect();
    query.run(&head, &words, &Ranks::from(rank), 0..usize::MAX)
}

/// The words of every record, to be searched plainly.
fn texts(records: &BTreeMap<PackRef, SearchRecord>) -> Vec<(PackRef, String)> {
    let text = |record: &SearchRecord| format!(";{}", record.words);
    records
        .iter()
        .map(|(pack_ref, record)| (pack_ref.clone(), text(record)))
        .collect()
}

/// Refs whose record has, for every word, one that begins with it.
fn plainly(texts: &[(PackRef, String)], question: &str) -> Vec<PackRef> {
    let fits = |text: &str| {
        question
            .split(' ')
            .all(|word| text.contains(&format!(";{word}")))
    };
    texts
        .iter()
        .filter(|(_, text)| fits(text))
        .map(|(pack_ref, _)| pack_ref.clone())
        .collect()
}

/// Every answer holds exactly the packs that a search through everything finds, however the files are cut.
#[test]
fn answers_are_those_of_a_search_through_everything() {
    for count in [0, 1, 40, 700] {
        let records = records(count, 4);
        let files = index(&records);
        let texts = texts(&records);
        let head: Head = serde_json::from_slice(&files[HEAD]).unwrap();
        assert_eq!(head.packs, count);
        assert_eq!(head.split.is_empty(), count < 100, "{:?}", head.split);
        let mut expected: Vec<String> = head.paths();
        expected.sort();
        assert_eq!(files.keys().cloned().collect::<Vec<_>>(), expected);
        let mut numbers = Numbers(3);
        for round in 0..100 {
            let mut question = numbers.word();
            question.truncate(1 + round % 6);
            if round % 3 == 0 {
                question = format!("{question} {}", SUBJECTS[round % 6]);
            }
            if [
                "a", "an", "all", "as", "at", "be", "by", "in", "is", "it", "on", "or", "to", "us",
            ]
            .contains(&question.split(' ').next().unwrap())
            {
                continue;
            }
            let found = ask(&files, &question);
            let expected = plainly(&texts, &question);
            if expected.is_empty() {
                assert!(found.partial || found.hits.is_empty(), "{question}");
                continue;
            }
            let mut refs: Vec<PackRef> =
                found.hits.iter().map(|hit| hit.pack_ref.clone()).collect();
            refs.sort();
            assert_eq!(refs, expected, "{count} {question}");
            assert!(!found.partial && !found.more);
            assert!(
                found
                    .hits
                    .is_sorted_by_key(|hit| (-hit.score, hit.pack_ref.clone()))
            );
        }
    }
}

/// A word in more packs than are listed keeps the best of them, and does not hide what other words find.
#[test]
fn words_of_many_packs_are_cut() {
    let records = records(2_400, 1);
    let files = index(&records);
    let found = ask(&files, "timeout");
    assert!(found.more);
    assert_eq!(found.hits.len(), 1_000);
    let rare = records.keys().next_back().unwrap();
    let number = rare.as_str().rsplit('-').next().unwrap();
    let both = ask(&files, &format!("timeout {number}"));
    assert!(
        both.hits.iter().any(|hit| hit.pack_ref == *rare),
        "{both:?}"
    );
    assert_eq!(ask(&files, rare.as_str()).hits[0].pack_ref, *rare);
}

/// One changed pack changes the files of its words and its table, and no others.
#[test]
fn files_without_a_changed_word_stay_as_they_are() {
    let mut records = records(700, 4);
    let before = index(&records);
    let changed = records.keys().nth(350).unwrap().clone();
    let mut document = document(0, 1, &mut Numbers(99));
    document.pack_ref = changed.clone();
    records.insert(changed, SearchRecord::of(&document).unwrap());
    let after = index(&records);
    let differing = after
        .iter()
        .filter(|(path, bytes)| before.get(*path) != Some(bytes))
        .count();
    assert!(
        differing > 0 && differing < after.len() / 2,
        "{differing} of {}",
        after.len()
    );
}

/// Packs about chat.
fn chat_packs() -> BTreeMap<PackRef, SearchRecord> {
    let pack = |pack_ref: &str, label: &str, extra: Value| {
        let mut version = json!({
            "version": "1.0.0", "published_at": "2026-01-31T12:00:00Z", "label": label, "author": "Team Ops",
            "license": "MIT", "file_count": 1, "unpacked_bytes": 1, "components": {},
        });
        version
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let document = json!({"format": 2, "ref": pack_ref, "versions": [version]});
        let document: PackDocument = serde_json::from_value(document).unwrap();
        (
            document.pack_ref.clone(),
            SearchRecord::of(&document).unwrap(),
        )
    };
    let action = json!({"components": {"actions": [{
        "name": "sendMessage", "description": "Posts to a room",
        "parameters": [{"name": "to", "properties": [{"name": "channel_id"}]}],
    }]}});
    let mut yanked = json!({"description": "Chat channel tools"});
    yanked["yanked"] = json!({"at": "2026-02-01T12:00:00Z"});
    BTreeMap::from([
        pack("slack", "Slack", action),
        pack(
            "slack-extras",
            "More of it",
            json!({"keywords": ["channel"]}),
        ),
        pack("irc", "IRC", yanked),
        pack(
            "teams",
            "Teams",
            json!({"description": "Chat channels", "configuration": [{"name": "tenant"}]}),
        ),
        pack(
            "zulip",
            "Zulip",
            json!({"description": "Chat channels", "meta": {"downloads": 900}}),
        ),
    ])
}

/// Where a word says most wins, whole words beat beginnings, use breaks ties, and the reason is told.
#[test]
fn matches_say_why() {
    let files = index(&chat_packs());
    let told = |question: &str| -> Vec<String> {
        let row = |hit: &pack_search::Hit| {
            let why: Vec<String> = hit.matches.iter().map(ToString::to_string).collect();
            format!("{}: {}", hit.pack_ref, why.join(", "))
        };
        ask(&files, question).hits.iter().map(row).collect()
    };
    assert_eq!(told("slack"), ["slack: ref", "slack-extras: ref"]);
    assert_eq!(told("Slack Extras"), ["slack-extras: ref, ref"]);
    assert_eq!(
        told("message chan"),
        ["slack: action `sendMessage`, parameter `channel_id` of `sendMessage`"]
    );
    assert_eq!(
        told("channel"),
        [
            "slack-extras: keyword",
            "zulip: description",
            "slack: parameter `channel_id` of `sendMessage`",
            "teams: description",
            "irc: description",
        ]
    );
    assert_eq!(told("room the"), ["slack: text of a component"]);
    assert_eq!(told("tenant"), ["teams: configuration `tenant`"]);
    assert_eq!(told("ops zulip"), ["zulip: author, ref"]);
    assert_eq!(told("zulip nowhere"), ["zulip: ref"]);
    assert!(ask(&files, "zulip nowhere").partial);
    assert!(told("nowhere").is_empty() && told("").is_empty());
    assert_eq!(
        ask(&files, "message").hits[0].matches[0].field,
        Field::Action
    );
}

/// What a browser loads for a question among 100,000 packs, and how long an answer takes. Ignored:
/// `cargo test --release -p pack-search -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn a_hundred_thousand_packs() {
    let records = records(100_000, 8);
    let start = std::time::Instant::now();
    let files = index(&records);
    let largest = files.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let total: usize = files.values().map(Vec::len).sum();
    println!(
        "{:?}: {} files, {total} bytes, largest {} {}",
        start.elapsed(),
        files.len(),
        largest.0,
        largest.1.len()
    );
    println!("head {}", files[HEAD].len());
    assert!(largest.1.len() <= MAX_FILE_BYTES);
    let head: Head = serde_json::from_slice(&files[HEAD]).unwrap();
    let ranks = Ranks::from(serde_json::from_slice::<Rank>(&files[RANK]).unwrap());
    let mut numbers = Numbers(11);
    let mut times: Vec<_> = (0..500)
        .map(|_| {
            let query = Query::parse(&format!("{} {}", numbers.word(), numbers.word()));
            let start = std::time::Instant::now();
            let words = query.files(&head).into_iter().map(|path| {
                let file = serde_json::from_slice(&files[&path]).unwrap();
                (path, file)
            });
            let words: BTreeMap<String, WordFile> = words.collect();
            let read = start.elapsed();
            let hits = query.run(&head, &words, &ranks, 0..20);
            assert!(hits.hits.len() <= 20);
            (start.elapsed(), read)
        })
        .collect();
    times.sort();
    println!(
        "answers: p50 {:?} p99 {:?}, of which reading {:?}",
        times[250].0, times[495].0, times[250].1
    );
}
