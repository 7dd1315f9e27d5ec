//! `cohort detect evaluate`: from COCO's files to figures, and what is refused.

mod common;

use std::fs;

use common::{cohort, finish, printed_json, refusal};
use serde_json::{Value, json};

struct Folder(tempfile::TempDir);

impl Folder {
    /// Sixty pictures with two objects each; a detector that finds most of them, and a worse one.
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let (mut images, mut annotations) = (Vec::new(), Vec::new());
        let (mut good, mut poor) = (Vec::new(), Vec::new());
        let mut table = String::from("file_name,light,scene\n");
        for i in 0..60 {
            images.push(
                json!({"id": i + 1, "file_name": format!("p{i}.jpg"), "width": 200, "height": 100}),
            );
            table += &format!(
                "p{i}.jpg,{},s{}\n",
                if i % 3 == 0 { "dark" } else { "bright" },
                i / 6
            );
            for k in 0..2 {
                let (x, side) = (10 + 90 * k + i % 7, 20 + 7 * (i % 9));
                let category = 1 + (i + k) % 2;
                annotations.push(json!({
                    "id": annotations.len() + 1, "image_id": i + 1, "category_id": category, "iscrowd": 0,
                    "bbox": [x, 5, side, 50], "area": side * 50, "segmentation": [[x, 5, x + side, 5, x + side, 55, x, 55]],
                }));
                let detection = |shift: i32, score: f64| {
                    json!({
                        "image_id": i + 1, "category_id": category, "bbox": [x + shift, 6, side, 50], "score": score,
                    })
                };
                let score = 0.5 + 0.004 * f64::from((i * 37 + k * 11) % 100);
                if (i + 2 * k) % 5 != 0 {
                    good.push(detection((i * 3 + k) % 5, score));
                }
                if (i + 2 * k) % 3 != 0 {
                    poor.push(detection((i * 5 + k) % 13, score));
                }
            }
            good.push(json!({"image_id": i + 1, "category_id": 1, "bbox": [150, 60, 20, 20], "score": 0.3 + 0.005 * f64::from(i % 50)}));
        }
        let categories = json!([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]);
        folder.write(
            "truth.json",
            &json!({"images": images, "annotations": annotations, "categories": categories})
                .to_string(),
        );
        folder.write("good.json", &Value::Array(good).to_string());
        folder.write("poor.json", &Value::Array(poor).to_string());
        folder.write("pictures.csv", &table);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let mut command = cohort();
        command.current_dir(self.0.path());
        command.args(["detect", "evaluate"]).args(arguments);
        command.args([
            "--resamples",
            "100",
            "--permutations",
            "100",
            "--shuffles",
            "2",
        ]);
        finish(&mut command)
    }
}

