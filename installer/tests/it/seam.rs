//! The seam: what drives the installer, a terminal or HTTP, hands over requests, and gets reports or classified errors.
//!
//! Each verb is called as a server calls it: on a thread of its own, with what it was given owned by the call, and what it
//! gives carried back to whoever asked. That does not compile for a verb that borrows from its caller or ties its report
//! to a thread. A verb nobody drives here fails the test.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Debug;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;
use std::{fs, sync::Arc, thread};

use attune_installer::{
    CacheKeep, Classify, Dependents, DetectOptions, DownloadRequest, FailureClass, InstallRequest,
    Installer, PacksFile, PreviewRequest, Rebuild, Relock, Replace, Retention, RollbackTarget,
    Source, SourceRules, UpdateRules, Upgrade,
};
use pack_client::Registries;
use pack_format::manifest::Manifest;
use pack_runtime::EnvironmentSettings;

use crate::support::{Home, Pack, TestRegistry};

/// A packs directory and the verbs that were driven on it.
struct Seam {
    installer: Installer<'static>,
    registries: Arc<Registries>,
    driven: BTreeSet<&'static str>,
}

impl Seam {
    /// Calls a verb on a thread and waits for what it sends.
    fn drive<R: Debug + Send + 'static>(
        &mut self,
        verb: &'static str,
        call: impl FnOnce(&Installer<'static>, &Registries) -> R + Send + 'static,
    ) -> R {
        self.driven.insert(verb);
        let (installer, registries) = (self.installer.clone(), Arc::clone(&self.registries));
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(call(&installer, &registries)).unwrap());
        receiver.recv().unwrap()
    }

    /// The same for a verb that may fail: what it fails with has a class and travels too.
    fn ask<R, E>(
        &mut self,
        verb: &'static str,
        call: impl FnOnce(&Installer<'static>, &Registries) -> Result<R, E> + Send + 'static,
    ) -> Result<R, (FailureClass, Box<dyn Error + Send + Sync>)>
    where
        R: Debug + Send + 'static,
        E: Error + Classify + Send + Sync + 'static,
    {
        let answer = self.drive(verb, call);
        answer.map_err(|error| (error.class(), error.into()))
    }
}

/// Names of the public functions of `impl Installer<'_>`, wherever they stand.
fn verbs(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            verbs(&path, found);
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let blocks = text.split("\nimpl Installer<'_> {\n").skip(1);
        for block in blocks.map(|rest| rest.split("\n}\n").next().unwrap_or(rest)) {
            let names = block.split("\n    pub fn ").skip(1);
            found.extend(names.map(|name| name.split(['(', '<']).next().unwrap().to_owned()));
        }
    }
}

fn sources(texts: &[&str]) -> Vec<Source> {
    let detect = |text: &&str| Source::detect(text, &DetectOptions::default()).unwrap();
    texts.iter().map(detect).collect()
}

fn request(texts: &[&str]) -> InstallRequest {
    InstallRequest {
        sources: sources(texts),
        ..InstallRequest::default()
    }
}

/// Nothing is built with these.
fn environments() -> EnvironmentSettings {
    EnvironmentSettings {
        launcher: "/nowhere".into(),
        variables: pack_runtime::Variables::default(),
        interpreters: Arc::default(),
        find_links: Vec::new(),
        python_index: None,
        npm_registry: None,
        offline: true,
        allowed: pack_runtime::environment::Allowed::default(),
        skipped: Vec::new(),
        timeout: Duration::from_mins(1),
    }
}

/// Packs come, are looked at, move, go back and go.
fn drive_changes(seam: &mut Seam) {
    let refused = seam.ask("install", |on, from| on.install(&request(&["none"]), from));
    assert_eq!(refused.unwrap_err().0, FailureClass::NoSolution);
    let installed = seam.ask("install", |on, from| {
        on.install(&request(&["slack@2.0.0", "core"]), from)
    });
    assert_eq!(installed.unwrap().packs.len(), 2);
    let rules = UpdateRules::default();
    let plan = seam.ask("plan_update", move |on, from| {
        on.plan_update(&[], &rules, from)
    });
    let plan = plan.unwrap();
    assert_eq!(plan.changes.len(), 1);
    let updated = seam.ask("update", move |on, from| on.update(&plan, from));
    assert_eq!(updated.unwrap().generation, Some(2));
    let back = seam.ask("rollback", |on, _| {
        on.rollback(&RollbackTarget::Generation(1))
    });
    assert_eq!(back.unwrap().generation, Some(3));
    let gone = seam.ask("uninstall", |on, _| {
        on.uninstall(&["core".parse().unwrap()], Dependents::Refuse)
    });
    assert_eq!(gone.unwrap().generation, 4);
    let unready = seam.ask("repair", |on, from| {
        on.repair(&["core".parse().unwrap()], from)
    });
    assert_eq!(unready.unwrap_err().0, FailureClass::Failed);
    seam.ask("repair", |on, from| on.repair(&[], from)).unwrap();
    let keep = Retention {
        generations: Some(1),
        ..Retention::default()
    };
    let told = seam.ask("prunable", move |on, _| on.prunable(&keep));
    let pruned = seam.ask("prune", move |on, _| on.prune(&keep)).unwrap();
    assert_eq!(format!("{pruned:?}"), format!("{:?}", told.unwrap()));
    seam.ask("prune_cache", |on, _| on.prune_cache(CacheKeep::default()))
        .unwrap();
    let state = seam.ask("recover", |on, _| on.recover()).unwrap();
    assert_eq!(state.packs.len(), 1);
}

