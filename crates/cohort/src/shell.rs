//! What a command has of the outside: streams, progress bars, Ctrl-C.
//!
//! Data goes to stdout; talk and progress go to stderr, bars only when that is a terminal. Names and messages of unknown
//! origin pass through here on their way to a terminal: what would act on it is shown instead.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
#[cfg(feature = "networks")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use cohort_tables::{shown, shown_lines};
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

/// Set while nothing would be lost if the process ended at once, because work that does not look at [`STOP`] goes on.
static MAY_END: AtomicBool = AtomicBool::new(false);

/// Exit code of a command that Ctrl-C ended.
pub(crate) const STOPPED: u8 = 130;

/// Ends the process in the middle of work of which nothing is kept.
fn end_now() -> ! {
    let _ = writeln!(std::io::stderr(), "stopped");
    std::process::exit(i32::from(STOPPED));
}

/// The outside of a command.
#[derive(Debug)]
pub(crate) struct Shell {
    terminal: bool,
    /// The bar of the stage at work.
    #[cfg(feature = "networks")]
    pub(crate) bar: Mutex<Option<ProgressBar>>,
}

impl Shell {
    /// Takes over Ctrl-C: the first asks the work to stop, or ends the process where nothing is lost by it; the second ends
    /// it at once.
    pub(crate) fn new() -> Self {
        let shell = Self {
            terminal: std::io::stderr().is_terminal(),
            #[cfg(feature = "networks")]
            bar: Mutex::new(None),
        };
        let handler = ctrlc::set_handler(|| {
            if STOP.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(STOPPED));
            }
            if MAY_END.load(Ordering::SeqCst) {
                end_now();
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

    /// Says whether nothing would be lost if the process ended at once; if Ctrl-C was pressed before, it ends now.
    pub(crate) fn set_may_end(&self, yes: bool) {
        MAY_END.store(yes, Ordering::SeqCst);
        if yes && self.stopped() {
            end_now();
        }
    }

    /// What was read otherwise than it was written.
    pub(crate) fn say_notes(&self, notes: &[String]) {
        for note in notes {
            self.say(&format!("note: {note}"));
        }
    }

    /// Does work that writes no file and does not look at [`STOP`]; Ctrl-C ends the process in the middle of it.
    pub(crate) fn apart<T>(&self, work: impl FnOnce() -> T) -> T {
        self.set_may_end(true);
        let done = work();
        self.set_may_end(false);
        done
    }

    /// A line of talk on stderr. A closed stderr is no reason to fail.
    pub(crate) fn say(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "{}", shown(line));
    }

    /// How a command failed, on stderr: a line, or lines with the drawing of a place in a configuration file.
    pub(crate) fn fail(&self, how: &str) {
        let how = match how.contains("TOML parse error at ") {
            true => shown_lines(how),
            false => shown(how),
        };
        let _ = writeln!(std::io::stderr(), "{how}");
    }

    /// Text on stdout, with a line end.
    ///
    /// # Errors
    /// As [`Shell::print_data`].
    pub(crate) fn print(&self, text: &str) -> anyhow::Result<()> {
        self.print_data(&shown_lines(text))
    }

    /// Data on stdout as it is, with a line end. A reader that has had enough (`cohort ... | head`) is no error.
    ///
    /// # Errors
    /// When stdout cannot be written, on a full disk for one.
    pub(crate) fn print_data(&self, text: &str) -> anyhow::Result<()> {
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
        self.print_data(&harmless_json(&serde_json::to_string_pretty(document)?))
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
        bar.set_message(shown(what).into_owned());
        bar
    }
}

/// A JSON document in which no character acts on a terminal; it says the same.
fn harmless_json(json: &str) -> Cow<'_, str> {
    // the rest is escaped already, or belongs to the layout
    let acts = |c: char| !c.is_ascii_control() && shown(c.encode_utf8(&mut [0; 4])).len() > 4;
    let acts = |c: char| c == '\u{7f}' || acts(c);
    if !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let escaped = json.chars().map(|c| match acts(c) {
        true => format!("\\u{:04x}", u32::from(c)),
        false => c.to_string(),
    });
    Cow::Owned(escaped.collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_acting_on_a_terminal() {
        let value = serde_json::json!({ "clip\u{9b}2J": "a\u{7f}\u{202e}é\u{1b}\n", "n": [1, 2] });
        let text = serde_json::to_string_pretty(&value).unwrap();
        let printed = harmless_json(&text);
        let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!printed.contains(acts), "{printed:?}");
        assert!(printed.contains('é'));
        let read: serde_json::Value = serde_json::from_str(&printed).unwrap();
        assert_eq!(read, value);
    }
}
