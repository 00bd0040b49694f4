//! What a pack is configured with: values that were given, over the defaults of its manifest.

use pack_format::manifest::Manifest;
use serde_json::{Map, Value};

use super::parameters::{check, make_whole, unknown};

/// Values by key.
pub type Configuration = Map<String, Value>;

/// What counts for a pack: what was given, for the rest its `config`, for the rest the defaults of its schema; those of
/// secrets are among them.
pub fn configuration(manifest: &Manifest, given: &Configuration) -> Configuration {
    let mut all = manifest.config.clone();
    all.extend(given.clone());
    manifest.defaults.fill(&mut all);
    for row in &manifest.configuration {
        if let Some(value) = all.get_mut(&row.name) {
            make_whole(value, row);
        }
    }
    all
}

/// What is wrong with all of the configuration of a pack: one sentence each, in the order of the schema, unknown keys
/// last. Keys of its `config` that have no row are free. No sentence holds a secret.
pub fn configuration_problems(manifest: &Manifest, all: &Configuration) -> Vec<String> {
    let rows = &manifest.configuration;
    let mut problems = Vec::new();
    for row in rows {
        match all.get(&row.name) {
            None | Some(Value::Null) if row.required => {
                problems.push(format!("`{}` is required", row.name));
            }
            None => {}
            Some(value) => check(&row.name, value, row, &mut problems),
        }
    }
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let free = manifest.config.keys().map(String::as_str);
    names.extend(free.filter(|name| rows.iter().all(|row| row.name != *name)));
    for name in all.keys().filter(|name| !names.contains(&name.as_str())) {
        problems.push(unknown(name, &names, ("configuration key", "pack")));
    }
    problems
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Given values win over `config`, that over defaults; what is required of a secret with a default is there.
    #[test]
    fn given_values_win_over_defaults() {
        let text = "ref: demo\nversion: 1.0.0\nconf_schema:\n  region: {type: string, default: here}\n  retries: {type: integer, default: 1}\n  key: {type: string, secret: true, required: true, default: initial}\n  proxy: {type: object, properties: {port: {type: integer, default: 80}}}\nconfig: {retries: 2, extra: free}\n";
        let manifest = Manifest::parse("pack.yaml", text.as_bytes()).unwrap();
        let all = |given: Value| {
            let Value::Object(given) = given else {
                panic!("an object");
            };
            configuration(&manifest, &given)
        };
        let plain = all(json!({}));
        assert_eq!(
            Value::Object(plain.clone()),
            json!({"retries": 2, "extra": "free", "region": "here", "key": "initial"})
        );
        assert!(configuration_problems(&manifest, &plain).is_empty());
        let given = all(json!({"retries": 3.0, "key": "mine", "proxy": {}}));
        assert_eq!(
            Value::Object(given.clone()),
            json!({"retries": 3, "extra": "free", "key": "mine", "proxy": {"port": 80}, "region": "here"})
        );
        assert!(configuration_problems(&manifest, &given).is_empty());
        let wrong = all(json!({"retires": 1, "region": 5}));
        assert_eq!(
            configuration_problems(&manifest, &wrong),
            [
                "`region`: `5` is not of type string",
                "`retires` is no configuration key; did you mean `retries`?"
            ]
        );
    }
}
