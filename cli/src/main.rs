//! `attune`: the command line of the pack registry.
//!
//! `args` is what was typed, `settings` what it means together with environment and configuration file,
//! `commands` one file per verb, `report` everything that is printed.

mod allocator;
mod args;
mod commands;
mod failure;
mod report;
mod settings;

use std::process::ExitCode;

/// Stands between this program and one it confines.
fn confined(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    match pack_runtime::confine::enter(arguments) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report::launcher(&error);
            ExitCode::FAILURE
        }
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if pack_runtime::confine::is_launch(arguments.next().as_deref()) {
        return confined(arguments);
    }
    allocator::return_memory_soon();
    // Huge pages would cost a third more memory and save nothing. A kernel without them says no.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let args = args::Args::typed();
    let report = report::Report::new(&args.global);
    match commands::run(&args, report) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report.failure(&failure);
            failure.exit_code()
        }
    }
}
