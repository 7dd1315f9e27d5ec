//! `cohort predict` of videos: what their frames and their sound say, what is listed, and which classes are in a clip's set.

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use common::{cohort, corpus, finish, first_media, printed_json, refusal, shared};
use serde_json::Value;

/// A run of pictures and sounds.
fn finished() -> &'static Path {
    static RUN: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("run");
        let (code, _, err) = finish(
            cohort()
                .arg("run")
                .arg(corpus())
                .args(["--modalities", "image,audio", "--epochs", "1", "--out"])
                .arg(&out),
        );
        assert_eq!(code, 0, "{err}");
        (folder, out)
    });
    path
}

fn predict(run: &Path, arguments: &[&str], folder: &Path) -> (i32, String, String) {
    finish(
        cohort()
            .current_dir(folder)
            .arg("predict")
            .arg(run)
            .args(arguments),
    )
}

/// Whether there is an ffmpeg; a line that says so where there is none.
fn ffmpeg(folder: &Path, arguments: &[&str]) -> bool {
    let done = Command::new("ffmpeg")
        .args(["-y", "-loglevel", "error"])
        .args(arguments)
        .current_dir(folder)
        .status();
    match done {
        Ok(status) => {
            assert!(status.success(), "{arguments:?}");
            true
        }
        Err(error) => {
            println!("skipped: no ffmpeg: {error}");
            false
        }
    }
}

#[test]
fn a_video_of_a_clips_picture_and_sound_is_answered_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("files")).unwrap();
    std::fs::copy(first_media(corpus(), "test", "jpg"), at("files/a.jpg")).unwrap();
    std::fs::copy(first_media(corpus(), "test", "wav"), at("files/a.wav")).unwrap();
    let still = [
        "-loop",
        "1",
        "-r",
        "5",
        "-i",
        "files/a.jpg",
        "-i",
        "files/a.wav",
        "-shortest",
        "-c:v",
        "ffv1",
        "-pix_fmt",
        "bgr0",
        "-c:a",
    ];
    if !ffmpeg(folder.path(), &[&still[..], &["flac", "a.mkv"]].concat()) {
        return;
    }
    ffmpeg(folder.path(), &[&still[..], &["ac3", "b.avi"]].concat());
    ffmpeg(
        folder.path(),
        &["-i", "a.mkv", "-an", "-c", "copy", "silent.mkv"],
    );
    let answer = |file: &str| -> Value {
        let found = printed_json(predict(finished(), &[file, "--json"], folder.path()));
        assert_eq!(found["clips"].as_array().unwrap().len(), 1);
        found["clips"][0].clone()
    };
    let p = |answer: &Value| -> Vec<f64> {
        let p = answer["probabilities"].as_array().unwrap();
        p.iter().map(|p| p.as_f64().unwrap()).collect()
    };
    let near = |a: &Value, b: &Value, tolerance: f64| {
        for (a, b) in p(a).iter().zip(p(b)) {
            assert!((a - b).abs() < tolerance, "{a} {b}");
        }
    };
    let files = answer("files");
    let video = answer("a.mkv");
    assert_eq!(files["modalities"], video["modalities"]);
    // no loss in picture and sound: the same but for the JPEG's colours
    near(&files, &video, 0.01);
    assert_eq!(files["set"], video["set"]);
    assert!(video["video"]["frames"].as_u64().unwrap() > 1 && files["video"].is_null());
    // faces are not searched for in this run
    assert!(video["video"]["with_main_face"].is_null() && video["flags"].is_null());
    // sound of a kind that is not ours, in a container that is not
    let foreign = answer("b.avi");
    assert_eq!(foreign["modalities"], video["modalities"]);
    near(&files, &foreign, 0.15);
    let (_, _, err) = predict(finished(), &["b.avi"], folder.path());
    assert!(
        err.contains("b.avi: its sound (ac3) is read by ffmpeg version"),
        "{err}"
    );
    // pictures alone, from the video or from the file
    let silent = answer("silent.mkv");
    assert_eq!(silent["modalities"], serde_json::json!(["image"]));
    near(&silent, &answer("files/a.jpg"), 0.01);
    // fewer frames, further apart
    let found = printed_json(predict(
        finished(),
        &["a.mkv", "--frames", "3", "--json"],
        folder.path(),
    ));
    assert_eq!(found["clips"][0]["video"]["frames"], 3);
    // without the program the sound alone is left, and that is said
    let (code, out, err) = finish(
        cohort()
            .current_dir(folder.path())
            .env("COHORT_FFMPEG", "/nowhere")
            .arg("predict")
            .arg(finished())
            .args(["a.mkv", "--json"]),
    );
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains(
            "of 1 videos the sound alone is used: expected the programs ffmpeg and ffprobe"
        ),
        "{err}"
    );
    let found: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        found["clips"][0]["modalities"],
        serde_json::json!(["audio"])
    );
}

