//! The `cohort` command: arguments in, exit code out.
//!
//! Exit code 0: done. 1: done, and a check found something. 2: the input or the call is wrong.
//! 130: stopped by Ctrl-C; the same call with `--resume` goes on where it stopped.

mod cli;
mod commands;
mod memory;
mod shell;
#[cfg(feature = "networks")]
mod watch;

use std::process::ExitCode;

use clap::Parser;

use crate::shell::{Outcome, Shell};

fn main() -> ExitCode {
    memory::keep_freed_blocks();
    let cli = cli::Cli::parse_from(cli::arguments());
    let shell = Shell::new();
    if let Some(threads) = cli.threads {
        // the pool is fixed before anything uses it, so this cannot fail
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .build_global();
    }
    match cli.command.run(&shell) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) if shell.stopped() => {
            shell.say(&format!("stopped: {}", shell::message(&error)));
            ExitCode::from(130)
        }
        Err(error) => {
            shell.say(&format!("error: {}", shell::message(&error)));
            ExitCode::from(2)
        }
    }
}
