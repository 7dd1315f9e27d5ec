//! A run that is killed, stopped or done with other threads ends with the same bytes.

mod common;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::{assert_same_files, cohort, corpus, finish};

/// Few epochs, so that a run takes seconds; long enough to be killed in every stage.
const EPOCHS: &str = "4";

fn run_to_the_end(out: &Path, threads: &str) -> String {
    let (code, stdout, stderr) = finish(
        cohort()
            .arg("run")
            .arg(corpus())
            .args([
                "--epochs",
                EPOCHS,
                "--threads",
                threads,
                "--resume",
                "--out",
            ])
            .arg(out),
    );
    assert_eq!(code, 0, "{stderr}");
    stdout.replace(&out.display().to_string(), "RUN")
}

fn start(out: &Path) -> Child {
    Command::new(assert_cmd::cargo::cargo_bin!("cohort"))
        .arg("run")
        .arg(corpus())
        .args(["--epochs", EPOCHS, "--resume", "--out"])
        .arg(out)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_killed_ten_times_ends_with_the_bytes_of_one_never_killed() {
    let folder = tempfile::tempdir().unwrap();
    let (calm, killed) = (folder.path().join("calm"), folder.path().join("killed"));
    corpus();
    let clock = std::time::Instant::now();
    let expected = run_to_the_end(&calm, "2");
    let whole = clock.elapsed();
    let mut kills = 0;
    // Fractions of a whole run's time, spread by the golden ratio so that every stage is met. A run that ended before
    // its moment has been resumed often enough: it is compared, and the next one begins afresh.
    let mut moment = 0.0_f64;
    for _ in 0..100 {
        moment = (moment + 0.618_034).fract();
        let mut child = start(&killed);
        std::thread::sleep(whole.mul_f64(0.9 * moment));
        // SIGKILL: nothing can be tidied up
        let _ = child.kill();
        if child.wait().unwrap().success() {
            assert_same_files(&calm, &killed);
            std::fs::remove_dir_all(&killed).unwrap();
            continue;
        }
        kills += 1;
        if kills == 10 {
            break;
        }
    }
    assert_eq!(kills, 10, "runs ended before they could be killed");
    assert_eq!(run_to_the_end(&killed, "2"), expected);
    assert_same_files(&calm, &killed);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (one, three) = (folder.path().join("one"), folder.path().join("three"));
    assert_eq!(run_to_the_end(&one, "1"), run_to_the_end(&three, "3"));
    assert_same_files(&one, &three);
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_without_harm() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    corpus();
    let mut child = start(&out);
    while !out.join("image/checkpoints/last.safetensors").exists() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended before it could be stopped"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(interrupt.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    run_to_the_end(&out, "2");
}

#[test]
fn a_run_folder_is_not_overwritten_by_chance() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("run");
    run_to_the_end(&out, "2");
    let again = |extra: &[&str]| {
        finish(
            cohort()
                .arg("run")
                .arg(corpus())
                .args(extra)
                .arg("--out")
                .arg(&out),
        )
    };
    let (code, stdout, stderr) = again(&["--epochs", EPOCHS]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("--resume"), "{stderr}");
    let (code, _, stderr) = again(&["--epochs", "5", "--resume"]);
    assert_eq!(code, 2);
    assert!(
        stderr.contains("config.toml") && stderr.contains("epochs"),
        "{stderr}"
    );
}
