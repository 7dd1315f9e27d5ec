//! Files of PyTorch written byte by byte, as `torch.save` and `pickle` write them.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::Checkpoint;

/// A file that goes with its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let name = format!("cohort-torch-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn open(&self) -> Result<Checkpoint, String> {
        Checkpoint::open(&self.0).map_err(|e| e.to_string())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn text(text: &str) -> Vec<u8> {
    join(&[b"X", &(text.len() as u32).to_le_bytes(), text.as_bytes()])
}

fn int(value: usize) -> Vec<u8> {
    join(&[b"J", &(value as i32).to_le_bytes()])
}

fn tuple(items: &[usize]) -> Vec<u8> {
    let items: Vec<u8> = items.iter().flat_map(|i| int(*i)).collect();
    join(&[b"(", &items, b"t"])
}

fn dict(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let entries: Vec<u8> = entries
        .iter()
        .flat_map(|(key, value)| join(&[&text(key), value]))
        .collect();
    join(&[b"}(", &entries, b"u"])
}

/// A storage of 12 floats, numbers from 0 on.
fn storage(key: &str, class: &str) -> Vec<u8> {
    let class = format!("ctorch\n{class}\n");
    join(&[
        b"(",
        &text("storage"),
        class.as_bytes(),
        &text(key),
        &text("cpu"),
        &int(12),
        b"tQ",
    ])
}

fn tensor(offset: usize, shape: &[usize], stride: &[usize]) -> Vec<u8> {
    join(&[
        b"ctorch._utils\n_rebuild_tensor_v2\n(",
        &storage("0", "FloatStorage"),
        &int(offset),
        &tuple(shape),
        &tuple(stride),
        b"\x89ccollections\nOrderedDict\n)RtR",
    ])
}

fn numbers() -> Vec<u8> {
    (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect()
}

fn zipped(pickle: &[u8], compressed: bool) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut archive = ZipWriter::new(&mut bytes);
    let method = match compressed {
        false => zip::CompressionMethod::Stored,
        true => zip::CompressionMethod::Deflated,
    };
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, content) in [
        ("x/data.pkl", join(&[b"\x80\x02", pickle, b"."])),
        ("x/byteorder", b"little".to_vec()),
        ("x/data/0", numbers()),
    ] {
        archive.start_file(name, options).unwrap();
        archive.write_all(&content).unwrap();
    }
    archive.finish().unwrap();
    bytes.into_inner()
}

