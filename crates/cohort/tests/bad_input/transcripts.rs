//! Transcripts: a pickle is data and never run; what is no text is refused, skipped on demand and found.

use crate::bench::Bench;

#[test]
fn a_pickle_with_code_is_refused_and_never_run() {
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    let file = format!("{stem}.pkl");
    let victim = bench.path("PWNED");
    let command = format!("touch {}", victim.display());
    // what `pickle.dumps` makes of an object whose __reduce__ is (os.system, (command,)): protocols 0, 2 and 4
    let text = |code: u8, s: &str| [&[code, s.len() as u8][..], s.as_bytes()].concat();
    let protocol_0 = format!("cposix\nsystem\np0\n(V{command}\np1\ntp2\nRp3\n.").into_bytes();
    let protocol_2 = [
        b"\x80\x02cposix\nsystem\nX".to_vec(),
        (command.len() as u32).to_le_bytes().to_vec(),
        command.clone().into_bytes(),
        b"\x85R.".to_vec(),
    ]
    .concat();
    let protocol_4 = [
        b"\x80\x04".to_vec(),
        text(0x8c, "posix"),
        b"\x94".to_vec(),
        text(0x8c, "system"),
        b"\x94\x93\x94".to_vec(),
        text(0x8c, &command),
        b"\x94\x85\x94R\x94.".to_vec(),
    ]
    .concat();
    let at_4 = protocol_4.iter().position(|&byte| byte == 0x93).unwrap();
    let cases = [
        (
            protocol_0,
            "GLOBAL of \"posix.system\" at byte 0".to_string(),
        ),
        (
            protocol_2,
            "GLOBAL of \"posix.system\" at byte 2".to_string(),
        ),
        (
            protocol_4,
            format!("STACK_GLOBAL of \"posix.system\" at byte {at_4}"),
        ),
    ];
    for (bytes, instruction) in cases {
        bench.write(&file, bytes);
        let message = format!(
            "{file}: expected a pickled plain str (a pickle is read as data, never run), found the instruction {instruction}, which would run code"
        );
        let hint = "(--skip-bad leaves such clips out and lists them)";
        for call in [
            "features data --out features",
            "train text data --epochs 1 --out model",
        ] {
            bench.refuses(call, &format!("clip {id}: {message} {hint}"));
        }
        let text = bench.works("features data --out skipping --skip-bad");
        assert!(
            text.ends_with(&format!("1 left out\n  left out {id}: {message}\n")),
            "{text}"
        );
        let found = message.replace("data/train", "train");
        bench.check_finds(
            1,
            &format!("error: undecodable-media (1)\n  train/{id} row 2  {found}\n"),
        );
        assert!(!victim.exists(), "the pickle was run");
    }
    assert!(!bench.exists("features/text.parquet"));
}

#[test]
fn transcripts_that_are_no_text_are_named() {
    let cases: [(&str, &[u8], &str); 6] = [
        (
            "pkl",
            b"",
            "expected a whole pickle, found its end at byte 0",
        ),
        (
            "pkl",
            b"\x80\x04\x8c\x09hi",
            "expected a whole pickle, found its end at byte 6",
        ),
        (
            "pkl",
            b"\x80\x04K\x01.",
            "expected a pickled str, found a number (instruction at byte 2)",
        ),
        (
            "pkl",
            b"hello",
            "expected a pickled str, found more than one value (instruction at byte 0)",
        ),
        (
            "txt",
            b"caf\xe9",
            "expected text in UTF-8, found a byte at 3 that is not UTF-8",
        ),
        (
            "txt",
            b"\xff\xfeh\0i\0",
            "expected text in UTF-8, found UTF-16, by its byte order mark",
        ),
    ];
    for (extension, bytes, message) in cases {
        let bench = Bench::with_media();
        let (id, stem) = bench.first_clip();
        bench.remove(&format!("{stem}.pkl"));
        let file = format!("{stem}.{extension}");
        bench.write(&file, bytes);
        let hint = "(--skip-bad leaves such clips out and lists them)";
        bench.refuses(
            "train text data --epochs 1 --out model",
            &format!("clip {id}: {file}: {message} {hint}"),
        );
        let shown = file.replace("data/", "");
        bench.check_finds(
            1,
            &format!("error: undecodable-media (1)\n  train/{id} row 2  {shown}: {message}\n"),
        );
    }
}

#[test]
fn silence_and_marks_in_a_transcript_are_text() {
    let bench = Bench::with_media();
    let (id, stem) = bench.first_clip();
    bench.remove(&format!("{stem}.pkl"));
    bench.write(&format!("{stem}.txt"), "\u{feff} \r\n");
    bench.check_finds(
        1,
        &format!(
            "warning: empty-transcript (1)\n  train/{id} row 2  a transcript without a word\n"
        ),
    );
    bench.write(&format!("{stem}.txt"), "\u{feff}Hello.\r\n");
    assert_eq!(bench.run("data check data").code, 0);
    assert_eq!(
        bench
            .works("features data --out features")
            .matches(" 0 left out\n")
            .count(),
        2
    );
}
