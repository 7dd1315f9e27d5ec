//! What a new user meets first: `cohort init`, completions, manual pages, examples in the help.

mod common;

use std::fs;
use std::path::Path;

use common::{cohort, corpus, finish};

fn run(arguments: &[&str], folder: &Path) -> (i32, String, String) {
    finish(cohort().args(arguments).current_dir(folder))
}

#[test]
fn init_writes_once_and_what_it_wrote_is_read() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("mine");
    let mut table = "file,emotion,speaker\n".to_string();
    fs::create_dir_all(root.join("clips")).unwrap();
    for i in 0..40 {
        let mood = ["glad", "sad"][i % 2];
        table += &format!("clips/{i}.txt,{mood},s{}\n", i / 2);
        fs::write(root.join(format!("clips/{i}.txt")), format!("word {i}")).unwrap();
    }
    fs::write(root.join("labels.csv"), table).unwrap();
    let file = root.join("cohort.toml");
    let (code, printed, said) = run(&["init", "mine", "--stdout"], place.path());
    assert_eq!((code, file.exists()), (0, false), "{said}");
    let (code, out, said) = run(&["init", "mine"], place.path());
    assert_eq!((code, out.as_str()), (0, ""), "{said}");
    assert!(
        said.contains("wrote mine/cohort.toml: 40 texts, the target is emotion (2 classes)"),
        "{said}"
    );
    assert_eq!(
        fs::read_to_string(&file).unwrap().trim_end(),
        printed.trim_end()
    );
    for command in ["stats", "check"] {
        let (code, out, said) = run(&["data", command, "mine"], place.path());
        assert_eq!(code, 0, "{out}{said}");
    }
    // never over a file that is there
    fs::write(&file, "mine").unwrap();
    let (code, out, said) = run(&["init", "mine"], place.path());
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(
        said,
        "error: mine/cohort.toml: expected no such file, found one; --force writes over it, --stdout prints what would be written\n"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(run(&["init", "mine", "--force"], place.path()).0, 0);
    assert_eq!(
        fs::read_to_string(&file).unwrap().trim_end(),
        printed.trim_end()
    );
    // nothing, and something that is nothing
    fs::create_dir(place.path().join("empty")).unwrap();
    let (code, _, said) = run(&["init", "empty"], place.path());
    assert!(
        code == 2
            && said.contains("empty: expected a label table")
            && said.contains("found an empty folder"),
        "{said}"
    );
    let (code, _, said) = run(&["init", "mine/labels.csv"], place.path());
    assert!(code == 2 && said.contains("expected a folder"), "{said}");
    assert!(!place.path().join("empty/cohort.toml").exists());
}

#[test]
fn init_of_the_embedded_corpus_changes_nothing_of_what_is_read() {
    let place = tempfile::tempdir().unwrap();
    let root = place.path().join("corpus");
    common::copy(&root);
    let _ = corpus();
    let before = run(&["data", "stats", "corpus"], place.path());
    let _ = fs::remove_file(root.join("cohort.toml"));
    let (code, _, said) = run(&["init", "corpus"], place.path());
    assert_eq!(code, 0, "{said}");
    let after = run(&["data", "stats", "corpus"], place.path());
    assert_eq!(before, after);
}

#[test]
fn every_shell_gets_completions_and_every_command_a_page() {
    let place = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (code, script, said) = run(&["completions", shell], place.path());
        assert_eq!((code, said.as_str()), (0, ""), "{shell}");
        // commands, options, and names that values have
        let values = matches!(shell, "bash" | "zsh" | "fish");
        let parts = [
            "audit",
            "favourable",
            if values { "mobilefacenet" } else { "" },
        ];
        for part in parts {
            assert!(script.contains(part), "{shell}: {part}");
        }
    }
    let (code, _, said) = run(&["completions", "fsh"], place.path());
    assert!(code == 2 && said.contains("'fish'"), "{said}");
    let (code, page, _) = run(&["man"], place.path());
    assert!(code == 0 && page.contains(".TH cohort 1"), "{page}");
    let (code, out, said) = run(&["man", "pages/man1"], place.path());
    assert_eq!((code, out.as_str()), (0, ""), "{said}");
    for name in [
        "cohort",
        "cohort-audit",
        "cohort-data-stats",
        "cohort-search-evaluate",
        "cohort-man",
    ] {
        let page = fs::read_to_string(place.path().join(format!("pages/man1/{name}.1"))).unwrap();
        assert!(
            page.contains(".SH NAME") && page.contains(".SH OPTIONS"),
            "{name}"
        );
    }
    let audit = fs::read_to_string(place.path().join("pages/man1/cohort-audit.1")).unwrap();
    assert!(audit.contains("cohort audit predictions.csv"), "{audit}");
    // the same call gives the same pages
    run(&["man", "again"], place.path());
    assert!(
        common::fixed_files(&place.path().join("pages/man1"))
            == common::fixed_files(&place.path().join("again"))
    );
}

#[test]
fn help_ends_with_examples_that_fit_a_terminal() {
    let place = tempfile::tempdir().unwrap();
    let (code, help, _) = run(&["audit", "--help"], place.path());
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    assert!(code == 0 && examples.ends_with('\n'), "{examples:?}");
    assert!(examples.lines().all(|line| line.len() <= 80), "{examples}");
    let (_, short, _) = run(&["audit", "-h"], place.path());
    assert!(!short.contains("Examples:") && short.contains("see more with '--help'"));
}

#[test]
fn a_favourable_class_is_in_the_text_the_document_the_tables_and_the_page() {
    let place = tempfile::tempdir().unwrap();
    let (mut predictions, mut labels) = (
        "VideoName,ground_truth,prediction\n".to_string(),
        "VideoName,UserID,decision,sex\n".to_string(),
    );
    for i in 0..80 {
        let (truth, sex) = (["no", "yes"][i % 2], ["f", "m"][i / 40]);
        let given = if i % (3 + i / 40) == 0 { "yes" } else { truth };
        predictions += &format!("c{i},{truth},{given}\n");
        labels += &format!("c{i},p{},{truth},{sex}\n", i / 2);
    }
    fs::write(place.path().join("p.csv"), predictions).unwrap();
    fs::write(place.path().join("l.csv"), labels).unwrap();
    let call = "audit p.csv --labels l.csv --target decision --unordered --resamples 200 --permutations 200";
    let with = |more: &str| {
        let call = format!("{call} {more}");
        let arguments: Vec<&str> = call.split_whitespace().collect();
        run(&arguments, place.path())
    };
    let (code, text, said) = with("--favourable yes --out audit");
    assert!(code < 2, "{said}");
    assert!(
        text.contains("WHO IS GIVEN yes, THE FAVOURABLE CLASS"),
        "{text}"
    );
    let read = |name: &str| fs::read_to_string(place.path().join("audit").join(name)).unwrap();
    assert!(read("audit.json").contains("\"favourable\": \"yes\""));
    assert!(
        read("selection.csv").starts_with("attribute,group,name,clips,subjects,selection_rate,")
    );
    let page = read("report.html");
    for part in [
        "Who is given the favourable class",
        "Demographic parity ratio",
        "Four fifths: ",
    ] {
        assert!(page.contains(part), "{part}");
    }
    let (_, text, _) = with("--out plain");
    assert!(!text.contains("FAVOURABLE") && !place.path().join("plain/selection.csv").exists());
    let (code, _, said) = with("--favourable yess");
    assert!(
        code == 2 && said.contains("found yess (did you mean yes?); there are no, yes"),
        "{said}"
    );
}
