//! `pack install` from git repositories, against real servers on loopback.

mod cached;
mod hostile;
mod http;
mod listed;
mod lock;
mod refs;
mod ssh;

use std::fs;

use crate::support::git::Repository;
use crate::support::{Place, Run, snapshot};

/// Servers and commits of one repository: `slack` 1.0.0 tagged `v1.0.0`, 2.0.0 on `main`, 3.0.0-rc.1 on `next`,
/// and 0.9.0 where no ref leads to.
struct Origin {
    place: Place,
    repository: Repository,
    /// Of 0.9.0, 1.0.0 and 2.0.0.
    commits: [String; 3],
}

impl Origin {
    fn new() -> Self {
        let place = Place::new();
        let repository = Repository::new(place.path("served/slack.git"));
        let commit = |version| {
            repository.pack("", "slack", version);
            repository.commit()
        };
        let commits = ["0.9.0", "1.0.0", "2.0.0"].map(|version| {
            let commit = commit(version);
            if version == "1.0.0" {
                repository.git(&["tag", "-a", "-m", "x", "v1.0.0"]);
            }
            commit
        });
        repository.git(&["checkout", "-q", "-b", "next"]);
        commit("3.0.0-rc.1");
        repository.git(&["checkout", "-q", "main"]);
        Self {
            place,
            repository,
            commits,
        }
    }
}

impl Place {
    /// Installs with a switch for the program that fetches.
    #[track_caller]
    fn install_git(&self, url: &str, options: &[&str], code: i32) -> Run {
        let mut args = vec!["pack", "install", url];
        args.extend(options);
        self.run(&args, code)
    }

    /// Installs what must be refused; asserts that nothing changed, and returns what was said.
    #[track_caller]
    fn refuses_git(&self, url: &str, options: &[&str], code: i32) -> String {
        let state = || {
            let mut found = snapshot(&self.path("installed"));
            // Who held the lock last is no part of what is installed, nor are empty folders.
            found.retain(|name, content| !content.is_empty() && name != ".attune/lock");
            found
        };
        let before = state();
        let run = self.install_git(url, options, code);
        assert_eq!(state(), before);
        assert!(!run.stdout.contains('✓'), "{run:?}");
        run.stderr
    }

    /// The one record of the active generation.
    fn record_of(&self, pack_ref: &str) -> serde_json::Value {
        let state = self.path("installed/.attune/current/state.json");
        let state: serde_json::Value = serde_json::from_slice(&fs::read(state).unwrap()).unwrap();
        state["packs"][pack_ref].clone()
    }
}