/// What changes nothing.
fn drive_questions(seam: &mut Seam) {
    let state = seam.ask("list", |on, _| on.list()).unwrap();
    assert_eq!(state.packs["slack"].version.to_string(), "2.0.0");
    let history = seam.ask("history", |on, _| on.history()).unwrap();
    assert_eq!(history.len(), 1);
    let never = seam.ask("compare", |on, _| on.compare(77, None));
    assert_eq!(never.unwrap_err().0, FailureClass::Failed);
    let verified = seam.ask("verify", |on, _| on.verify(&[])).unwrap();
    assert!(verified[0].problems.is_empty());
    let found = seam.ask("examine", |on, _| on.examine(None)).unwrap();
    assert!(found.is_empty(), "{found:?}");
    let mended = seam.ask("mend", |on, from| on.mend(from, Some(&environments())));
    assert!(mended.unwrap().is_empty());
    let usage = seam.ask("usage", |on, _| on.usage()).unwrap();
    assert!(format!("{usage:?}").contains("cache"));
    let preview = PreviewRequest {
        roots: vec!["app".parse().unwrap()],
        ..PreviewRequest::default()
    };
    let wanted = preview.clone();
    let chosen = seam.ask("preview", move |on, from| on.preview(&wanted, from));
    assert_eq!(chosen.unwrap().packs.len(), 2);
    let plan = seam.ask("plan_install", move |on, from| {
        on.plan_install(&preview, from)
    });
    assert_eq!(plan.unwrap().changes.len(), 2);
    let outlook = seam.ask("outlook", |on, from| {
        on.outlook(&[], &UpdateRules::default(), from)
    });
    assert_eq!(outlook.unwrap()[0].wanted.to_string(), "2.1.0");
    let upgrade = Upgrade {
        pack_ref: "slack".parse().unwrap(),
        from: "2.0.0".parse().unwrap(),
        to: "2.1.0".parse().unwrap(),
    };
    let told = seam.drive("upgrades", move |on, from| on.upgrades(&[upgrade], from));
    assert_eq!(told.len(), 1);
}

/// Locks, downloads and environments.
fn drive_others(seam: &mut Seam, place: &Path) {
    let rules = SourceRules {
        directory: place,
        allow_http: false,
    };
    let wanted = PacksFile::parse("packs.yaml", b"packs:\n  core:\n", rules).unwrap();
    let lock = seam.ask("lock", move |on, from| {
        on.lock(&wanted, (None, &Relock::Nothing), from)
    });
    let lock = lock.unwrap();
    let installed = seam.ask("install_locked", move |on, from| {
        on.install_locked(&lock, (&[], Replace::Keep), from)
    });
    assert_eq!(installed.unwrap().packs.len(), 1);
    let to = place.join("fetched");
    let fetched = seam.ask("download", move |on, from| {
        let request = DownloadRequest {
            sources: sources(&["slack"]),
            ..DownloadRequest::default()
        };
        on.download(&request, from, &to)
    });
    let tree = fetched.unwrap().packs.remove(0).path;
    let built = seam.ask("environments_of", move |on, _| {
        let bytes = fs::read(tree.join("pack.yaml")).unwrap();
        let manifest = Manifest::parse("pack.yaml", &bytes).unwrap();
        let settings = environments();
        on.environments_of(&tree, &manifest, (&settings, Rebuild::Never))
    });
    assert_eq!(built.unwrap().len(), 0);
}

/// Every verb can be driven from anywhere: nothing but requests goes in, nothing but owned reports and classified errors
/// comes out.
#[test]
fn every_verb_is_data_in_and_data_out() {
    let registry = TestRegistry::with(&[
        Pack::new("slack", "2.0.0"),
        Pack::new("slack", "2.1.0"),
        Pack::new("core", "1.0.0"),
        Pack::new("app", "1.0.0").needs("core"),
    ]);
    let place = tempfile::tempdir().unwrap();
    // A server keeps its reporter as long as itself.
    let home: &'static Home = Box::leak(Box::new(
        Home::at(place.path().join("packs")).registry(&registry.url()),
    ));
    let mut seam = Seam {
        installer: home.installer("driven"),
        registries: Arc::new(home.registries()),
        driven: BTreeSet::new(),
    };
    drive_changes(&mut seam);
    drive_questions(&mut seam);
    drive_others(&mut seam, place.path());

    let mut offered = BTreeSet::from(["list".to_owned()]);
    verbs(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut offered,
    );
    let driven: BTreeSet<String> = seam.driven.iter().map(ToString::to_string).collect();
    assert_eq!(driven, offered);
}
