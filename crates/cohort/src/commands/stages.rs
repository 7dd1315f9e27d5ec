//! What a command that goes through stages says of them.

use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;

use crate::shell::Shell;

/// The first few of many names.
pub(super) fn some(names: &[&str]) -> String {
    let mut text = names.iter().take(5).copied().collect::<Vec<_>>().join(", ");
    if names.len() > 5 {
        text += &format!(" and {} more", names.len() - 5);
    }
    text
}

/// The bar of the stage at work.
pub(super) struct Stages<'a> {
    shell: &'a Shell,
    now: Mutex<Option<(String, ProgressBar)>>,
}

impl<'a> Stages<'a> {
    pub(super) fn new(shell: &'a Shell) -> Self {
        Self {
            shell,
            now: Mutex::new(None),
        }
    }

    /// Shows how far a stage is; says whether to go on, which Ctrl-C ends.
    pub(super) fn at(&self, stage: &str, done: usize, total: usize) -> bool {
        // a poisoned lock only means that a bar may look odd
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        match &*now {
            Some((same, bar)) if same == stage => bar.set_position(done as u64),
            _ => {
                if let Some((_, old)) = now.take() {
                    old.finish_and_clear();
                }
                *now = Some((stage.to_string(), self.shell.bar(stage, total)));
            }
        }
        !self.shell.stopped()
    }

    pub(super) fn end(&self) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bar)) = now.take() {
            bar.finish_and_clear();
        }
    }
}
