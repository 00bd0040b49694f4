//! The rules: stable names, how bad a breach is, and what each is about.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Installing or running the pack will go wrong.
    Error,
    /// It will work, and somebody will wonder.
    Warning,
}

/// One rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Its name; never changes.
    pub id: &'static str,
    /// How bad a breach is.
    pub severity: Severity,
    /// What it asks for.
    pub summary: &'static str,
}

/// Defines rules as constants, and the list `ALL` of them.
#[macro_export]
macro_rules! define_rules {
    ($($name:ident, $severity:ident, $id:literal, $summary:literal;)*) => {
        $(
            #[doc = $summary]
            pub const $name: $crate::Rule = $crate::Rule {
                id: $id,
                severity: $crate::Severity::$severity,
                summary: $summary,
            };
        )*
        /// Every rule.
        pub const ALL: &[$crate::Rule] = &[$($name),*];
    };
}

crate::define_rules! {
    MANIFEST_MISSING, Error, "manifest-missing", "A pack has a `pack.yaml` in its root.";
    MANIFEST_INVALID, Error, "manifest-invalid", "`pack.yaml` is valid YAML, and its fields have their types.";
    ALIAS_CONFLICT, Error, "alias-conflict", "Two spellings of one field say the same.";
    UNKNOWN_KEY, Warning, "unknown-key", "Keys are known; others are passed over.";
    FIELD_TYPE, Warning, "field-type", "Fields have the type that the guide names.";
    DESCRIPTION_MISSING, Warning, "description-missing", "A pack describes itself.";
    LICENSE_MISSING, Warning, "license-missing", "A pack names its licence and ships its text.";
    LICENSE_UNKNOWN, Warning, "license-unknown", "A licence is an SPDX expression or `NOASSERTION`.";
    README_MISSING, Warning, "readme-missing", "A pack has a README in its root.";
    ICON_UNUSABLE, Warning, "icon-unusable", "An icon is a small PNG, JPEG or WebP picture, or an SVG that only draws.";
    URL_NOT_HTTPS, Warning, "url-not-https", "Links of the manifest use https.";
    TESTING_INVALID, Error, "testing-invalid", "The `testing` section can be followed.";
    TESTING_MISSING, Warning, "testing-missing", "What the `testing` section starts is published with the pack.";
    REQUIREMENT_RANGE, Warning, "requirement-range", "Requirements on runtimes are ranges that can be checked.";
    REQUIREMENTS_INVALID, Error, "requirements-invalid", "Lines of `requirements.txt` are requirements by PEP 508, or options.";
    PACKAGE_JSON_INVALID, Error, "package-json-invalid", "`package.json` is valid, with a name, a version and engines that npm accepts.";
    COMPONENT_INVALID, Error, "component-invalid", "Component files are valid YAML, and their fields have their types.";
    COMPONENT_REF_MISSING, Warning, "component-ref-missing", "A component file has a `ref`.";
    COMPONENT_REF_FOREIGN, Warning, "component-ref-foreign", "The `ref` of a component starts with the pack's.";
    COMPONENT_DUPLICATE, Error, "component-duplicate", "No two components of a kind share a `ref`.";
    RUNNER_UNKNOWN, Warning, "runner-unknown", "`runner_type` is one that the platform has.";
    FILE_MISSING, Error, "file-missing", "Files that a component names are in the pack.";
    FILE_OUTSIDE, Error, "file-outside", "Files that a component names lie inside the pack.";
    NOT_EXECUTABLE, Warning, "not-executable", "What a native runner starts is executable.";
    REFERENCE_MISSING, Error, "reference-missing", "Components that refer to this pack refer to what it has.";
    REFERENCE_ABSENT, Error, "reference-absent", "A rule names its trigger and its action.";
    PARAMETER_TYPE, Warning, "parameter-type", "Types of parameters are JSON Schema types.";
    PARAMETER_DEFAULT, Warning, "parameter-default", "A default fits type and `enum`.";
    PARAMETER_REQUIRED, Warning, "parameter-required", "`required` is a boolean beside a parameter, or lists properties that there are.";
    PARAMETER_ENUM, Warning, "parameter-enum", "`enum` lists different values that fit the type.";
    SECRET_DEFAULT, Warning, "secret-default", "A secret has no default.";
    PRIVATE_KEY, Error, "private-key", "No private key is shipped.";
    UNWANTED_FILE, Warning, "unwanted-file", "Caches, installed dependencies and local settings are not shipped.";
    FILE_IRREGULAR, Error, "file-irregular", "A pack holds regular files and directories with UTF-8 names, no links.";
    NAMES_COLLIDE, Error, "names-collide", "Paths differ by more than case.";
}
