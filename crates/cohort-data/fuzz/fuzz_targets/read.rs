//! Any bytes as a schema, a label table and a transcript of a small data set: it opens and is checked, or an error, never a panic.
#![no_main]

use cohort_data::{CheckSettings, Dataset};

const LABELS: &str = "VideoName,UserID,AgeGroup,Gender,Ethnicity\naaaaaaaaaaa.000.mp4,a,1,1,1\n";

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((&which, bytes)) = bytes.split_first() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a temporary folder");
        std::fs::write(path, bytes).expect("a temporary file");
    };
    for split in ["train", "valid", "test"] {
        write(
            &format!("{split}_set_age_labels.csv"),
            LABELS
                .replace("aaaaaaaaaaa", &split.repeat(3)[..11.min(3 * split.len())])
                .as_bytes(),
        );
    }
    let name = [
        "cohort.toml",
        "train_set_age_labels.csv",
        "transcripts.csv",
        "train/1/traintraint.000.pkl",
    ][usize::from(which) % 4];
    write(name, bytes);
    if let Ok(dataset) = Dataset::open(folder.path(), None) {
        for clip in dataset.splits.iter().flat_map(|split| &split.clips) {
            let _ = clip.read_transcript();
        }
    }
    let _ = cohort_data::check(folder.path(), None, &CheckSettings::default(), &|_, _| {});
});
