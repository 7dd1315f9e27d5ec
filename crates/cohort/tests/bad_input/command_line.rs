//! Names that start with a dash, wherever a file may stand on the command line.

use crate::bench::{Bench, predictions};

#[test]
fn files_whose_names_start_with_a_dash_are_files() {
    let bench = Bench::new();
    let rows = [
        ("-a.000.mp4", 1, 1),
        ("--b.001.mp4", 2, 3),
        ("c.-02.mp4", 3, 2),
    ];
    bench.write("-p.csv", predictions(&rows));
    bench.write("--q.csv", predictions(&rows));
    let labels = "VideoName,UserID,AgeGroup,Gender,Ethnicity\n-a.000.mp4,-a,1,1,1\n--b.001.mp4,--b,2,2,2\nc.-02.mp4,c,3,1,3\n";
    bench.write("-l.csv", labels);
    bench.works("fuse x=-p.csv y=--q.csv --rule mean --labels -l.csv --by UserID --out=-f.d");
    let fused = String::from_utf8(bench.read("-f.d/predictions.csv")).unwrap();
    assert!(
        fused.contains("\n-a.000.mp4,1,1,") && fused.contains("\n--b.001.mp4,2,3,"),
        "{fused}"
    );
    bench.works("ablate x=-p.csv y=--q.csv --rule mean --labels -l.csv --resamples 100");
    let audit = "--resamples 100 --permutations 100";
    for call in [
        format!("audit -p.csv --labels -l.csv {audit}"),
        format!("audit --labels=-l.csv {audit} -- -p.csv"),
        format!("audit ./-p.csv --labels ./-l.csv {audit}"),
    ] {
        let ended = bench.run(&call);
        assert!(ended.code == 0 || ended.code == 1, "{call}: {}", ended.err);
    }
    // a name that is no file is an option that there is not, and the message says how to give a file
    let refused = bench.run("audit -none.csv --labels -l.csv");
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.contains("to pass '-n' as a value, use '-- -n'"),
        "{}",
        refused.err
    );
}

#[test]
fn a_data_set_whose_folder_starts_with_a_dash() {
    let bench = Bench::with_labels();
    let tables = ["train", "valid", "test"].map(|split| format!("{split}_set_age_labels.csv"));
    for name in tables.into_iter().chain(["cohort.toml".to_string()]) {
        bench.write(&format!("-d.1/{name}"), bench.read(&format!("data/{name}")));
    }
    let expected = bench.works("data stats data");
    for call in ["data stats -d.1", "data stats -- -d.1", "data stats ./-d.1"] {
        assert_eq!(bench.works(call), expected);
    }
}