/// What a training script leaves in its checkpoints, and what an attacker would.
fn others() -> Vec<(&'static str, Vec<u8>)> {
    let part = tensor(0, &[2], &[1]);
    vec![
        (
            "defaultdict",
            join(&[
                b"ccollections\ndefaultdict\n(c__builtin__\nlist\ntR(",
                &text("a"),
                b"](K\x01eu",
            ]),
        ),
        (
            "deque",
            b"ccollections\ndeque\n)K\x05\x86R(K\x01K\x02e".to_vec(),
        ),
        (
            "optimiser object",
            join(&[
                b"ctorch.optim.sgd\nSGD\n)\x81",
                &dict(&[("state", part.clone())]),
                b"b",
            ]),
        ),
        (
            "sparse",
            join(&[b"ctorch._utils\n_rebuild_sparse_tensor\n(", &part, &part, b"tR"]),
        ),
        (
            "datetime",
            b"cdatetime\ndatetime\nU\x0a\x07\xe8\x01\x02\x00\x00\x00\x00\x00\x00\x85R".to_vec(),
        ),
        (
            "numpy scalar",
            b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(U\x02f8I00\nI01\ntRU\x08\x00\x00\x00\x00\x00\x00\xf0?tR".to_vec(),
        ),
        ("function", b"cmy.module\nrun\n".to_vec()),
        ("attack", b"cposix\nsystem\nX\x05\x00\x00\x00false\x85R".to_vec()),
        (
            "namespace",
            join(&[b"cargparse\nNamespace\n)\x81", &dict(&[("lr", int(1))]), b"b"]),
        ),
        ("old class", b"(imy\nOld\n}b".to_vec()),
        ("cycle", b"]q\x07h\x07a".to_vec()),
        ("set", b"\x8f(K\x01K\x02\x90".to_vec()),
        ("frozenset", b"(K\x01\x91".to_vec()),
        ("large number", join(&[b"\x8a\x0a", &[0x7f; 10]])),
        ("size", join(&[b"ctorch\nSize\n(", &tuple(&[1, 2]), b"tR"])),
        ("tuple key", join(&[b"}(", &tuple(&[1]), &part, b"u"])),
    ]
}

#[test]
fn whatever_else_a_checkpoint_holds_its_tensors_are_read() {
    let weights = dict(&[
        ("whole", tensor(0, &[3, 4], &[4, 1])),
        // a transposed view, the second half, and one number
        ("turned", tensor(0, &[4, 3], &[1, 4])),
        ("half", tensor(6, &[6], &[1])),
        ("one", tensor(11, &[], &[])),
        ("none", tensor(0, &[0, 4], &[4, 1])),
    ]);
    let check = |name: &str, pickle: &[u8]| {
        for compressed in [false, true] {
            let file = Temporary::new("others.pth", &zipped(pickle, compressed));
            let found = file.open().unwrap_or_else(|e| panic!("{name}: {e}"));
            let read = |tensor: &str| found.read(&format!("state_dict.{tensor}")).unwrap();
            let expected: Vec<f32> = (0..12).map(|i| i as f32).collect();
            assert_eq!(read("whole").values, expected, "{name}");
            assert_eq!(read("whole").shape, [3, 4]);
            let turned = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11].map(|i| i as f32);
            assert_eq!(read("turned").values, turned, "{name}");
            assert_eq!(read("half").values, expected[6..], "{name}");
            assert_eq!(
                (read("one").values, read("one").shape),
                (vec![11.0], vec![])
            );
            assert!(read("none").values.is_empty());
        }
    };
    for (name, other) in others() {
        let pickle = dict(&[("other", other.clone()), ("state_dict", weights.clone())]);
        check(name, &pickle);
        // and within the state_dict itself, in front
        let inner = join(&[
            b"ccollections\nOrderedDict\n)R(",
            &text("other"),
            &other,
            b"u",
            b"(",
            &weights[2..],
        ]);
        check(name, &dict(&[("state_dict", inner)]));
    }
    // an unread kind is told when it is asked for
    let sparse = others().remove(3).1;
    let file = Temporary::new(
        "sparse.pth",
        &zipped(&dict(&[("s", sparse), ("w", tensor(0, &[1], &[1]))]), false),
    );
    let found = file.open().unwrap();
    let error = found.read("s").unwrap_err().to_string();
    assert!(error.contains("_rebuild_sparse_tensor"), "{error}");
}

#[test]
fn a_module_saved_whole_has_the_names_of_its_state_dict() {
    let ordered = |entries: &[(&str, Vec<u8>)]| {
        let entries = dict(entries);
        join(&[b"ccollections\nOrderedDict\n)R", &entries[1..]])
    };
    let parameter = join(&[
        b"ctorch._utils\n_rebuild_parameter\n(",
        &tensor(0, &[2], &[1]),
        b"\x88ccollections\nOrderedDict\n)RtR",
    ]);
    let module = |parameters: &[(&str, Vec<u8>)], modules: &[(&str, Vec<u8>)]| {
        let state = dict(&[
            ("training", b"\x89".to_vec()),
            ("_parameters", ordered(parameters)),
            (
                "_buffers",
                ordered(&[
                    ("kept", tensor(2, &[1], &[1])),
                    ("passing", tensor(0, &[1], &[1])),
                ]),
            ),
            (
                "_non_persistent_buffers_set",
                join(&[b"c__builtin__\nset\n](", &text("passing"), b"e\x85R"]),
            ),
            ("_modules", ordered(modules)),
        ]);
        join(&[b"cmy.nets\nNet\n)\x81", &state, b"b"])
    };
    let inner = module(&[("weight", parameter)], &[]);
    let outer = module(&[], &[("fc", inner)]);
    let file = Temporary::new("module.pth", &zipped(&outer, false));
    let found = file.open().unwrap();
    let names: Vec<&str> = found.names().collect();
    assert_eq!(names, ["fc.kept", "fc.weight", "kept"]);
    assert_eq!(found.read("fc.weight").unwrap().values, [0.0, 1.0]);
}

