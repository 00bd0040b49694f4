//! The complete workflow of the quick reference, with curl and jq.

use std::process::Command;

use serde_json::{Value, json};

use super::download::with_registry;
use super::{EMAIL, PASSWORD};
use crate::support::installed;

const SCRIPT: &str = r#"
set -euo pipefail
TOKEN=$(curl -s -X POST $API/api/v1/auth/login \
  -H "Content-Type: application/json" \
  -d "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\"}" \
  | jq -r '.data.access_token')
# 1. Download
DOWNLOAD=$(curl -s -X POST $API/api/v1/packs/download \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d "{\"packs\":[\"aws\"],\"destination_dir\":\"$TO\"}")
PACK_PATH=$(echo "$DOWNLOAD" | jq -r '.data.downloaded_packs[0].pack_path')
# 2. Check dependencies
curl -s -X POST $API/api/v1/packs/dependencies \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d "{\"pack_paths\":[\"$PACK_PATH\"]}"
# 3. Build/check environments
curl -s -X POST $API/api/v1/packs/build-envs \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d "{\"pack_paths\":[\"$PACK_PATH\"]}"
# 4. Register
curl -s -X POST $API/api/v1/packs/register-batch \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d "{\"pack_paths\":[\"$PACK_PATH\"],\"skip_tests\":true}"
"#;

/// Login, download, dependencies, environments, registration, as the documents write them.
#[test]
fn script_of_the_quick_reference_runs() {
    if !(installed("curl") && installed("jq")) {
        return;
    }
    let (api, _registry) = with_registry();
    let output = Command::new("bash")
        .args(["-c", SCRIPT])
        .env("API", api.hosted.url.trim_end_matches('/'))
        .env("EMAIL", EMAIL)
        .env("PASSWORD", PASSWORD)
        .env("TO", api.place.path("home/packs"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [dependencies, environments, registered] = answers.as_slice() else {
        panic!("{text}");
    };
    assert_eq!(
        dependencies["data"]["missing_dependencies"][0]["pack_ref"],
        "core"
    );
    assert_eq!(environments["data"]["summary"]["success_count"], 1);
    // What it needs was listed by the registry, and came along.
    let registered = &registered["data"]["registered_packs"][0];
    assert_eq!(
        (&registered["pack_ref"], &registered["pack_version"]),
        (&json!("aws"), &json!("2.1.0")),
        "{text}"
    );
    for pack_ref in ["aws", "core"] {
        assert!(
            api.place
                .path("installed")
                .join(pack_ref)
                .join("pack.yaml")
                .is_file()
        );
    }
}
