//! Builds a [`Node`] from parser events, within a budget.

use std::borrow::Cow;
use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::{Member, Node, NodeValue, Scalar, ScalarType, plain};
use crate::limits::{
    MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_METADATA_EXPANDED_BYTES, MAX_METADATA_NODES,
};
use crate::metadata_error::MetadataError;
use crate::text::is_deceptive;

/// Mappings up to this size are searched for duplicates pair by pair while they are read, larger ones at their end.
const FEW_KEYS: usize = 16;

pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Node, MetadataError> {
    let fail = |line, reason: &str| MetadataError::new(file, Some(line), reason);
    if bytes.len() > MAX_METADATA_BYTES {
        return Err(MetadataError::new(
            file,
            None,
            format!(
                "it is longer than {MAX_METADATA_BYTES} bytes, the most a text of metadata may have"
            ),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let good = std::str::from_utf8(&bytes[..e.valid_up_to()]).unwrap_or_default();
        let line = 1 + good.matches('\n').count();
        fail(line, "it is not UTF-8").with_hint("save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if let Some(node) = plain::parse(text) {
        return Ok(node);
    }
    if let Some(at) =
        text.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}'))
    {
        let line = 1 + text[..at].matches('\n').count();
        return Err(fail(line, "it holds a control character"));
    }
    full(file, text)
}

/// Reads any YAML.
pub(super) fn full(file: &str, text: &str) -> Result<Node, MetadataError> {
    let mut builder = Builder {
        file,
        // Plain ASCII without escapes holds no such character: what is left of them was refused above.
        may_deceive: !text.is_ascii() || text.contains('\\'),
        parser: Parser::new_from_str(text),
        anchors: BTreeMap::new(),
        nodes: 0,
        bytes: 0,
    };
    builder.document()
}

struct Builder<'a> {
    file: &'a str,
    /// Whether scalars have to be searched for deceptive characters.
    may_deceive: bool,
    parser: Parser<'a, StrInput<'a>>,
    /// Finished nodes that an alias may repeat, with what they expand to.
    anchors: BTreeMap<usize, (Node, Cost)>,
    nodes: usize,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    nodes: usize,
    bytes: usize,
}

impl<'a> Builder<'a> {
    fn fail(&self, line: usize, reason: impl Into<String>) -> MetadataError {
        MetadataError::new(self.file, Some(line), reason)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), MetadataError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(e)) => {
                Err(self.fail(e.marker().line(), format!("not valid YAML: {}", e.info())))
            }
            None => Err(MetadataError::new(
                self.file,
                None,
                "not valid YAML: it ends too early",
            )),
        }
    }

    fn document(&mut self) -> Result<Node, MetadataError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::StreamEnd => break,
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(self
                        .fail(span.start.line(), "a second document starts here")
                        .with_hint("keep one document in the file"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                _ => return Err(self.fail(span.start.line(), "content stands after the document")),
            }
        }
        Ok(root.unwrap_or(Node {
            line: 1,
            value: NodeValue::Scalar(Scalar::new(String::new(), true)),
        }))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, MetadataError> {
        let line = span.start.line();
        let before = Cost {
            nodes: self.nodes,
            bytes: self.bytes,
        };
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.spend(
                    line,
                    Cost {
                        nodes: 1,
                        bytes: text.len(),
                    },
                )?;
                (
                    NodeValue::Scalar(self.scalar(line, text, style, tag.as_deref())?),
                    anchor,
                )
            }
            Event::SequenceStart(anchor, tag) => {
                self.enter(line, depth, tag.as_deref(), "seq")?;
                (NodeValue::Sequence(self.sequence(depth)?), anchor)
            }
            Event::MappingStart(anchor, tag) => {
                self.enter(line, depth, tag.as_deref(), "map")?;
                (NodeValue::Mapping(self.mapping(depth)?), anchor)
            }
            Event::Alias(anchor) => return self.alias(line, anchor, depth),
            _ => return Err(self.fail(line, "not valid YAML: a value is missing")),
        };
        let node = Node { line, value };
        if anchor != 0 {
            let cost = Cost {
                nodes: self.nodes - before.nodes,
                bytes: self.bytes - before.bytes,
            };
            self.anchors.insert(anchor, (node.clone(), cost));
        }
        Ok(node)
    }

    /// Counts `cost` against the budget of the document.
    fn spend(&mut self, line: usize, cost: Cost) -> Result<(), MetadataError> {
        self.nodes += cost.nodes;
        self.bytes += cost.bytes;
        if self.nodes > MAX_METADATA_NODES {
            return Err(self.fail(
                line,
                format!("it expands to more than {MAX_METADATA_NODES} values"),
            ));
        }
        if self.bytes > MAX_METADATA_EXPANDED_BYTES {
            return Err(self.fail(
                line,
                format!("it expands to more than {MAX_METADATA_EXPANDED_BYTES} bytes"),
            ));
        }
        Ok(())
    }

    fn enter(
        &mut self,
        line: usize,
        depth: usize,
        tag: Option<&Tag>,
        core: &str,
    ) -> Result<(), MetadataError> {
        self.spend(line, Cost { nodes: 1, bytes: 0 })?;
        if depth >= MAX_METADATA_DEPTH {
            return Err(self.fail(
                line,
                format!("values are nested deeper than {MAX_METADATA_DEPTH} levels"),
            ));
        }
        match tag {
            Some(tag) if !(tag.is_yaml_core_schema() && tag.suffix == core) => {
                Err(self.foreign_tag(line, tag))
            }
            _ => Ok(()),
        }
    }

    fn foreign_tag(&self, line: usize, tag: &Tag) -> MetadataError {
        self.fail(
            line,
            format!(
                "the tag `{}` is not allowed",
                crate::text::printable(&tag.to_string())
            ),
        )
        .with_hint("remove the tag")
    }

    fn scalar(
        &self,
        line: usize,
        text: Cow<'a, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
    ) -> Result<Scalar, MetadataError> {
        if self.may_deceive && text.chars().any(is_deceptive) {
            return Err(self.fail(
                line,
                "a value holds a control character or one that changes the direction of text",
            ));
        }
        let plain = match tag {
            None => style == ScalarStyle::Plain,
            Some(tag) if tag.is_yaml_core_schema() && tag.suffix == "str" => false,
            Some(tag)
                if tag.is_yaml_core_schema()
                    && matches!(tag.suffix.as_str(), "int" | "float" | "bool" | "null") =>
            {
                true
            }
            Some(tag) => return Err(self.foreign_tag(line, tag)),
        };
        Ok(Scalar::new(text.into_owned(), plain))
    }

    fn sequence(&mut self, depth: usize) -> Result<Vec<Node>, MetadataError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(items);
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Vec<Member>, MetadataError> {
        let mut members: Vec<Member> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return match later_twin(&members) {
                    Some(twin) => Err(self.twice(twin.line, &twin.key)),
                    None => Ok(members),
                };
            }
            let line = span.start.line();
            let key = self.key(event, line)?;
            if members.len() < FEW_KEYS && members.iter().any(|member| member.key == key) {
                return Err(self.twice(line, &key));
            }
            let (event, span) = self.next()?;
            let value = self
                .node(event, span, depth + 1)
                .map_err(|e| e.in_field(&key))?;
            members.push(Member { key, line, value });
        }
    }

    fn twice(&self, line: usize, key: &str) -> MetadataError {
        self.fail(line, "the key stands here twice")
            .in_field(key)
            .with_hint("keep one of the two")
    }

    fn key(&mut self, event: Event<'a>, line: usize) -> Result<String, MetadataError> {
        let not_a_string = |builder: &Self| {
            builder
                .fail(line, "a key is not a string")
                .with_hint("put the key in quotes")
        };
        let Event::Scalar(text, style, _, tag) = event else {
            return Err(not_a_string(self));
        };
        if text == "<<" && style == ScalarStyle::Plain {
            return Err(self
                .fail(line, "merge keys (`<<`) are not part of YAML 1.2")
                .with_hint("write the members out"));
        }
        self.spend(
            line,
            Cost {
                nodes: 1,
                bytes: text.len(),
            },
        )?;
        let key = self.scalar(line, text, style, tag.as_deref())?;
        if key.resolve() != ScalarType::String {
            return Err(not_a_string(self));
        }
        Ok(key.into_text())
    }

    fn alias(&mut self, line: usize, anchor: usize, depth: usize) -> Result<Node, MetadataError> {
        let Some((node, cost)) = self.anchors.get(&anchor) else {
            return Err(self.fail(line, "an alias stands inside the value it repeats"));
        };
        let (cost, depth) = (*cost, depth + height(node));
        let mut node = node.clone();
        node.line = line;
        if depth > MAX_METADATA_DEPTH {
            return Err(self.fail(
                line,
                format!("values are nested deeper than {MAX_METADATA_DEPTH} levels"),
            ));
        }
        self.spend(line, cost)?;
        Ok(node)
    }
}

/// The first member whose key an earlier one has, of more than were compared while they came. Told by order: a set would
/// hold every key once more.
fn later_twin(members: &[Member]) -> Option<&Member> {
    if members.len() <= FEW_KEYS {
        return None;
    }
    let mut sorted: Vec<&Member> = members.iter().collect();
    // A stable sort: of equal keys the later one comes later.
    sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let twins = sorted.windows(2).filter(|pair| pair[0].key == pair[1].key);
    twins.map(|pair| pair[1]).min_by_key(|later| later.line)
}

/// Levels of nesting of a finished node.
fn height(node: &Node) -> usize {
    match &node.value {
        NodeValue::Scalar(_) => 0,
        NodeValue::Sequence(items) => 1 + items.iter().map(height).max().unwrap_or(0),
        NodeValue::Mapping(members) => {
            1 + members.iter().map(|m| height(&m.value)).max().unwrap_or(0)
        }
    }
}
