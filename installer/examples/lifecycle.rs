//! Installs two packs, lists them, changes one and goes back, as another program would.
//!
//! `cargo run -p attune-installer --example lifecycle -- https://packs.example.org/ /tmp/packs core slack@2.0.0 slack`

use std::error::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use attune_installer::{
    ChangeSettings, DetectOptions, InstallRequest, Installer, Reporter, RollbackTarget, Source,
};
use pack_client::{ClientSettings, Registries, RegistryConfig};
use pack_format::Timestamp;

/// Keeps what happens. Methods that are left out do nothing.
#[derive(Debug, Default)]
pub(crate) struct Events(Mutex<Vec<String>>);

impl Events {
    fn add(&self, event: String) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.push(event);
    }

    /// What happened so far.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl pack_client::Reporter for Events {
    fn warning(&self, text: &str) {
        self.add(format!("warning: {text}"));
    }
}

impl Reporter for Events {
    fn staged(&self, subject: &str) {
        self.add(format!("verified {subject}"));
    }

    fn activated(&self, number: u64) {
        self.add(format!("generation {number} is active"));
    }
}

/// Installs `first` and `second` at once, then `update`, lists what is there, and takes `update` back;
/// returns what was installed in between and at the end.
///
/// # Errors
/// Whatever fails first. Each call either does all it says or nothing.
pub(crate) fn lifecycle(
    registry: &str,
    packs: &str,
    [first, second, update]: [&str; 3],
    events: &Events,
) -> Result<[Vec<String>; 2], Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let now = Timestamp::from_unix(now.try_into()?);
    let installer = Installer::new(
        packs,
        ChangeSettings::new(now, "example", "lifecycle"),
        events,
    );
    let registries = Registries::new(
        vec![RegistryConfig::new(registry)],
        ClientSettings {
            // Documents of registries are kept beside the packs, as `attune` does.
            cache_directory: Some(installer.layout().cache()),
            ..ClientSettings::new(now)
        },
    );
    let install = |texts: &[&str]| -> Result<(), Box<dyn Error>> {
        let mut request = InstallRequest::default();
        for text in texts {
            let source = Source::detect(text, &DetectOptions::default())?;
            request.sources.push(source);
        }
        installer.install(&request, &registries)?;
        Ok(())
    };
    let list = || -> Result<Vec<String>, Box<dyn Error>> {
        let state = installer.list()?;
        let records = state.packs.values();
        Ok(records
            .map(|record| format!("{}@{}", record.pack_ref, record.version))
            .collect())
    };

    install(&[first, second])?;
    install(&[update])?;
    let updated = list()?;

    let before = installer.list()?.generation - 1;
    installer.rollback(&RollbackTarget::Generation(before))?;
    // Reads every file; what is wrong would be in the reports.
    let reports = installer.verify(&[])?;
    if let Some(damaged) = reports.iter().find(|pack| !pack.problems.is_empty()) {
        return Err(format!("{} is damaged", damaged.pack_ref).into());
    }
    Ok([updated, list()?])
}

#[expect(clippy::print_stdout, reason = "a program prints")]
fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [registry, packs, first, second, update] = args.as_slice() else {
        return Err("usage: lifecycle REGISTRY DIRECTORY PACK PACK UPDATE".into());
    };
    let events = Events::default();
    let [updated, back] = lifecycle(registry, packs, [first, second, update], &events)?;
    for event in events.take() {
        println!("{event}");
    }
    println!("updated: {}", updated.join(" "));
    println!("back: {}", back.join(" "));
    Ok(())
}
