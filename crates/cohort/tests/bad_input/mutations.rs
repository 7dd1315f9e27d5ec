//! Files with random faults: whatever they hold, a command ends with 0, 1 or 2, and never by a panic.

use crate::bench::{Bench, Ended, predictions};

/// Files tried of each kind.
const TRIES: u64 = 40;

/// A small generator (splitmix64), so that every fault can be made again from its number.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// What mutations like to put in: separators, quotes, numbers at the limits, bytes that are no text.
const PIECES: [&[u8]; 18] = [
    b",",
    b"\n",
    b"\"",
    b"\r",
    b"=",
    b"[",
    b"]",
    b"-",
    b".",
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"0",
    b"-1",
    b"1e999",
    b"NaN",
    b"99999999999999999999",
    b"{split}",
];

/// One to six faults: a byte changed, a piece put in, a part taken out, a part said twice, the end cut off.
fn mutate(good: &[u8], seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let mut bytes = good.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(12)).min(bytes.len());
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.next() as u8,
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            3 if random.below(4) == 0 => bytes.truncate(at),
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
    bytes
}

#[track_caller]
fn ended_well(ended: &Ended, what: &str) {
    let panicked = ended.err.contains("panicked");
    assert!(
        (0..=2).contains(&ended.code) && !panicked,
        "{what}: {ended:?}"
    );
    if ended.code == 2 {
        assert!(ended.err.contains("error: "), "{what}: {ended:?}");
    }
}

/// Runs `commands` on `TRIES` mutations of a file.
fn try_all(bench: &Bench, file: &str, commands: &[&str]) {
    let good = bench.read(file);
    for seed in 0..TRIES {
        bench.write(file, mutate(&good, seed));
        for command in commands {
            ended_well(
                &bench.run(command),
                &format!("{file}, fault {seed}, {command}"),
            );
        }
    }
    bench.write(file, good);
}

#[test]
fn label_tables() {
    let bench = Bench::with_labels();
    try_all(
        &bench,
        "data/train_set_age_labels.csv",
        &["data check data", "data stats data"],
    );
}

#[test]
fn schemas() {
    let bench = Bench::with_labels();
    let schema = "name = \"mine\"\ntarget = \"AgeGroup\"\nsplits = [\"train\", \"valid\", \"test\"]\n\
        labels = \"{split}_set_age_labels.csv\"\nfolder = \"{split}/{target}\"\n[[attribute]]\ncolumn = \"AgeGroup\"\n\
        ordered = true\nlevels = [{ code = \"1\", name = \"child\", midpoint = 8.0 }, { code = \"2\" }, { code = \"3\" }]\n\
        [[attribute]]\ncolumn = \"Gender\"\n";
    bench.write("data/cohort.toml", schema);
    assert!(bench.works("data stats data").starts_with("mine\n"));
    try_all(
        &bench,
        "data/cohort.toml",
        &["data check data", "data stats data"],
    );
}

#[test]
fn prediction_tables() {
    let bench = Bench::new();
    let clips: Vec<String> = (0..6).map(|i| format!("s{i}.000.mp4")).collect();
    let rows: Vec<(&str, usize, usize)> = clips
        .iter()
        .enumerate()
        .map(|(i, clip)| (clip.as_str(), 1 + i % 3, 1 + i % 2))
        .collect();
    bench.write("p.csv", predictions(&rows));
    let mut labels = "VideoName,UserID,AgeGroup,Gender,Ethnicity\n".to_string();
    for (clip, truth, _) in &rows {
        labels += &format!("{clip},{clip},{truth},1,{truth}\n");
    }
    bench.write("l.csv", labels);
    let audit = "audit p.csv --labels l.csv --resamples 100 --permutations 100";
    let ablate = "ablate a=p.csv --rule mean --resamples 100";
    try_all(
        &bench,
        "p.csv",
        &["fuse a=p.csv --rule mean --out f", ablate, audit],
    );
    try_all(&bench, "l.csv", &[audit]);
}

#[test]
fn configurations() {
    // the data hold no media, so that a configuration that is right ends here too
    let bench = Bench::with_labels();
    let config = "data = \"data\"\nseed = 3\nmodalities = [\"text\", \"audio\"]\nskip_bad = true\n[features]\nimage_size = 32\n\
        [features.text]\nbuckets = 512\n[audio]\nhidden = [8, 4]\ndropout = 0.1\n[audio.train]\nepochs = 2\n\
        learning_rate = 0.001\n[fusion]\nresamples = 100\n";
    bench.write("run.toml", config);
    let ended = bench.run("run run.toml --out run");
    assert!(
        ended
            .err
            .contains("expected pictures, sounds or transcripts in every split"),
        "{}",
        ended.err
    );
    try_all(
        &bench,
        "run.toml",
        &["run run.toml --out run", "train text run.toml --out model"],
    );
}

#[test]
fn media() {
    let bench = Bench::with_media();
    let good = bench.files("data");
    let is_media = |name: &str| !name.ends_with(".csv");
    for seed in 0..3 {
        for (i, (name, bytes)) in good
            .iter()
            .enumerate()
            .filter(|(_, (name, _))| is_media(name))
        {
            bench.write(
                &format!("data/{name}"),
                mutate(bytes, 1_000 * seed + i as u64),
            );
        }
        for command in [
            "data check data",
            "data check data --json",
            "features data --skip-bad --out features",
            "train image data --skip-bad --epochs 1 --out model",
        ] {
            ended_well(
                &bench.run(command),
                &format!("media, fault {seed}, {command}"),
            );
        }
        bench.remove("model");
    }
}
