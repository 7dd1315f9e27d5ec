//! Sounds: `audio features` and `features` refuse what cannot be used, `--skip-bad` lists it, `data check` finds it.

use crate::bench::{Bench, floats, silence, tone};

/// Rows of the acoustic table that `features` says it wrote.
fn rows_of(text: &str) -> &str {
    text.split(' ').nth(1).unwrap()
}

#[test]
fn sounds_that_cannot_be_used_are_named_skipped_on_demand_and_found() {
    let nan: Vec<f32> = (0..5_000)
        .map(|i| if i == 5 { f32::NAN } else { 0.1 })
        .collect();
    let cut = |bytes: Vec<u8>, length: usize| bytes[..length].to_vec();
    let decode = "cannot decode FILE: ";
    let rate = "acoustic features: expected a sample rate from 4000 to 192000 Hz, found ";
    // bytes; message of `audio features`; message of `features`, where it differs; message of `data check`, likewise
    let cases: [(Vec<u8>, String, Option<String>, Option<String>); 9] = [
        (cut(tone(16_000, 1_600), 1_000), format!("{decode}expected 3200 bytes of samples, found 956"), None, None),
        (cut(tone(16_000, 1_600), 20), format!("{decode}expected a fmt chunk of 16 bytes or more, found 0 bytes"), None, None),
        (Vec::new(), format!("{decode}expected a sound file, found an empty file"), None, None),
        (tone(16_000, 0), format!("{decode}expected at least one sample, found none"), None, None),
        (tone(0, 1_600), format!("{decode}expected at least one channel and a sample rate, found 1 channels at 0 Hz"), None, None),
        (
            tone(1_000, 1_600),
            format!("cannot analyse FILE: {rate}1000 Hz"),
            Some(format!("{rate}1000 Hz")),
            Some("cannot use FILE: expected a sample rate from 4000 to 192000 Hz, found 1000 Hz".to_string()),
        ),
        (
            tone(2_000_000_000, 1_600),
            format!("cannot analyse FILE: {rate}2000000000 Hz"),
            Some(format!("{rate}2000000000 Hz")),
            Some("cannot use FILE: expected a sample rate from 4000 to 192000 Hz, found 2000000000 Hz".to_string()),
        ),
        (floats(16_000, &nan), format!("{decode}expected finite samples, found NaN at sample 5"), None, None),
        (Vec::from(*b"<html>no sound</html>"), format!("{decode}expected WAV, AIFF, CAF, AU, NIST SPHERE, FLAC, MPEG audio, AAC, Ogg, MP4 or Matroska, found a page of HTML"), None, None),
    ];
    let bench = Bench::with_media();
    bench.works("features data --out good");
    let good = bench.files("good");
    let (id, stem) = bench.first_clip();
    let file = format!("{stem}.wav");
    for (bytes, alone, in_features, in_check) in cases {
        bench.write(&file, bytes);
        let alone = alone.replace("FILE", &file);
        let refused = bench.run(&format!("audio features {file}"));
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        assert!(
            refused.err.starts_with(&format!("error: {alone}")),
            "{}",
            refused.err
        );
        let skipped = bench.run(&format!("audio features {file} --skip-bad"));
        assert_eq!(skipped.code, 0);
        assert!(
            skipped.err.starts_with(&format!("skipped {file}: {alone}")),
            "{}",
            skipped.err
        );
        assert!(
            skipped.err.ends_with("\n1 files skipped\n"),
            "{}",
            skipped.err
        );

        // the good tables stay as they are when the data have become bad
        let in_features = in_features.unwrap_or(alone);
        let refused = bench.run("features data --out good");
        assert_eq!((refused.code, refused.out.as_str()), (2, ""));
        let place = format!("error: clip {id}: ");
        let hint = " (--skip-bad leaves such clips out and lists them)\n";
        assert!(
            refused.err.starts_with(&format!("{place}{in_features}")),
            "{}",
            refused.err
        );
        assert!(refused.err.ends_with(hint), "{}", refused.err);
        let kept: Vec<_> = bench
            .files("good")
            .into_iter()
            .filter(|(name, _)| !name.ends_with(".partial"))
            .collect();
        assert!(kept == good);
        bench.assert_no_half_files("good");

        let text = bench.works("features data --out skipping --skip-bad");
        assert!(text.contains(", 1 left out\n"), "{text}");
        assert!(
            text.contains(&format!("  left out {id}: {in_features}")),
            "{text}"
        );
        let json = bench.works("features data --out skipping --skip-bad --json");
        assert!(json.contains(&format!("\"clip\": \"{id}\"")), "{json}");

        let in_check = in_check
            .unwrap_or(in_features)
            .replace("FILE", &file)
            .replace("data/", "");
        bench.check_finds(
            1,
            &format!("error: undecodable-media (1)\n  train/{id} row 2  {in_check}"),
        );
    }
}

