//! Parameters as somebody gives them: by file and on the command line.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use pack_format::limits::MAX_METADATA_BYTES;
use pack_format::yaml::Node;
use pack_runtime::Given;

use super::execute::ExecuteArgs;
use crate::failure::{Code, Failure};

/// Parameters of the file, then those of the command line, which win.
pub(super) fn given(args: &ExecuteArgs) -> Result<BTreeMap<String, Given>, Failure> {
    let mut given = BTreeMap::new();
    if let Some(path) = &args.params_file {
        let (name, bytes) = text_of(path)?;
        let node = Node::parse(&name, &bytes).map_err(|e| Failure::new(Code::Usage, &e))?;
        if !node.is_mapping() {
            let text = format!(
                "`{name}` holds {}, not a mapping of parameters",
                node.describe()
            );
            return Err(Failure::text(Code::Usage, text, None));
        }
        for member in node.members() {
            let value = member.value.to_json().map_err(|line| {
                let text = format!("`{name}`, line {line}: this is no value JSON knows");
                Failure::text(Code::Usage, text, None)
            })?;
            given.insert(member.key.clone(), Given::Value(value));
        }
    }
    for (name, value) in &args.parameters {
        given.insert(name.clone(), Given::Text(value.clone()));
    }
    Ok(given)
}

fn text_of(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        let limit = MAX_METADATA_BYTES as u64 + 1;
        std::io::stdin()
            .take(limit)
            .read_to_end(&mut bytes)
            .map(|_| ())
    } else {
        pack_fs::limited::read(path, MAX_METADATA_BYTES).map(|read| bytes = read)
    };
    let name = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    read.map_err(|e| Failure::text(Code::Usage, format!("cannot read `{name}`: {e}"), None))?;
    Ok((name, bytes))
}
