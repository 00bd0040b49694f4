//! Everything that is printed: results to stdout, everything else to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table};
use pack_format::text::is_deceptive;
use pack_runtime::Stream;
use serde::Serialize;

use crate::args::{Format, Global};
use crate::failure::{Code, Failure};
use crate::settings;

/// How this run prints.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Report {
    format: Format,
    quiet: bool,
    verbose: u8,
    colour: bool,
    progress: bool,
    documents: Documents,
}

/// Whether programs get a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Documents {
    Print,
    Withhold,
}

impl Report {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = io::stderr().is_terminal();
        Self {
            format: global.format(),
            quiet: global.quiet,
            verbose: global.verbose,
            colour: terminal && !global.no_color && !settings::environment_refuses_colour(),
            progress: terminal && !global.no_progress && !global.quiet,
            documents: Documents::Print,
        }
    }

    /// For a step of a command that prints one document about all its steps: people see the step's
    /// result, programs do not.
    pub(crate) fn for_step(self) -> Self {
        Self {
            documents: Documents::Withhold,
            ..self
        }
    }

    /// Whether the result is to be read by a program.
    pub(crate) fn is_machine(self) -> bool {
        self.format != Format::Table
    }

    /// Whether findings are to be printed as SARIF.
    pub(crate) fn is_sarif(self) -> bool {
        self.format == Format::Sarif
    }

    /// Whether bars may be drawn.
    pub(crate) fn draws_progress(self) -> bool {
        self.progress
    }

    /// Whether details were asked for.
    pub(crate) fn is_verbose(self) -> bool {
        self.verbose > 0
    }

    /// Prints a result: as a document for programs, else what `table` says.
    pub(crate) fn result<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        if self.is_machine() && self.documents == Documents::Withhold {
            return Ok(());
        }
        let text = match self.format {
            Format::Table => table(),
            Format::Json | Format::Sarif => {
                let mut text = serde_json::to_string_pretty(value).map_err(|e| unprintable(&e))?;
                text.push('\n');
                text
            }
            Format::Yaml => serde_yaml::to_string(value).map_err(|e| unprintable(&e))?,
        };
        write_out(&text)
    }

    /// Prints lines for people; nothing when the result goes to a program.
    pub(crate) fn lines(self, text: &str) -> Result<(), Failure> {
        if self.is_machine() || self.quiet {
            return Ok(());
        }
        write_out(&format!("{text}\n"))
    }

    /// Passes on what a program writes, as it is; to programs, its standard output is part of a document.
    pub(crate) fn pass_on(self, stream: Stream, bytes: &[u8]) {
        // The reader may be gone; the program need not end for that.
        let _ = match stream {
            Stream::Stdout if self.is_machine() => Ok(()),
            Stream::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes).and_then(|()| stdout.flush())
            }
            Stream::Stderr => io::stderr().lock().write_all(bytes),
        };
    }

    /// What is going on, to stderr.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            complain(text);
        }
    }

    /// One of several errors, to stderr; the one that ends the run follows.
    pub(crate) fn refusal(self, text: &str) {
        complain(&format!("{} {text}", self.paint("31", "✗")));
    }

    /// Something the reader should know, to stderr.
    pub(crate) fn warning(self, text: &str) {
        complain(&format!("{} {text}", self.paint("33", "⚠")));
    }

    /// The error that ends the run, its causes, and what to do.
    pub(crate) fn failure(self, failure: &Failure) {
        let mut messages = failure.messages.iter();
        if let Some(first) = messages.next() {
            complain(&format!(
                "{}: {}",
                self.paint("31;1", "error"),
                sanitised(first)
            ));
        }
        for cause in messages {
            complain(&format!("  caused by: {}", sanitised(cause)));
        }
        if let Some(hint) = &failure.hint {
            complain(&format!(
                "{}: {}",
                self.paint("36;1", "hint"),
                sanitised(hint)
            ));
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Rows under a head, as wide as the terminal at most.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(comfy_table::TableStyle::default())
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(head.iter().map(|h| (*h).to_owned()));
    for row in rows {
        table.add_row(row.into_iter().map(|cell| sanitised(&cell)));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// `1 change`, `2 changes`.
pub(crate) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Why a confined program was not started, for whoever reads the launcher's standard error.
pub(crate) fn launcher(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    complain(&text);
}

/// Text from elsewhere may not drive the terminal.
pub(crate) fn sanitised(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = is_deceptive(c);
            let shown: Vec<char> = if escaped {
                c.escape_default().collect()
            } else {
                vec![c]
            };
            shown
        })
        .collect()
}

fn unprintable(error: &dyn std::error::Error) -> Failure {
    Failure::text(
        Code::Failed,
        format!("cannot print the result: {error}"),
        None,
    )
}

fn write_out(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Ok(()) => Ok(()),
        // A reader that has seen enough is no failure.
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(e) => Err(Failure::text(
            Code::Failed,
            format!("cannot write to stdout: {e}"),
            None,
        )),
    }
}

fn complain(text: &str) {
    // There is nowhere left to say that stderr cannot be written.
    let _ = writeln!(io::stderr().lock(), "{text}");
}
