//! `pack init`.

use std::collections::BTreeSet;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use attune_indexer::scaffold::{
    DEFAULT_LICENSE, NewComponent, NewPack, NewPackRunner, TEST_COMMAND,
};
use clap::{Args, ValueEnum};
use pack_format::{PackRef, Version};
use serde::Serialize;

use crate::failure::{Code, Failure};
use crate::report::{Report, sanitised};

/// `pack init`.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Where to begin it; by default a folder named like the ref
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
    /// Ref of the pack; by default the name of the folder
    #[arg(long = "ref", value_name = "REF")]
    pack_ref: Option<PackRef>,
    /// Name people see
    #[arg(long, value_name = "TEXT")]
    label: Option<String>,
    /// What it does, in a sentence
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// First version
    #[arg(
        long = "pack-version",
        visible_alias = "version",
        value_name = "VERSION",
        default_value = "0.1.0"
    )]
    version: Version,
    /// Who writes it; by default the name git knows
    #[arg(long, value_name = "NAME")]
    author: Option<String>,
    /// How to reach them
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// Licence, as an SPDX expression
    #[arg(long, value_name = "SPDX", value_parser = license)]
    license: Option<String>,
    /// Source repository
    #[arg(long, value_name = "URL")]
    repository: Option<String>,
    /// What runs its action
    #[arg(long, value_enum, value_name = "RUNNER")]
    runner: Option<Runner>,
    /// Components besides the action
    #[arg(long = "with", value_enum, value_name = "KIND", value_delimiter = ',')]
    components: Vec<Component>,
    /// Ask nothing; take the defaults
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Runner {
    Python,
    Shell,
    Nodejs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Component {
    Sensor,
    Trigger,
    Rule,
    Workflow,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(rename = "ref")]
    pack_ref: String,
    version: String,
    directory: &'a Path,
    files: &'a [&'static str],
    test_command: &'static str,
}

fn license(text: &str) -> Result<String, String> {
    match pack_check::license_problem(text) {
        None => Ok(text.to_owned()),
        Some(problem) => Err(format!("{problem}; write an SPDX expression such as `MIT`")),
    }
}

pub(crate) fn run(args: &InitArgs, report: Report) -> Result<(), Failure> {
    let asks = !args.yes
        && !report.is_machine()
        && io::stdin().is_terminal()
        && io::stderr().is_terminal();
    let pack = pack(args, &Questions { asks, report })?;
    let directory = args
        .directory
        .clone()
        .unwrap_or_else(|| PathBuf::from(pack.pack_ref.as_str()));
    let files = pack
        .write(&directory)
        .map_err(|e| Failure::new(Code::Failed, &e))?;
    let output = Output {
        pack_ref: pack.pack_ref.to_string(),
        version: pack.version.to_string(),
        directory: &directory,
        files: &files,
        test_command: TEST_COMMAND,
    };
    report.result(&output, || table(&output))?;
    if pack.license != DEFAULT_LICENSE {
        report.note("`LICENSE` names the licence; put its full text there");
    }
    Ok(())
}

fn pack(args: &InitArgs, questions: &Questions) -> Result<NewPack, Failure> {
    let pack_ref = which_ref(args, questions)?;
    let git = |name: &str| git_setting(name).filter(|value| !value.trim().is_empty());
    let text = |given: &Option<String>, question: &str, default: &str| match given {
        Some(given) => Ok(given.clone()),
        None => questions.line(question, default),
    };
    let label = text(&args.label, "Label", &label_of(&pack_ref))?;
    let description = text(
        &args.description,
        "Description",
        &format!("Actions of {label}"),
    )?;
    let author = text(
        &args.author,
        "Author",
        &git("user.name").unwrap_or_else(|| "Unknown".to_owned()),
    )?;
    let license = match &args.license {
        Some(given) => given.clone(),
        None => questions.until("Licence (SPDX)", Some(DEFAULT_LICENSE), license)?,
    };
    let runner = match args.runner {
        Some(runner) => runner,
        None => questions.until("Runner (python, shell, nodejs)", Some("python"), |text| {
            Runner::from_str(text, true)
        })?,
    };
    Ok(NewPack {
        pack_ref,
        label,
        description,
        version: args.version.clone(),
        author,
        email: args.email.clone(),
        license,
        repository: args.repository.clone(),
        runner: match runner {
            Runner::Python => NewPackRunner::Python,
            Runner::Shell => NewPackRunner::Shell,
            Runner::Nodejs => NewPackRunner::Nodejs,
        },
        components: args
            .components
            .iter()
            .copied()
            .map(kind)
            .collect::<BTreeSet<_>>(),
    })
}

