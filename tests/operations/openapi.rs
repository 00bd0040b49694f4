//! `/openapi.json`: it is what it says it is, and every operation in it is answered as it says.

use serde_json::Value;

use crate::publishing::Registry;
use crate::support::people_can_read;

/// Every operation, asked with what is in the registry: the status is one that the document names.
#[test]
fn every_operation_of_the_document_is_answered_as_it_says() {
    let registry = Registry::with("server: {access: private}\n");
    let (status, _, body) = registry.hosted.get("/openapi.json");
    assert_eq!(status, 200);
    let document: Value = serde_json::from_slice(&body).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    people_can_read(&registry.hosted);
    let token = registry.token("ann", &["--scope", "admin"]);
    let bearer = format!("Bearer {token}");
    let mut asked = 0;
    for (template, item) in document["paths"].as_object().unwrap() {
        let path = template
            .replace("{ref}", "base")
            .replace("{version}", "1.0.0")
            .replace("{file}", "base-1.0.0.tar.gz")
            .replace("{name}", "eve");
        let query = match path.rsplit('/').next() {
            Some("diff") => "?from=1.0.0&to=1.0.0",
            Some("search") => "?q=base",
            Some("source") => "?pack=base",
            _ => "?dry_run=true",
        };
        for method in ["get", "put", "post", "delete"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let responses = &operation["responses"];
            let before = registry.tree();
            for headers in [&[][..], &[("Authorization", bearer.as_str())]] {
                let method = method.to_uppercase();
                let full = format!("{path}{query}");
                let answer = registry.request(&method, &full, headers, b"");
                let named = responses.get(answer.status.to_string());
                assert!(named.is_some(), "{method} {full}: {answer:?}");
                let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
                let refused = headers.is_empty() && !is_open;
                assert_eq!(answer.status == 401, refused, "{method} {full}: {answer:?}");
                assert_ne!(answer.body["code"], "not_found", "{method} {full}");
                asked += 1;
            }
            assert_eq!(registry.tree(), before, "{method} {path}");
        }
    }
    assert!(asked > 40, "{asked}");
}
