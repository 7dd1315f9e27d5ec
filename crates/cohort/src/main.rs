//! The `cohort` command: arguments in, exit code out.
//!
//! Exit code 0: done. 1: done, and a check found something. 2: the input or the call is wrong.
//! 130: stopped by Ctrl-C; what is done is kept, and the same call (with `--resume` where there is one) goes on there.

mod cli;
mod commands;
mod examples;
mod memory;
mod overwritten;
mod shell;
mod talk;
mod threads;
#[cfg(feature = "networks")]
mod watch;
mod wrap;

use std::process::ExitCode;

use crate::shell::{Outcome, Shell};

fn main() -> ExitCode {
    memory::keep_freed_blocks();
    let (cli, conflict) = cli::read();
    let shell = Shell::new(&cli.talk);
    if let Some(conflict) = conflict {
        shell.fail(&format!("error: {conflict}"));
        return ExitCode::from(2);
    }
    if let Err(error) = threads::start(cli.threads) {
        shell.fail(&format!("error: {error}"));
        return ExitCode::from(2);
    }
    match cli.command.run(&shell) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Err(error) if shell.stopped() => {
            let message = shell::message(&error);
            match message.starts_with("stopped") {
                true => shell.fail(&message),
                false => shell.fail(&format!("stopped: {message}")),
            }
            ExitCode::from(shell::STOPPED)
        }
        Err(error) => {
            shell.fail(&format!("error: {}", shell::message(&error)));
            ExitCode::from(2)
        }
    }
}
