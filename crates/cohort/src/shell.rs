//! What a command has of the outside: streams, progress bars, Ctrl-C.
//!
//! Data goes to stdout; talk and progress go to stderr, bars only when that is a terminal. Names and messages of unknown
//! origin pass through here on their way to a terminal: what would act on it is shown instead.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use cohort_tables::{shown, shown_lines};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use crate::talk::Talk;
use crate::wrap::wrapped;

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
    /// Columns of the terminal that stderr is; none for a file or a pipe.
    talk_width: Option<usize>,
    /// Columns of the terminal that stdout is.
    data_width: Option<usize>,
    quiet: bool,
    #[cfg(feature = "networks")]
    verbose: bool,
    bars: bool,
    /// The stage at work, and when it began.
    #[cfg(feature = "networks")]
    stage: Mutex<Option<(String, Instant)>>,
    /// The bar of the stage at work.
    #[cfg(feature = "networks")]
    pub(crate) bar: Mutex<Option<ProgressBar>>,
}

impl Shell {
    /// Takes over Ctrl-C: the first asks the work to stop, or ends the process where nothing is lost by it; the second ends
    /// it at once.
    pub(crate) fn new(talk: &Talk) -> Self {
        let talk_width = width_of(std::io::stderr().is_terminal());
        let shell = Self {
            talk_width,
            data_width: width_of(std::io::stdout().is_terminal()),
            quiet: talk.quiet,
            #[cfg(feature = "networks")]
            verbose: talk.verbose,
            bars: talk_width.is_some() && !talk.quiet && !talk.no_progress,
            #[cfg(feature = "networks")]
            stage: Mutex::new(None),
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

    /// A line of talk on stderr; of a quiet command only warnings. A closed stderr is no reason to fail.
    pub(crate) fn say(&self, line: &str) {
        if self.quiet && !line.starts_with("warning") {
            return;
        }
        let line = shown(line);
        let line = match self.talk_width {
            Some(width) => Cow::Owned(wrapped(&line, width)),
            None => line,
        };
        let _ = writeln!(std::io::stderr(), "{line}");
    }

    /// Whether more is said.
    #[cfg(feature = "networks")]
    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// A stage begins; its name stands before its bars.
    #[cfg(feature = "networks")]
    pub(crate) fn begin_stage(&self, name: String) {
        // a poisoned lock only means that a line may look odd
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        *stage = Some((name, Instant::now()));
    }

    /// The stage is over: a line with what it gave and how long it took.
    #[cfg(feature = "networks")]
    pub(crate) fn end_stage(&self, what: &str) {
        let stage = self
            .stage
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some((name, began)) = stage {
            let what = match what {
                "" => String::new(),
                what => format!(": {what}"),
            };
            self.say(&format!("{name}{what} ({})", duration(began.elapsed())));
        }
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
        let text = shown_lines(text);
        match self.data_width {
            Some(width) => self.print_data(&wrapped(&text, width)),
            None => self.print_data(&text),
        }
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
        self.styled(what, total as u64, "{human_pos}/{human_len} {rate}")
    }

    /// As [`Self::bar`], with the stage that is at work before it.
    #[cfg(feature = "networks")]
    pub(crate) fn stage_bar(&self, what: &str, total: usize) -> ProgressBar {
        let stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        let number = stage.as_ref().and_then(|(name, _)| name.split_once(' '));
        match number {
            Some((number, _)) => self.bar(&format!("{number} {what}"), total),
            None => self.bar(what, total),
        }
    }

    /// As [`Self::bar`], of a download.
    #[cfg(feature = "networks")]
    pub(crate) fn bytes_bar(&self, what: &str, total: u64) -> ProgressBar {
        let counts = "{decimal_bytes}/{decimal_total_bytes} {decimal_bytes_per_sec}";
        self.styled(what, total, counts)
    }

    fn styled(&self, what: &str, total: u64, counts: &str) -> ProgressBar {
        if !self.bars {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new(total);
        // the bar takes what is left of the line, so that none is wider than the terminal
        let style = format!("{{msg}} [{{wide_bar}}] {counts} {{left}}");
        if let Ok(style) = ProgressStyle::with_template(&style) {
            let pace = Arc::new(Pace::default());
            let same = Arc::clone(&pace);
            let style = style
                .with_key(
                    "rate",
                    move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                        // a terminal that is gone is no reason to fail
                        let _ = out.write_str(&pace.of(state).map_or_else(String::new, rate));
                    },
                )
                .with_key(
                    "left",
                    move |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                        let steps = state.len().unwrap_or(0).saturating_sub(state.pos());
                        if let Some(pace) = same.of(state) {
                            let left = Duration::try_from_secs_f64(steps as f64 / pace);
                            let _ = write!(out, "{} left", duration(left.unwrap_or_default()));
                        }
                    },
                );
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(shown(what).into_owned());
        bar
    }
}

/// How fast a bar moves: since it was first drawn with anything done, for that may have been done before, by a process that
/// was stopped.
#[derive(Default)]
struct Pace(Mutex<Option<(u64, Instant)>>);

impl Pace {
    /// Steps a second; none as long as nothing is known.
    fn of(&self, state: &ProgressState) -> Option<f64> {
        if state.pos() == 0 {
            return None;
        }
        // a poisoned lock only means that a bar may look odd
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (steps, began) = *first.get_or_insert((state.pos(), Instant::now()));
        let done = state.pos().saturating_sub(steps);
        let pace = done as f64 / began.elapsed().as_secs_f64();
        (done > 0 && pace.is_finite()).then_some(pace)
    }
}

/// Steps a second with three digits, or seconds a step where it is slow.
fn rate(per_second: f64) -> String {
    match per_second {
        r if r >= 99.5 => format!("{r:.0}/s"),
        r if r >= 9.95 => format!("{r:.1}/s"),
        r if r >= 1.0 => format!("{r:.2}/s"),
        r if r > 0.0 => format!("{:.1} s each", 1.0 / r),
        _ => String::new(),
    }
}

/// A time as people say it: `0.4 s`, `12 s`, `1 m 03 s`, `2 h 05 m`.
fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}

/// Columns of the terminal where a stream is one: its own say, else `COLUMNS`, else 80.
fn width_of(is_terminal: bool) -> Option<usize> {
    let own = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
    let told = || std::env::var("COLUMNS").ok()?.parse().ok();
    let width = own.filter(|&columns| columns > 0).or_else(told);
    is_terminal.then(|| width.unwrap_or(80).max(20))
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
