//! What a command has of the outside: streams, progress bars, Ctrl-C.
//!
//! Data goes to stdout; talk and progress go to stderr, bars only when that is a terminal.

use std::io::{IsTerminal, Write};
#[cfg(feature = "networks")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

/// How a command ended when nothing was wrong with its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Done,
    /// Done, and a check found something.
    Found,
}

/// Set by Ctrl-C; long work looks at it and ends where it can be resumed.
pub(crate) static STOP: AtomicBool = AtomicBool::new(false);

/// The outside of a command.
#[derive(Debug)]
pub(crate) struct Shell {
    terminal: bool,
    /// The bar of the stage at work.
    #[cfg(feature = "networks")]
    pub(crate) bar: Mutex<Option<ProgressBar>>,
}

impl Shell {
    /// Takes over Ctrl-C: the first asks the work to stop, the second ends the process at once.
    pub(crate) fn new() -> Self {
        let shell = Self {
            terminal: std::io::stderr().is_terminal(),
            #[cfg(feature = "networks")]
            bar: Mutex::new(None),
        };
        let handler = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        if let Err(error) = handler {
            shell.say(&format!(
                "warning: Ctrl-C will end the process at once ({error})"
            ));
        }
        shell
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn stopped(&self) -> bool {
        STOP.load(Ordering::SeqCst)
    }

    /// A line of talk on stderr. A closed stderr is no reason to fail.
    pub(crate) fn say(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// What was read otherwise than it was written.
    pub(crate) fn say_notes(&self, notes: &[String]) {
        for note in notes {
            self.say(&format!("note: {note}"));
        }
    }

    /// Text on stdout, with a line end. A reader that has had enough (`cohort ... | head`) is no error.
    ///
    /// # Errors
    /// When stdout cannot be written, on a full disk for one.
    pub(crate) fn print(&self, text: &str) -> anyhow::Result<()> {
        let mut stdout = std::io::stdout().lock();
        let written = writeln!(stdout, "{}", text.trim_end_matches('\n'));
        match written.and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
            other => other.context("cannot write to standard output"),
        }
    }

    /// One JSON document on stdout.
    ///
    /// # Errors
    /// As [`Shell::print`].
    pub(crate) fn print_json<T: serde::Serialize>(&self, document: &T) -> anyhow::Result<()> {
        self.print(&serde_json::to_string_pretty(document)?)
    }

    /// A progress bar with rate and time left: on a terminal only, else it shows nothing.
    pub(crate) fn bar(&self, what: &str, total: usize) -> ProgressBar {
        let style = "{msg:<18} [{bar:32}] {human_pos}/{human_len}  {per_sec}  {eta} left";
        self.styled(what, total as u64, style)
    }

    /// As [`Self::bar`], of a download.
    #[cfg(feature = "networks")]
    pub(crate) fn bytes_bar(&self, what: &str, total: u64) -> ProgressBar {
        let style = "{msg:<18} [{bar:32}] {decimal_bytes}/{decimal_total_bytes}  {decimal_bytes_per_sec}  {eta} left";
        self.styled(what, total, style)
    }

    fn styled(&self, what: &str, total: u64, style: &str) -> ProgressBar {
        if !self.terminal {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(what.to_string());
        bar
    }
}

/// An error and its causes on one line, without saying twice what a cause's message already holds.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut message = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}
