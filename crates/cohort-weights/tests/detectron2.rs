//! Plain pickles as detectron2's zoo has them, of both generations of NumPy.

use std::path::{Path, PathBuf};

use cohort_weights::Checkpoint;
use serde_json::Value;

/// A golden file (`$COHORT_SHARED` or `../shared` beside the workspace); none, and a line that says so, where it is absent.
fn golden(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("COHORT_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("data/model-reference/detection").join(name);
    if !path.exists() {
        println!("skipped: {} is absent", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn arrays_of_numpy_1_and_2_are_read() {
    let Some(values) = golden("tiny.json") else {
        return;
    };
    let values: Value = serde_json::from_slice(&std::fs::read(values).unwrap()).unwrap();
    for name in ["tiny_numpy1.pkl", "tiny_numpy2.pkl"] {
        let checkpoint = Checkpoint::open(&golden(name).unwrap()).unwrap();
        assert_eq!(checkpoint.names().count(), 3, "the author is no array");
        for (tensor, expected) in values.as_object().unwrap() {
            let array = checkpoint.read(&format!("model.{tensor}")).unwrap();
            let shape: Vec<usize> = serde_json::from_value(expected[0].clone()).unwrap();
            let values: Vec<f32> = serde_json::from_value(expected[1].clone()).unwrap();
            assert_eq!((array.shape, array.values), (shape, values), "{tensor}");
        }
    }
}

fn opened(bytes: &[u8]) -> Result<Checkpoint, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zoo.pkl");
    std::fs::write(&path, bytes).unwrap();
    Checkpoint::open(&path).map_err(|e| e.to_string())
}

#[test]
fn whatever_else_a_pickle_names_is_refused_by_name() {
    let Some(path) = golden("tiny_numpy2.pkl") else {
        return;
    };
    let whole = std::fs::read(path).unwrap();
    for (name, call) in [
        (
            "posix.system",
            &b"cposix\nsystem\nX\x05\x00\x00\x00false\x85R"[..],
        ),
        ("builtins.eval", b"cbuiltins\neval\n"),
        ("numpy.load", b"cnumpy\nload\n"),
        ("my.Old", b"(imy\nOld\n"),
        (
            "torch._utils._rebuild_tensor_v2",
            b"ctorch._utils\n_rebuild_tensor_v2\n",
        ),
        // by the opcode of protocol 4, from two texts
        ("os.popen", b"X\x02\x00\x00\x00osX\x05\x00\x00\x00popen\x93"),
    ] {
        // another entry of the outer dictionary, before its end
        let end = whole.len() - 2;
        assert_eq!(&whole[end..], b"u.");
        let key = b"X\x05\x00\x00\x00other";
        let bytes = [&whole[..end], key, call, b"u."].concat();
        let error = opened(&bytes).unwrap_err();
        assert!(error.contains("zoo.pkl") && error.contains(name), "{error}");
    }
    for end in 0..whole.len() {
        let error = opened(&whole[..end]).unwrap_err();
        assert!(error.contains("zoo.pkl"), "{error}");
    }
}

#[test]
fn blobs_of_python_2_are_read() {
    // {"blobs": {"conv1_w": array([0, 0], "<f4"), "conv1_b": array([1.5], "<f4")}} of protocols 2 and 0, whose bytes are strings; those of
    // zeros are a text too
    let array = |count: u8, bytes: &[u8]| {
        let start = [
            &b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR(K\x01(K"[..],
            &[count],
            b"tcnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tbI00\n",
        ];
        [start.concat().as_slice(), bytes, b"tb"].concat()
    };
    let blobs = |zeros: &[u8], bias: &[u8]| {
        let parts: [&[u8]; 6] = [
            b"\x80\x02}U\x05blobs}(",
            b"U\x07conv1_w",
            &array(2, zeros),
            b"U\x07conv1_b",
            &array(1, bias),
            b"us.",
        ];
        opened(&parts.concat()).unwrap()
    };
    for checkpoint in [
        blobs(b"U\x08\0\0\0\0\0\0\0\0", b"U\x04\0\0\xc0?"),
        blobs(
            b"S'\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'\n",
            b"S'\\x00\\x00\\xc0?'\n",
        ),
    ] {
        assert_eq!(checkpoint.read("blobs.conv1_w").unwrap().values, [0.0; 2]);
        assert_eq!(checkpoint.read("blobs.conv1_b").unwrap().values, [1.5]);
    }
}