#[test]
fn what_cannot_be_read_is_listed_and_the_rest_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::copy(first_media(corpus(), "test", "wav"), at("good.wav")).unwrap();
    std::fs::copy(first_media(corpus(), "test", "wav"), at("half.wav")).unwrap();
    for broken in ["half.jpg", "broken.wav", "broken.mp4"] {
        std::fs::write(at(broken), "nothing of the kind").unwrap();
    }
    let files = ["good.wav", "half.wav", "half.jpg", "broken.wav"];
    let (code, out, err) = predict(finished(), &files, folder.path());
    assert_eq!(code, 1, "{err}");
    assert!(
        out.contains("good: ") && out.contains("half: ") && !out.contains("broken"),
        "{out}"
    );
    assert!(
        err.contains("not used: broken, audio: ") && err.contains("not used: half, image: "),
        "{err}"
    );
    // the answer for what is left is that of what is left
    let (code, out, _) = predict(
        finished(),
        &[&files[..], &["--json"]].concat(),
        folder.path(),
    );
    assert_eq!(code, 1);
    let found: Value = serde_json::from_str(&out).unwrap();
    let alone = printed_json(predict(finished(), &["half.wav", "--json"], folder.path()));
    let half = found["clips"]
        .as_array()
        .unwrap()
        .iter()
        .find(|clip| clip["clip"] == "half");
    assert_eq!(*half.unwrap(), alone["clips"][0]);
    assert_eq!(found["failed"].as_array().unwrap().len(), 2);
    let error = refusal(predict(finished(), &["broken.mp4"], folder.path()));
    assert!(
        error.contains("expected a clip of which something can be read, found none; broken, "),
        "{error}"
    );
    // names on standard input
    let listed = finish(
        cohort()
            .current_dir(folder.path())
            .arg("predict")
            .arg(finished())
            .args(["-", "--json"])
            .write_stdin("good.wav\nhalf.wav\n"),
    );
    assert_eq!(printed_json(listed)["clips"].as_array().unwrap().len(), 2);
}

#[test]
fn sets_hold_the_true_class_of_new_subjects_and_wide_ones_abstain() {
    let folder = tempfile::tempdir().unwrap();
    let data = corpus().display().to_string();
    let of = |more: &[&str]| {
        let arguments = [&["--data", &data, "--split", "test", "--json"], more].concat();
        printed_json(predict(finished(), &arguments, folder.path()))
    };
    let wide = of(&["--coverage", "0.99"]);
    let usual = of(&[]);
    assert_eq!(
        (&usual["coverage"], &wide["coverage"]),
        (&0.9.into(), &0.99.into())
    );
    let sizes = |found: &Value| -> Vec<usize> {
        let clips = found["clips"].as_array().unwrap().iter();
        clips
            .map(|clip| clip["set"].as_array().unwrap().len())
            .collect()
    };
    for (clip, (usual, wide)) in usual["clips"]
        .as_array()
        .unwrap()
        .iter()
        .zip(sizes(&usual).iter().zip(sizes(&wide)))
    {
        assert!(*usual <= wide);
        assert!(clip["set"].as_array().unwrap().contains(&clip["class"]));
    }
    // so few subjects cannot promise 99 of 100: everything may be
    assert!(
        sizes(&wide)
            .iter()
            .all(|size| *size == usual["classes"].as_array().unwrap().len())
    );
    let strict = of(&["--widest", "2"]);
    for (clip, size) in strict["clips"]
        .as_array()
        .unwrap()
        .iter()
        .zip(sizes(&usual))
    {
        assert_eq!(clip["abstained"] == true, size > 2);
    }
    let error = refusal(predict(
        finished(),
        &["--data", &data, "--coverage", "0.905"],
        folder.path(),
    ));
    assert!(
        error.contains("setting coverage: expected 0.50 to 0.99 in hundredths, found 0.905"),
        "{error}"
    );
}