#[test]
fn figures_are_printed_and_written_with_intervals_groups_and_a_difference() {
    let folder = Folder::new();
    let (code, out, err) = folder.run(&[
        "truth.json",
        "good.json",
        "--groups",
        "pictures.csv",
        "--unit",
        "scene",
        "--against",
        "poor.json",
        "--out",
        "d.json",
    ]);
    assert_eq!(code, 0, "{err}");
    for line in out.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for words in [
        "AP50",
        "by scene (10)",
        "Difference to poor.json",
        "light:",
        "background",
        "other pictures",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let text = fs::read_to_string(folder.0.path().join("d.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "cohort.detection/1");
    assert_eq!(
        (&document["pictures"], &document["objects"]),
        (&json!(60), &json!(120))
    );
    let ap = &document["figures"][0];
    assert_eq!(ap["name"], "AP");
    let number = |value: &Value| value.as_f64().unwrap();
    assert!(number(&ap["interval"]["low"]) < number(&ap["value"]));
    assert!(document["against"]["figures"][0]["value"].as_f64().unwrap() > 0.1);
    let attributes: Vec<&str> = document["groups"]["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["attribute"].as_str().unwrap())
        .collect();
    assert_eq!(attributes, ["size", "light"]);
    // whatever the number of threads
    let again = folder.run(&[
        "truth.json",
        "good.json",
        "--groups",
        "pictures.csv",
        "--unit",
        "scene",
        "--against",
        "poor.json",
        "--json",
        "--threads",
        "1",
    ]);
    assert_eq!(again.1.trim_end(), text.trim_end());
    let (code, out, err) = folder.run(&["truth.json", "good.json", "--kind", "mask"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("their boxes are filled") && out.contains("masks"),
        "{err}{out}"
    );
}

#[test]
fn rows_of_groups_are_joined_by_name_or_by_id_and_never_by_both() {
    let folder = Folder::new();
    let light = |i: usize| if i % 3 == 0 { "dark" } else { "bright" };
    let table = |head: &str, row: &dyn Fn(usize) -> Option<String>| -> String {
        let rows = (0..60).filter_map(|i| Some(format!("{},{}\n", row(i)?, light(i))));
        format!("{head},light\n{}", rows.collect::<String>())
    };
    let by = |name: &str, text: &str| {
        folder.write(name, text);
        folder.run(&["truth.json", "good.json", "--groups", name, "--json"])
    };
    let groups = |name: &str, text: &str| {
        let found = printed_json(by(name, text));
        let attributes = found["groups"]["attributes"].as_array().unwrap().clone();
        let light = attributes.iter().find(|a| a["attribute"] == "light");
        (light.unwrap().clone(), found["notes"].to_string())
    };
    let (expected, notes) = groups("n.csv", &table("file_name", &|i| Some(format!("p{i}.jpg"))));
    assert_eq!(notes, "[]");
    let id = |i: usize| Some((i + 1).to_string());
    assert_eq!(groups("i.csv", &table("image_id", &id)).0, expected);
    assert_eq!(groups("e.csv", &table("id", &id)).0, expected);
    // a column that numbers the rows does not win over the names
    let both = table("id,file_name", &|i| Some(format!("{i},p{i}.jpg")));
    assert_eq!(groups("b.csv", &both).0, expected);
    let half = table("file_name", &|i| (i < 40).then(|| format!("p{i}.jpg")));
    let (_, notes) = groups("h.csv", &(half + "q.jpg,dark\n"));
    assert!(
        notes.contains("20 of 60 pictures without a row are in no group, the first: p40.jpg")
            && notes.contains("1 of 41 rows are of no picture of the truth, the first: q.jpg"),
        "{notes}"
    );
    let gap =
        table("file_name", &|i| Some(format!("p{i}.jpg"))).replace("p3.jpg,dark", "p3.jpg,NA");
    let (_, notes) = groups("g.csv", &gap);
    assert!(
        notes.contains("column light: 1 of 60 pictures without a value are in no group"),
        "{notes}"
    );
    let one = table("file_name,camera", &|i| Some(format!("p{i}.jpg,c")));
    let (_, notes) = groups("o.csv", &one);
    assert!(
        notes.contains("column camera is not compared: 1 groups"),
        "{notes}"
    );
    // files called by numbers that are the ids of others
    let truth = std::fs::read_to_string(folder.0.path().join("truth.json")).unwrap();
    let numbered = (0..60).fold(truth.clone(), |text, i| {
        text.replace(&format!("\"p{i}.jpg\""), &format!("\"{i}.jpg\""))
    });
    folder.write("truth.json", &numbered);
    assert_eq!(groups("m.csv", &table("image_id", &id)).0, expected);
    let named = table("file_name", &|i| Some(format!("{i}.jpg")));
    assert_eq!(groups("f.csv", &named).0, expected);
    let error = refusal(by("u.csv", &table("id", &id)));
    assert!(
        error.contains("found names that are both, of different pictures (1, 2, 3, 4, 5 and 55 more); call their column file_name or image_id"),
        "{error}"
    );
    // one name for two pictures
    let cameras = (0..60).fold(truth, |text, i| {
        let name = format!("\"cam{}/{}.jpg\"", i % 2, i / 2);
        text.replace(&format!("\"p{i}.jpg\""), &name)
    });
    folder.write("truth.json", &cameras);
    let halves: String = (0..30).map(|i| format!("{i}.jpg,{}\n", light(i))).collect();
    let error = refusal(by("c.csv", &format!("file_name,light\n{halves}")));
    assert!(
        error.contains("c.csv: expected rows of the truth's pictures (cam0/0.jpg,")
            && error.contains("found none of them among 0.jpg, 1.jpg"),
        "{error}"
    );
}

#[test]
fn slips_are_told_with_what_was_meant() {
    let folder = Folder::new();
    let refused = |arguments: &[&str], words: &str| {
        let (code, out, err) = folder.run(arguments);
        assert!(
            code == 2 && out.is_empty() && err.contains(words),
            "{code} {err}"
        );
    };
    refused(
        &[
            "truth.json",
            "good.json",
            "--groups",
            "pictures.csv",
            "--unit",
            "scenes",
        ],
        "did you mean scene",
    );
    refused(&["truth.json", "good.json", "--kind", "masks"], "mask");
    refused(&["truth.json", "missing.json"], "missing.json");
    refused(&["good.json", "good.json"], "expected COCO annotations");
    folder.write("other.csv", "file_name,light\nq1.jpg,dark\n");
    refused(
        &["truth.json", "good.json", "--groups", "other.csv"],
        "expected rows of the truth's pictures",
    );
    folder.write(
        "bad.json",
        "[{\"image_id\": 1, \"category_id\": 1, \"bbox\": [1, 2, NaN, 4], \"score\": 0.5}]",
    );
    refused(
        &["truth.json", "bad.json"],
        "bad.json: detection 1: expected a box of finite numbers, found 1, 2, NaN, 4",
    );
    folder.write("none.json", "[]");
    let (code, out, err) = folder.run(&["truth.json", "none.json"]);
    assert!(
        code == 0 && err.contains("no detection") && out.contains("AP50    0.000"),
        "{err}{out}"
    );
}
