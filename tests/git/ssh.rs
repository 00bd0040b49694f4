//! Over ssh: a real server on loopback, keys in files and in an agent, and hosts that are known or not.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::Origin;
use super::refs::{every_ref_installs, missing_refs_are_refused};
use crate::support::git::{Daemon, free_port, isolated};
use crate::support::{Place, installed};

/// It starts itself anew for every connection, and so must be named in full.
const SSHD: &str = "/usr/sbin/sshd";

/// An OpenSSH server that lets one key in, for the repositories of a test.
struct Ssh {
    directory: PathBuf,
    daemon: Daemon,
    user: String,
}

impl Ssh {
    /// Starts one; `None` where the programs are missing.
    fn start(place: &Place) -> Option<Self> {
        let programs = ["ssh", "ssh-agent", SSHD];
        if !programs.into_iter().all(installed) {
            return None;
        }
        let directory = place.path("ssh");
        fs::create_dir(&directory).unwrap();
        for name in ["host", "mine", "other"] {
            let key = directory.join(name);
            run(
                "ssh-keygen",
                &["-q", "-t", "ed25519", "-N", "", "-f", text(&key)],
            );
        }
        let user = run("id", &["-un"]);
        if user == "root" {
            // The server of root drops its rights in this folder of the system.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        let port = free_port();
        let at = directory.display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/mine.pub\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        );
        fs::write(directory.join("sshd_config"), config).unwrap();
        let mut command = Command::new(SSHD);
        command
            .args(["-D", "-e", "-f"])
            .arg(directory.join("sshd_config"));
        let daemon = Daemon::start(command, port, "Server listening on");
        let ssh = Self {
            directory,
            daemon,
            user,
        };
        ssh.knows("host");
        ssh.uses(Some("mine"));
        Some(ssh)
    }

    /// The client takes this key for the server's; an empty name leaves it without any.
    fn knows(&self, key: &str) {
        let known = if key.is_empty() {
            String::new()
        } else {
            let public = fs::read_to_string(self.directory.join(format!("{key}.pub"))).unwrap();
            format!("[127.0.0.1]:{} {public}", self.daemon.port)
        };
        fs::write(self.directory.join("known_hosts"), known).unwrap();
    }

    /// The client offers this key file, or only what an agent has.
    fn uses(&self, key: Option<&str>) {
        let at = self.directory.display();
        let identity = match key {
            Some(key) => {
                format!("IdentityFile {at}/{key}\nIdentitiesOnly yes\nIdentityAgent none\n")
            }
            None => "IdentityFile none\n".to_owned(),
        };
        let config = format!(
            "Host packs\nHostName 127.0.0.1\nPort {}\n\nHost *\nUserKnownHostsFile {at}/known_hosts\n\
             GlobalKnownHostsFile /dev/null\nStrictHostKeyChecking yes\n{identity}",
            self.daemon.port
        );
        fs::write(self.directory.join("config"), config).unwrap();
        // The program asks for `ssh` and its own options; only where people's files are is the test's.
        let script = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{at}/config' \"$@\"\n");
        let wrapper = self.directory.join("bin/ssh");
        fs::create_dir_all(self.directory.join("bin")).unwrap();
        fs::write(&wrapper, script).unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn url(&self, path: &Path) -> String {
        format!(
            "ssh://{}@127.0.0.1:{}{}",
            self.user,
            self.daemon.port,
            path.display()
        )
    }
}

/// An `ssh-agent` without keys, stopped when dropped.
struct Agent(Child);

impl Agent {
    fn start(socket: &Path) -> Self {
        let mut command = Command::new("ssh-agent");
        let mut child = isolated(command.args(["-D", "-a"]).arg(socket))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.as_mut().unwrap());
        said.read_line(&mut line).unwrap();
        assert!(line.contains("SSH_AUTH_SOCK"), "{line}");
        Self(child)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn run(program: &str, args: &[&str]) -> String {
    let output = isolated(Command::new(program).args(args)).output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

impl Origin {
    /// The same repository, where `ssh` is that of the test.
    fn over_ssh() -> Option<(Self, Ssh)> {
        let mut origin = Self::new();
        let ssh = Ssh::start(&origin.place)?;
        origin.place.prefer_programs_of(ssh.directory.join("bin"));
        Some((origin, ssh))
    }
}

/// Every kind of ref, by URL and as `user@host:path`; the key is in a file.
#[test]
fn sshd_serves_every_ref() {
    let Some((origin, ssh)) = Origin::over_ssh() else {
        return;
    };
    let path = &origin.repository.path;
    every_ref_installs(&origin, &ssh.url(path), &[]);
    missing_refs_are_refused(&origin, &ssh.url(path), &["--git", "cli"]);
    let scp_like = format!("{}@packs:{}", ssh.user, path.display());
    origin
        .place
        .install_git(&scp_like, &["--force", "--ref", "next"], 0);
    let record = origin.place.record_of("slack");
    assert_eq!(record["version"], "3.0.0-rc.1");
    assert_eq!(record["installed_from"]["url"], scp_like.as_str());
    let other = ssh.url(&origin.place.path("served/nosuch.git"));
    let said = origin.place.refuses_git(&other, &["--force"], 4);
    assert!(said.contains("there is no git repository at"), "{said}");
}

/// A server nobody vouches for is not talked to: neither one that is unknown, nor one that is another than before.
#[test]
fn unknown_server_is_refused() {
    let Some((origin, ssh)) = Origin::over_ssh() else {
        return;
    };
    let url = ssh.url(&origin.repository.path);
    for (known, reason) in [("", "Host key verification failed"), ("other", "host key")] {
        ssh.knows(known);
        let said = origin.place.refuses_git(&url, &[], 7);
        assert!(said.contains(&url) && said.contains(reason), "{said}");
        assert!(said.contains("add it to `~/.ssh/known_hosts`"), "{said}");
        let known_hosts = fs::read_to_string(ssh.directory.join("known_hosts")).unwrap();
        assert_eq!(known_hosts.lines().count(), usize::from(!known.is_empty()));
    }
    ssh.knows("host");
    origin.place.install_git(&url, &[], 0);
}

/// A key the server does not know ends with the server's reason; one in an agent opens.
#[test]
fn only_the_right_key_opens() {
    let Some((origin, ssh)) = Origin::over_ssh() else {
        return;
    };
    let url = ssh.url(&origin.repository.path);
    ssh.uses(Some("other"));
    let said = origin.place.refuses_git(&url, &[], 7);
    assert!(said.contains("Permission denied (publickey)"), "{said}");
    assert!(
        said.contains("hint: check that your SSH agent or key file"),
        "{said}"
    );

    let socket = ssh.directory.join("agent");
    let _agent = Agent::start(&socket);
    ssh.uses(None);
    let install = || {
        (origin.place.attune(&["pack", "install", &url]))
            .env("SSH_AUTH_SOCK", &socket)
            .output()
            .unwrap()
    };
    let refused = install();
    assert_eq!(refused.status.code(), Some(7), "{refused:?}");
    let add = isolated(Command::new("ssh-add").args(["-q", text(&ssh.directory.join("mine"))]))
        .env("SSH_AUTH_SOCK", &socket)
        .output()
        .unwrap();
    assert!(add.status.success(), "{add:?}");
    let installed = install();
    assert!(installed.status.success(), "{installed:?}");
    assert_eq!(origin.place.record_of("slack")["version"], "2.0.0");
}