#[test]
fn silence_one_sample_and_other_rates_are_sounds() {
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    let file = format!("{stem}.wav");
    let silent =
        format!("warning: silent-audio (1)\n  train/{id} row 2  all samples are the same\n");
    for bytes in [silence(16_000, 16_000), tone(16_000, 1)] {
        bench.write(&file, bytes);
        assert!(
            bench
                .works(&format!("audio features {file}"))
                .contains("(silent)")
        );
        bench.check_finds(1, &silent);
        assert!(
            bench
                .works("features data --out features")
                .contains(", 0 left out\n")
        );
    }
    // the pitch of a tone at 150 Hz does not depend on the sample rate
    for rate in [8_000, 11_025, 44_100, 96_000] {
        bench.write(&file, tone(rate, rate as usize));
        let json = bench.works(&format!("audio features {file} --json"));
        let pitch: f64 = json
            .lines()
            .find_map(|line| line.trim().strip_prefix("\"f0_median_hz\": "))
            .unwrap()
            .trim_end_matches(',')
            .parse()
            .unwrap();
        assert!((pitch / 150.0 - 1.0).abs() < 0.01, "{pitch} at {rate} Hz");
        assert_eq!(bench.run("data check data").code, 0);
    }
    assert_eq!(rows_of(&bench.works("features data --out features")), "28");
}

#[test]
fn a_truncated_mp3_is_refused_or_read_to_its_last_whole_frame() {
    // MPEG 1 layer III, 128 kbit/s, 44.1 kHz, one channel; a frame of 417 bytes whose side information is zero is silence
    let mut frame = vec![0xff, 0xfb, 0x90, 0xc0];
    frame.resize(417, 0);
    let whole = frame.repeat(40);
    let bench = Bench::new();
    bench.write("whole.mp3", &whole);
    assert!(bench.works("audio features whole.mp3").contains("(silent)"));
    bench.write("cut.mp3", &whole[..whole.len() - 200]);
    let cut = bench.run("audio features cut.mp3");
    assert!(cut.code == 0 && cut.out.contains("(silent)"), "{}", cut.out);
    let told = "cut.mp3: the last frame has 217 of its 417 bytes: the file is cut short; its 39 whole frames are read\n";
    assert_eq!(cut.err, told);
    bench.write("header.mp3", &whole[..100]);
    bench.write("empty.mp3", "");
    bench.refuses(
        "audio features empty.mp3",
        "cannot decode empty.mp3: expected a sound file, found an empty file",
    );
    let header = bench.run("audio features header.mp3");
    assert_eq!((header.code, header.out.as_str()), (2, ""));
    assert!(
        header
            .err
            .starts_with("error: cannot decode header.mp3: expected "),
        "{}",
        header.err
    );
}

#[test]
fn files_that_are_not_there_and_folders_without_sound() {
    let bench = Bench::new();
    bench.make_folder("empty");
    bench.refuses(
        "audio features none.wav",
        "cannot read none.wav: No such file or directory (os error 2)",
    );
    bench.refuses(
        "audio features empty",
        "empty: expected sound files (wav, wave, flac, aiff, aif, aifc, caf, w64, rf64, bwf, au, snd, sph, nist, mp3, ogg, m4a, oga, opus, mp4, m4b, aac, mp2, mka, webm, mkv, mov, 3gp), found none",
    );
    bench.refuses(
        "audio features none.wav --out x.csv",
        "x.csv: expected a name that ends in .parquet",
    );
    assert_eq!(bench.list(""), ["empty"]);
}

#[test]
fn ids_that_start_with_a_dash_are_clips_like_others() {
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    let folder = stem.strip_suffix(&id).unwrap().to_string();
    let new = "--Ab.-1";
    for extension in ["jpg", "wav", "pkl"] {
        let bytes = bench.read(&format!("{stem}.{extension}"));
        bench.remove(&format!("{stem}.{extension}"));
        bench.write(&format!("{folder}{new}.{extension}"), &bytes);
        bench.write(&format!("{new}.{extension}"), bytes);
    }
    bench.edit("data/train_set_age_labels.csv", |text| {
        text.replace(&id, new)
    });
    assert_eq!(bench.run("data check data").code, 0);
    assert_eq!(rows_of(&bench.works("features data --out features")), "28");
    // on the command line: as it is, after two dashes, with its folder
    let table = bench.works(&format!("audio features ./{new}.wav"));
    for call in [format!("{new}.wav"), format!("-- {new}.wav")] {
        assert_eq!(bench.works(&format!("audio features {call}")), table);
    }
    bench.shell("$COHORT audio features *.wav --out=-t.parquet");
    let row = cohort_tables::EmbeddingTable::read(&bench.path("-t.parquet")).unwrap();
    assert_eq!(row.clips, [new]);
}
