//! Tables as spreadsheets and other tools write them give the documents that the plain tables give.

use crate::bench::{Bench, predictions};

const AUDIT: &str = "--resamples 100 --permutations 100 --json";

fn bench() -> Bench {
    let bench = Bench::new();
    let clips: Vec<String> = (0..8).map(|i| format!("s{i}.000.mp4")).collect();
    let rows: Vec<(&str, usize, usize)> = clips
        .iter()
        .enumerate()
        .map(|(i, clip)| (clip.as_str(), 1 + i % 3, 1 + i / 2 % 3))
        .collect();
    bench.write("p.csv", predictions(&rows));
    let mut labels = "VideoName,UserID,AgeGroup,Gender,Ethnicity\n".to_string();
    for (clip, truth, _) in &rows {
        let subject = clip.split('.').next().unwrap();
        labels += &format!("{clip},{subject},{truth},{},{truth}\n", 1 + truth % 2);
    }
    bench.write("l.csv", labels);
    bench
}

fn text(bench: &Bench, name: &str) -> String {
    String::from_utf8(bench.read(name)).unwrap()
}

/// A document without what was said of the reading.
fn without_notes(document: &str) -> serde_json::Value {
    let mut document: serde_json::Value = serde_json::from_str(document).unwrap();
    document.as_object_mut().unwrap().remove("notes");
    document
}

#[test]
fn an_audit_of_spreadsheets_is_the_same_document() {
    let bench = bench();
    let plain = bench.run(&format!("audit p.csv --labels l.csv {AUDIT}"));
    assert!(plain.code < 2 && plain.err.is_empty(), "{}", plain.err);
    let (p, l) = (text(&bench, "p.csv"), text(&bench, "l.csv"));
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(l.replace(',', "\t").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let semicolons = p
        .replace(',', ";")
        .replace("0.", "0,")
        .replace("s0,", "s0.");
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("l.csv", l.replace(',', ";").into(), "semicolons"),
        ("l.csv", utf16, "tabs, UTF-16"),
        ("l.csv", format!("sep=,\r\n{l}").into(), "a first line sep="),
        ("l.csv", l.replace('\n', ",,\n").into(), ""),
        (
            "p.csv",
            restored(&semicolons).into(),
            "semicolons, decimal commas",
        ),
    ];
    for (name, bytes, said) in cases {
        let good = bench.read(name);
        bench.write(name, bytes);
        let ended = bench.run(&format!("audit p.csv --labels l.csv {AUDIT}"));
        assert_eq!(
            (ended.code, without_notes(&ended.out)),
            (plain.code, without_notes(&plain.out)),
            "{said}: {}",
            ended.err
        );
        assert!(ended.out.contains(said), "{said}: not in the document");
        assert!(
            ended.err.trim_end().ends_with(said),
            "{said}: {}",
            ended.err
        );
        bench.write(name, good);
    }
}

/// Clip names keep their points.
fn restored(text: &str) -> String {
    (0..8).fold(text.to_string(), |text, i| {
        text.replace(&format!("s{i}.000,mp4"), &format!("s{i}.000.mp4"))
    })
}

#[test]
fn columns_of_other_tools_are_proposed_and_mapped_by_every_command() {
    let bench = bench();
    let audit = format!("audit p.csv --labels l.csv {AUDIT}");
    let plain = bench.run(&audit);
    bench.edit("p.csv", |text| {
        text.replacen("VideoName,ground_truth,prediction", "file,y_true,y_pred", 1)
    });
    bench.edit("l.csv", |text| text.replacen("UserID", "speaker", 1));
    let refused = bench.run(&audit);
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("if that is what they hold: --column VideoName=file"),
        "{}",
        refused.err
    );
    let columns = "--column VideoName=file --column ground_truth=y_true --column prediction=y_pred";
    let proposed = bench.run(&format!("{audit} {columns}"));
    assert!(
        proposed
            .err
            .ends_with("if that is what speaker holds: --column UserID=speaker\n"),
        "{}",
        proposed.err
    );
    let mapped = bench.run(&format!("{audit} {columns} --column UserID=speaker"));
    assert_eq!(
        (mapped.code, mapped.out),
        (plain.code, plain.out),
        "{}",
        mapped.err
    );
    bench.works(&format!("fuse a=p.csv --rule mean --out fused {columns}"));
    bench.refuses(
        &format!("fuse a=p.csv --rule mean --out fused {columns} --column p1=nowhere"),
        "--column p1=nowhere: expected a column nowhere in a table, found none",
    );
}