/// The ref that was given, that the folder's name is, or that is told.
fn which_ref(args: &InitArgs, questions: &Questions) -> Result<PackRef, Failure> {
    let of_folder = args.directory.as_deref().and_then(ref_of_folder);
    match (&args.pack_ref, questions.asks) {
        (Some(given), _) => Ok(given.clone()),
        (None, false) => of_folder.ok_or_else(|| {
            Failure::text(
                Code::Usage,
                "the pack has no ref",
                Some("name one with `--ref`, such as `--ref my-pack`"),
            )
        }),
        (None, true) => {
            let default = of_folder.map(|r| r.to_string());
            questions.until("Ref (a-z, 0-9, `-`, `_`)", default.as_deref(), |text| {
                text.parse::<PackRef>().map_err(|e| e.to_string())
            })
        }
    }
}

fn kind(component: Component) -> NewComponent {
    match component {
        Component::Sensor => NewComponent::Sensor,
        Component::Trigger => NewComponent::Trigger,
        Component::Rule => NewComponent::Rule,
        Component::Workflow => NewComponent::Workflow,
    }
}

/// The ref that the name of a folder is, if it is one.
fn ref_of_folder(directory: &Path) -> Option<PackRef> {
    let absolute = std::path::absolute(directory).ok()?;
    absolute.file_name()?.to_str()?.parse().ok()
}

/// `my-pack` is called `My Pack`.
fn label_of(pack_ref: &PackRef) -> String {
    let words = pack_ref.as_str().split(['-', '_']);
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| {
            first.to_ascii_uppercase().to_string() + letters.as_str()
        })
    };
    words.map(capital).collect::<Vec<_>>().join(" ")
}

fn git_setting(name: &str) -> Option<String> {
    let output = std::process::Command::new("git")
        .args(["config", "--get", name])
        .stderr(std::process::Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// What is asked of who sits at the terminal.
struct Questions {
    asks: bool,
    report: Report,
}

impl Questions {
    /// One line; the default where nobody is asked, or nothing is said.
    fn line(&self, question: &str, default: &str) -> Result<String, Failure> {
        if !self.asks {
            return Ok(default.to_owned());
        }
        let failed = |e: io::Error| Failure::text(Code::Failed, format!("cannot ask: {e}"), None);
        let mut terminal = io::stderr();
        write!(terminal, "{question} [{default}]: ").map_err(failed)?;
        terminal.flush().map_err(failed)?;
        let mut answer = String::new();
        if io::stdin().lock().read_line(&mut answer).map_err(failed)? == 0 {
            return Err(Failure::text(
                Code::Failed,
                "the answers ended",
                Some("`--yes` takes the defaults"),
            ));
        }
        Ok(match answer.trim() {
            "" => default.to_owned(),
            answer => answer.to_owned(),
        })
    }

    /// The same, again until `read` takes the answer.
    fn until<T>(
        &self,
        question: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        loop {
            let answer = self.line(question, default.unwrap_or_default())?;
            match read(&answer) {
                Ok(value) => return Ok(value),
                Err(problem) if self.asks => self.report.note(&sanitised(&problem)),
                Err(problem) => return Err(Failure::text(Code::Usage, problem, None)),
            }
        }
    }
}

fn table(output: &Output<'_>) -> String {
    let directory = sanitised(&output.directory.display().to_string());
    let mut text = format!("✓ {}@{} in {directory}\n", output.pack_ref, output.version);
    // Nobody reads the schemas; editors do.
    let (schemas, files): (Vec<&str>, Vec<&str>) = output
        .files
        .iter()
        .partition(|file| file.starts_with(".schema/"));
    for file in schemas.first().map(|_| ".schema/").into_iter().chain(files) {
        text.push_str(&format!("  {file}\n"));
    }
    text.push_str(&format!(
        "\nNext:\n  cd {directory}\n  {}\n  attune pack check . --strict\n",
        output.test_command
    ));
    text
}
