//! End-to-end tests: the built binary, run as people run it.
//!
//! * `layers`    crates depend downwards only
//! * `browser`   every kind of page in Chromium, and its HTML
//! * `build`     `registry build`: outputs, refusals, exit codes
//! * `serve`     `registry serve`: a tree and a lone index over HTTP
//! * `init`      `pack init`: what is begun is right
//! * `archive`   `pack archive`: the bytes a build would publish
//! * `checksum`  `pack checksum`: trees, files, comparing
//! * `index_entry`  `pack index-entry`: form, sources, refusals
//! * `index_update` `pack index-update`: adding, replacing, refusing
//! * `index_merge`  `pack index-merge`: form, inputs, outputs, refusals
//! * `index_documents` the design documents' command lines about indexes
//! * `index_shadow` names that several inputs of a merge list
//! * `index_tree`   `pack index-update` on the index of a registry tree
//! * `index_oracle` every real pack's entry against an independent statement of the rules
//! * `import`    `registry import`: checkouts and indexes of StackStorm Exchange
//! * `install`   `pack …` from a tree and from a server
//! * `git`       `pack install` from git repositories: refs, servers, hostile ones
//! * `guides`    commands, messages and links of the guides in `docs/`
//! * `hosting`   headers and types, of the program and of nginx
//! * `icons`     icons of packs: taken, kept, served so that they can do nothing
//! * `hostile`   hostile archives and texts: refused, and nothing left behind
//! * `diff`      `pack diff`: what changed for users
//! * `registry_diff` `registry diff`: what changed between two registries
//! * `lock`      `pack lock`, and installing what is locked, with and without a server
//! * `login`     `registry login` and `logout`: a token is checked, kept, used and forgotten
//! * `secrets`   tokens, passwords and headers are never to be seen, whatever happens
//! * `resolve`   which versions are chosen, and what is said about the others
//! * `registry_check` `registry check`: a right tree, and every way one can be wrong
//! * `registry_list` `registry add` and `remove`: the configuration changes, and nothing else in it
//! * `registry_format` the fields that `docs/registry-format.md` names
//! * `check`     `pack check`: findings in every form
//! * `ci`        the CI templates: every step of every service
//! * `change_log` `changes/` of a tree: what happened to it, in order
//! * `yank`      `pack yank`, `unyank` and `deprecate` on a tree
//! * `update`    `pack outdated` and `pack update`: policies, dry runs, refusals
//! * `tree`      `pack tree`: text, DOT, SVG, and what would be installed
//! * `registry_merge` `registry merge`: several trees into one
//! * `takedown`  `registry takedown`: a version goes for good
//! * `operations` `registry serve` for those who run it: private registries
//! * `demo`      the README's first command
//! * `store`     what lies on disk: mended, measured, pruned, shared by many processes
//! * `action`    `action execute`: parameters, runners, results, time limits, the `core` actions
//! * `pack_test` `pack test`, and tests before packs become active: results, confinement, refusals
//! * `environments` Python and Node.js environments: offline, reused, pruned; hostile packs
//! * `api`       `serve`: the installation API, on SQLite and on PostgreSQL
//! * `contract`  what a server says of itself, held against it by made-up requests
//! * `doctor`    packs, links and environments that were damaged: told, and mended
//! * `example`   the example packs: built, and their own tests

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails fails its test"
)]

mod action;
mod api;
#[path = "api/mod.rs"]
#[expect(clippy::duplicate_mod, reason = "the same tests on another database")]
mod api_on_postgresql;
mod archive;
mod browse;
mod browser;
mod build;
mod change_log;
mod check;
mod check_rules;
mod checksum;
mod ci;
mod contract;
mod demo;
mod diff;
mod doctor;
mod environments;
mod example;
mod git;
mod guides;
mod hostile;
mod hosting;
mod icons;
mod import;
mod index_documents;
mod index_entry;
mod index_merge;
mod index_oracle;
mod index_shadow;
mod index_tree;
mod index_update;
mod init;
mod install;
mod layers;
mod lock;
mod login;
mod operations;
mod pack_test;
mod patch;
mod publishing;
mod registry_check;
mod registry_diff;
mod registry_format;
mod registry_list;
mod registry_merge;
mod resolve;
mod schema;
mod search;
mod secrets;
mod serve;
mod store;
mod support;
mod takedown;
mod tree;
mod update;
mod yank;