#[test]
fn arrays_of_numpy_are_tensors() {
    // numpy.array(..., order).dumps-like: _reconstruct, then the state (1, shape, dtype, fortran, bytes)
    let array = |shape: &[usize], kind: &str, order: &str, fortran: bool, bytes: &[u8]| {
        join(&[
            b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR(K\x01",
            &tuple(shape),
            b"cnumpy\ndtype\n(",
            &text(kind),
            b"\x89\x88tR(K\x03",
            &text(order),
            b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            if fortran { b"\x88" } else { b"\x89" },
            bytes,
            b"tb",
        ])
    };
    let bytes = |bytes: &[u8]| join(&[b"B", &(bytes.len() as u32).to_le_bytes(), bytes]);
    // protocol 2 has no bytes: _codecs.encode(text, "latin1")
    let latin = |bytes: &[u8]| {
        let all: String = bytes.iter().map(|&b| char::from(b)).collect();
        join(&[
            b"c_codecs\nencode\n",
            &text(&all),
            &text("latin1"),
            b"\x86R",
        ])
    };
    let single: Vec<u8> = [1.5f32, -2.0, 3.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let big: Vec<u8> = [1.5f32, -2.0, 3.0]
        .iter()
        .flat_map(|v| v.to_be_bytes())
        .collect();
    let columns: Vec<u8> = [1.0f64, 4.0, 2.0, 5.0, 3.0, 6.0]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    let pickle = dict(&[
        ("single", array(&[3], "f4", "<", false, &latin(&single))),
        ("big", array(&[3], "f4", ">", false, &bytes(&big))),
        ("columns", array(&[2, 3], "f8", "<", true, &bytes(&columns))),
        (
            "count",
            array(&[], "i8", "<", false, &bytes(&[7, 0, 0, 0, 0, 0, 0, 0])),
        ),
    ]);
    let plain = join(&[b"\x80\x03", &pickle, b"."]);
    for (name, bytes) in [("numpy.pkl", plain), ("numpy.pth", zipped(&pickle, false))] {
        let file = Temporary::new(name, &bytes);
        let found = file.open().unwrap();
        assert_eq!(found.read("single").unwrap().values, [1.5, -2.0, 3.0]);
        assert_eq!(found.read("big").unwrap().values, [1.5, -2.0, 3.0]);
        let columns = found.read("columns").unwrap();
        assert_eq!(
            (columns.shape, columns.values),
            (vec![2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
        );
        assert!(!found.is_float("count"));
        assert_eq!(found.kind("columns").unwrap(), "f64");
    }
    let short = dict(&[("a", array(&[4], "f4", "<", false, &bytes(&single)))]);
    let file = Temporary::new("short.pth", &zipped(&short, false));
    assert!(file.open().unwrap_err().contains("found 12 bytes"));
}

#[test]
fn the_stream_before_the_zip_archive_is_read() {
    let stream = |storages: &[u8]| {
        join(&[
            b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
            b"\x80\x02M\xe9\x03.",
            &join(&[
                b"\x80\x02",
                &dict(&[("little_endian", b"\x88".to_vec())]),
                b".",
            ]),
            &join(&[
                b"\x80\x02",
                &dict(&[("w", tensor(2, &[2, 2], &[1, 2]))]),
                b".",
            ]),
            &join(&[b"\x80\x02](", &text("0"), b"e."]),
            storages,
        ])
    };
    let storages = join(&[&12i64.to_le_bytes(), &numbers()]);
    let file = Temporary::new("legacy.pth", &stream(&storages));
    let found = file.open().unwrap();
    assert_eq!(found.read("w").unwrap().values, [2.0, 4.0, 3.0, 5.0]);
    let file = Temporary::new("cut.pth", &stream(&storages[..40]));
    let error = file.open().unwrap_err();
    assert!(error.contains("cut short"), "{error}");
}

#[test]
fn damage_and_bombs_are_told() {
    let refused = |pickle: &[u8]| {
        let file = Temporary::new("bad.pth", &zipped(pickle, false));
        file.open().map(drop).unwrap_err()
    };
    let error = refused(&dict(&[("w", tensor(1, &[3, 4], &[4, 1]))]));
    assert!(
        error.contains("outside its storage 0 of 12 values"),
        "{error}"
    );
    let error = refused(&dict(&[("w", tensor(0, &[1 << 20, 1 << 20], &[0, 0]))]));
    assert!(error.contains("repeated"), "{error}");
    let error = refused(&dict(&[("lr", int(1))]));
    assert!(
        error.contains("found none in a dictionary of 1 entries [\"lr\"]"),
        "{error}"
    );
    let error = refused(b"cmy\nNet\n)R");
    assert!(error.contains("an object of my.Net"), "{error}");
    // lists of lists, each twice in the next: two to the power of 60 paths to one tensor
    let mut bomb = tensor(0, &[1], &[1]);
    for _ in 0..60 {
        bomb = join(&[&bomb, b"2\x86"]);
    }
    let error = refused(&dict(&[("bomb", bomb)]));
    assert!(error.contains("expected at most"), "{error}");
    for (bytes, part) in [
        (
            &b"version https://git-lfs.github.com/spec/v1\n"[..],
            "git lfs pull",
        ),
        (b"<!DOCTYPE html>", "a page of the web"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"hello, I am text", "found neither"),
        (b"", "found neither"),
    ] {
        let error = Temporary::new("other", bytes).open().unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    // every cut of a good file is an error or the same values
    let good = zipped(&dict(&[("w", tensor(0, &[12], &[1]))]), false);
    for cut in (0..good.len()).step_by(7) {
        assert!(Temporary::new("cut", &good[..cut]).open().is_err(), "{cut}");
    }
    let mut flipped = good.clone();
    let at = good
        .windows(8)
        .position(|w| w == &numbers()[8..16])
        .unwrap();
    flipped[at] ^= 1;
    let file = Temporary::new("flipped", &flipped);
    let error = file.open().unwrap().read("w").unwrap_err().to_string();
    assert!(
        error.contains("storage 0") && error.contains("hecksum"),
        "{error}"
    );
}

#[test]
fn an_index_stands_for_all_its_files() {
    let folder = std::env::temp_dir().join(format!("cohort-shards-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let half = zipped(&dict(&[("b", tensor(6, &[6], &[1]))]), false);
    let rest = zipped(
        &dict(&[("a", tensor(0, &[2], &[1])), ("c", tensor(2, &[1], &[1]))]),
        false,
    );
    fs::write(folder.join("m-1.bin"), rest).unwrap();
    fs::write(folder.join("m-2.bin"), half).unwrap();
    let index = folder.join("pytorch_model.bin.index.json");
    let write = |map: &str| fs::write(&index, format!(r#"{{"weight_map": {map}}}"#)).unwrap();
    write(r#"{"a": "m-1.bin", "b": "m-2.bin", "c": "m-1.bin"}"#);
    let found = Checkpoint::open(&index).unwrap();
    assert_eq!(found.names().collect::<Vec<_>>(), ["a", "b", "c"]);
    assert_eq!(found.read("a").unwrap().values, [0.0, 1.0]);
    assert_eq!(found.read("b").unwrap().values[0], 6.0);
    assert_eq!(crate::weight_files(&index).unwrap().len(), 3);
    for (map, part) in [
        (r#"{"x": "m-1.bin"}"#, "no tensor \"x\", which"),
        (r#"{"a": "m-3.bin"}"#, "m-3.bin"),
        (r#"{"a": "../m-1.bin"}"#, "expected files beside it"),
        (
            r#"{"a": "pytorch_model.bin.index.json"}"#,
            "expected files beside it",
        ),
        ("{}", "1 to 10000 files, found 0"),
    ] {
        write(map);
        let error = Checkpoint::open(&index).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
