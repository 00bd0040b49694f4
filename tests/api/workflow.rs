//! The complete workflow of the quick reference, with curl, jq and the command line.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::download::with_registry;
use super::{Api, EMAIL, PASSWORD};
use crate::support::{installed, path_with_attune, project};

/// With the token that the command line keeps.
const SCRIPT: &str = r#"
set -euo pipefail
TOKEN=$(attune auth token)
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

/// With a token of its own: "Testing quick start".
const QUICK_START: &str = r#"
set -euo pipefail
TOKEN=$(curl -s -X POST $API/api/v1/auth/login \
  -H "Content-Type: application/json" \
  -d "{\"email\":\"$EMAIL\",\"password\":\"$PASSWORD\"}" \
  | jq -r '.data.access_token')
curl -s -X POST $API/api/v1/packs/dependencies \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"pack_paths":[]}' | jq
"#;

/// Runs a script with `attune` on its search path and the password on its standard input.
fn run(api: &Api, script: &str) -> String {
    let url = api.hosted.url.trim_end_matches('/');
    let mut child = Command::new("bash")
        .args(["-c", script])
        .current_dir(api.place.path("."))
        .env("PATH", path_with_attune())
        .env("HOME", api.place.path("home"))
        .env("ATTUNE_API_URL", url)
        .env("API", url)
        .env("EMAIL", EMAIL)
        .env("PASSWORD", PASSWORD)
        .env("TO", api.place.path("home/packs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It need not be read.
    let _ = writeln!(child.stdin.take().unwrap(), "{PASSWORD}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The block of `docs/api.md` about `attune auth`, as written but for the address.
#[test]
fn logging_in_on_a_terminal_works_as_written() {
    if !installed("curl") {
        return;
    }
    let api = Api::new();
    let page = fs::read_to_string(project().join("docs/api.md")).unwrap();
    let mut blocks = page.split("```sh\n").skip(1);
    let block = blocks.find(|block| block.contains("auth whoami")).unwrap();
    let block = block.split("```").next().unwrap();
    let url = api.hosted.url.trim_end_matches('/');
    let ours = block
        .replace("ops@example.org", EMAIL)
        .replace("http://localhost:8080", url);
    let said = run(&api, &format!("set -e\n{ours}"));
    assert!(
        said.contains(&format!("{EMAIL} (administrator), until 20")),
        "{said}"
    );
    assert!(said.contains("\"total_items\":0"), "{said}");
    assert!(said.contains("Logged out of"), "{said}");
    let kept = fs::read_to_string(api.place.path("credentials.json")).unwrap();
    assert_eq!(kept.trim(), "{}");
}

/// Login, download, dependencies, environments, registration, as the documents write them.
#[test]
fn script_of_the_quick_reference_runs() {
    if !(installed("curl") && installed("jq")) {
        return;
    }
    let (api, _registry) = with_registry();
    let nothing: Value = serde_json::from_str(&run(&api, QUICK_START)).unwrap();
    assert_eq!(nothing["data"]["analyzed_packs"], json!([]));
    run(&api, "attune auth login --email $EMAIL");
    actions_use_the_token_that_is_kept(&api);
    let text = run(&api, SCRIPT);
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

/// Actions of `core` as the quick reference calls them, after `attune auth login`; a token is for its address only.
fn actions_use_the_token_that_is_kept(api: &Api) {
    let core = project().join("registry-example/packs/core");
    let base = "export ATTUNE__PACKS_BASE_DIR=$PWD/wrappers; ";
    let install = format!("{base}attune pack install --skip-tests {}", core.display());
    run(api, &install);
    let action = "attune action execute core.get_pack_dependencies --param pack_paths='[]'";
    let told = |more: &str| -> Value {
        serde_json::from_str(&run(api, &format!("{base}{action} {more}"))).unwrap()
    };
    let nothing = json!([]);
    assert_eq!(told("|| true")["errors"], nothing);
    assert_eq!(told("--api-url $API || true")["errors"], nothing);
    let elsewhere = told("--param api_url=${API/127.0.0.1/localhost} || true");
    let error = elsewhere["errors"][0]["error"].as_str().unwrap();
    assert!(error.contains("401"), "{elsewhere}");
}