/// Two people, of whom one leaves: with a detector the other is the main face.
#[test]
fn the_main_face_is_followed() {
    let Some(data) = shared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut faces: Vec<PathBuf> = std::fs::read_dir(data.join("faces/val"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    faces.sort();
    for (face, name) in faces.iter().zip(["a.jpg", "b.jpg"]) {
        std::fs::copy(face, at(name)).unwrap();
    }
    let both =
        "[0]scale=200:200[a];[1]scale=240:240[b];color=gray:s=640x360:r=2:d=6[c];[c][a]overlap[x]";
    let both = both
        .replace("overlap", "overlay=40:80:shortest=0")
        .replace("[x]", "[x];[x][b]overlay=340:60:enable='lt(t,2)'");
    if !ffmpeg(
        folder.path(),
        &[
            "-loop",
            "1",
            "-t",
            "6",
            "-r",
            "2",
            "-i",
            "a.jpg",
            "-loop",
            "1",
            "-t",
            "6",
            "-r",
            "2",
            "-i",
            "b.jpg",
            "-filter_complex",
            &both,
            "-t",
            "6",
            "-c:v",
            "libx264",
            "-crf",
            "5",
            "v.mp4",
        ],
    ) {
        return;
    }
    let run = at("run");
    let (code, _, err) = finish(
        cohort()
            .arg("run")
            .arg(corpus())
            .args(["--modalities", "image", "--epochs", "1", "--detector"])
            .arg(data.join("weights/mtcnn"))
            .arg("--out")
            .arg(&run),
    );
    assert_eq!(code, 0, "{err}");
    let found = printed_json(predict(&run, &["v.mp4", "--json"], folder.path()));
    let clip = &found["clips"][0];
    assert_eq!(clip["video"]["frames"], 12, "{clip}");
    assert_eq!(
        (
            &clip["video"]["with_main_face"],
            &clip["video"]["other_faces"]
        ),
        (&12.into(), &1.into())
    );
    assert_eq!(clip["flags"], serde_json::json!(["several faces"]));
    // the one who stays, alone
    let alone = printed_json(predict(&run, &["a.jpg", "--json"], folder.path()));
    for (a, b) in clip["probabilities"]
        .as_array()
        .unwrap()
        .iter()
        .zip(alone["clips"][0]["probabilities"].as_array().unwrap())
    {
        assert!(
            (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 0.05,
            "{clip}"
        );
    }
}

#[test]
fn what_is_odd_about_media_is_flagged() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let wav = |name: &str, seconds: f64, gain: f32| {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 16_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(at(name), spec).unwrap();
        for i in 0..(seconds * 16_000.0) as usize {
            let value = ((i as f32 * 0.05).sin() * gain).clamp(-1.0, 1.0);
            file.write_sample((value * 32_767.0) as i16).unwrap();
        }
        file.finalize().unwrap();
    };
    wav("plain.wav", 2.0, 0.5);
    wav("silent.wav", 2.0, 0.0);
    wav("loud.wav", 2.0, 2.0);
    wav("short.wav", 0.5, 0.5);
    let picture = |name: &str, pixel: &dyn Fn(u32, u32) -> u8| {
        let picture = image::RgbImage::from_fn(200, 200, |x, y| image::Rgb([pixel(x, y); 3]));
        picture.save(at(name)).unwrap();
    };
    picture("sharp.png", &|x, y| {
        if (x / 10 + y / 10) % 2 == 0 { 40 } else { 200 }
    });
    picture("soft.png", &|x, _| 60 + (x / 2) as u8);
    picture("night.png", &|x, y| ((x + y) % 20) as u8);
    let found = printed_json(predict(finished(), &[".", "--json"], folder.path()));
    let flags: Vec<(String, String)> = found["clips"]
        .as_array()
        .unwrap()
        .iter()
        .map(|clip| {
            let flags = clip["flags"].as_array().cloned().unwrap_or_default();
            let flags: Vec<&str> = flags.iter().map(|flag| flag.as_str().unwrap()).collect();
            (clip["clip"].as_str().unwrap().to_string(), flags.join(", "))
        })
        .collect();
    let expected = [
        ("loud", "clipped sound"),
        ("night", "dark"),
        ("plain", ""),
        ("sharp", ""),
        ("short", "short sound"),
        ("silent", "silent"),
        ("soft", "blurred"),
    ];
    let expected = expected.map(|(clip, flags)| (clip.to_string(), flags.to_string()));
    assert_eq!(flags, expected);
}

#[test]
fn a_data_set_of_videos_gets_a_picture_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    common::copy_folder(corpus(), &data);
    // every picture with its sound becomes a video of two frames, the second of which is blurred
    let mut pictures = Vec::new();
    for split in ["train", "valid", "test"] {
        for level in std::fs::read_dir(data.join(split)).unwrap() {
            for file in std::fs::read_dir(level.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|ending| ending == "jpg") {
                    pictures.push(path);
                }
            }
        }
    }
    pictures.sort();
    let mut expected = std::collections::BTreeMap::new();
    for picture in &pictures {
        let [sound, video] = ["wav", "mkv"].map(|ending| picture.with_extension(ending));
        let [from, to] = [picture, &video].map(|path| path.display().to_string());
        let mut arguments = vec!["-loop", "1", "-r", "2", "-t", "1", "-i", &from];
        let heard = sound.display().to_string();
        if sound.is_file() {
            arguments.extend(["-i", &heard, "-c:a", "copy"]);
        }
        arguments.extend([
            "-vf",
            "gblur=sigma=6:enable='gt(t,0.4)'",
            "-c:v",
            "ffv1",
            "-pix_fmt",
            "bgr0",
            &to,
        ]);
        if !ffmpeg(folder.path(), &arguments) {
            return;
        }
        let id = picture.file_stem().unwrap().to_str().unwrap().to_string();
        expected.insert(id, image::open(picture).unwrap().to_rgb8());
        std::fs::remove_file(picture).unwrap();
        if sound.is_file() {
            std::fs::remove_file(sound).unwrap();
        }
    }
    let call = |arguments: &[&str]| finish(cohort().current_dir(folder.path()).args(arguments));
    let (_, _, err) = call(&["data", "stats", "data"]);
    let count = expected.len();
    assert!(
        err.contains(&format!("data: {count} clips have a video and no picture, so that their sound alone is used; `cohort data frames`")),
        "{err}"
    );
    std::fs::write(pictures[0].with_extension("mkv"), "no video").unwrap();
    let (code, out, err) = call(&["data", "frames", "data"]);
    let made = format!(
        "data/video-frames: {} pictures made, 0 kept, 1 video that cannot be read",
        count - 1
    );
    assert_eq!((code, out.trim_end()), (1, made.as_str()), "{err}");
    assert!(
        err.contains("not used: ") && err.contains("expected a video"),
        "{err}"
    );
    let broken = pictures[0].file_stem().unwrap().to_str().unwrap();
    for (id, picture) in &expected {
        let file = data.join(format!("video-frames/{id}.jpg"));
        if id == broken {
            assert!(!file.exists());
            continue;
        }
        let found = image::open(file).unwrap().to_rgb8();
        let apart = found
            .iter()
            .zip(picture.iter())
            .map(|(a, b)| f64::from(a.abs_diff(*b)));
        assert!(apart.sum::<f64>() / (picture.len() as f64) < 3.0, "{id}");
    }
    // once more, and otherwise
    std::fs::remove_file(data.join(format!(
        "video-frames/{}.jpg",
        expected.keys().next_back().unwrap()
    )))
    .unwrap();
    let (_, out, _) = call(&["data", "frames", "data"]);
    assert!(
        out.starts_with(&format!(
            "data/video-frames: 1 picture made, {} kept",
            count - 2
        )),
        "{out}"
    );
    // a video that is another now has another picture, or none where it cannot be read
    let [one, other] = [1, 2].map(|i| pictures[i].with_extension("mkv"));
    let [file, theirs] = [&one, &other].map(|video| {
        let id = video.file_stem().unwrap().to_str().unwrap();
        data.join(format!("video-frames/{id}.jpg"))
    });
    let own = std::fs::read(&one).unwrap();
    std::fs::copy(&other, &one).unwrap();
    let (_, out, _) = call(&["data", "frames", "data"]);
    assert!(
        out.contains("1 picture made, ") && out.contains(", 1 anew, since their videos are"),
        "{out}"
    );
    assert_eq!(
        std::fs::read(&file).unwrap(),
        std::fs::read(&theirs).unwrap()
    );
    std::fs::write(&one, "no video").unwrap();
    let (_, out, _) = call(&["data", "frames", "data"]);
    assert!(out.contains("2 videos that cannot be read"), "{out}");
    assert!(!file.exists());
    std::fs::write(&one, own).unwrap();
    call(&["data", "frames", "data"]);
    assert!(file.exists());
    let error = refusal(call(&["data", "frames", "data", "--frames", "5"]));
    assert!(
        error.contains("frames.json: expected pictures that were chosen with the same detector"),
        "{error}"
    );
    // what all jobs read
    std::fs::remove_file(pictures[0].with_extension("mkv")).unwrap();
    let (code, _, err) = call(&[
        "run",
        "data",
        "--modalities",
        "image",
        "--epochs",
        "1",
        "--out",
        "run",
    ]);
    assert_eq!(code, 0, "{err}");
    assert!(!err.contains("a video and no picture"), "{err}");
    let found = std::fs::read_to_string(folder.path().join("run/image/predictions.csv")).unwrap();
    let theirs = std::fs::read_to_string(finished().join("image/predictions.csv")).unwrap();
    // the first in the order of paths was a clip of the test split
    assert_eq!(found.lines().count() + 1, theirs.lines().count());
}
