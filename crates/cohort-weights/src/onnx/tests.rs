use super::*;

/// A field of bytes.
fn bytes(number: u64, value: &[u8]) -> Vec<u8> {
    [&varint(number << 3 | 2), &varint(value.len() as u64), value].concat()
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn tensor(name: &str, shape: &[u64], kind: u64, values: Vec<u8>) -> Vec<u8> {
    let axes: Vec<u8> = shape.iter().flat_map(|side| number(1, *side)).collect();
    let own = [axes, number(2, kind), bytes(8, name.as_bytes()), values].concat();
    bytes(5, &own)
}

fn model(graph: &[Vec<u8>]) -> Vec<u8> {
    [
        number(1, 8),
        bytes(2, b"tests"),
        bytes(7, &graph.concat()),
        bytes(8, &number(2, 11)),
    ]
    .concat()
}

fn opened(bytes: &[u8]) -> Result<Onnx, WeightsError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, bytes).unwrap();
    Onnx::open(&path)
}

fn conv() -> Vec<u8> {
    let strides = [bytes(1, b"strides"), bytes(8, &[2, 2]), number(20, 7)].concat();
    let group = [bytes(1, b"group"), number(3, 16), number(20, 2)].concat();
    let mode = [bytes(1, b"auto_pad"), bytes(4, b"NOTSET"), number(20, 3)].concat();
    let node = [
        bytes(1, b"images"),
        bytes(1, b"w"),
        bytes(1, b""),
        bytes(2, b"y"),
        bytes(3, b"Conv_1"),
        bytes(4, b"Conv"),
        bytes(5, &strides),
        bytes(5, &group),
        bytes(5, &mode),
    ];
    bytes(1, &node.concat())
}

#[test]
fn values_of_every_floating_kind_and_the_nodes_in_order() {
    // 1.5 and -0.25 are exact in all four: bit patterns by hand from the formats
    let f32s = [1.5_f32, -0.25].map(f32::to_le_bytes).concat();
    let f64s = [1.5_f64, -0.25].map(f64::to_le_bytes).concat();
    let mul = bytes(1, &bytes(4, b"Mul"));
    let file = model(&[
        conv(),
        mul,
        tensor("raw", &[1, 2], 1, bytes(9, &f32s)),
        tensor("typed", &[2, 1], 1, bytes(4, &f32s)),
        tensor(
            "one by one",
            &[2],
            1,
            [
                vec![0x25],
                f32s[..4].to_vec(),
                vec![0x25],
                f32s[4..].to_vec(),
            ]
            .concat(),
        ),
        tensor("double", &[2], 11, bytes(10, &f64s)),
        tensor("half", &[2], 10, bytes(9, &[0x00, 0x3e, 0x00, 0xb4])),
        tensor(
            "half as numbers",
            &[2],
            10,
            bytes(5, &[varint(0x3e00), varint(0xb400)].concat()),
        ),
        tensor("brain", &[2], 16, bytes(9, &[0xc0, 0x3f, 0x80, 0xbe])),
        tensor("whole", &[1], 7, bytes(7, &[4])),
    ]);
    let onnx = opened(&file).unwrap();
    for name in onnx.names().filter(|name| *name != "whole") {
        assert_eq!(onnx.read(name).unwrap().values, [1.5, -0.25], "{name}");
    }
    assert_eq!(onnx.names().count(), 8);
    assert_eq!(onnx.shape("typed"), Some([2, 1].as_slice()));
    let told = onnx.read("whole").unwrap_err().to_string();
    assert!(told.contains("\"whole\" is I64"), "{told}");
    let [conv, mul] = onnx.nodes() else {
        panic!("two nodes");
    };
    assert_eq!(
        (conv.name.as_str(), conv.operation.as_str()),
        ("Conv_1", "Conv")
    );
    assert_eq!(conv.inputs, ["images", "w", ""]);
    assert_eq!(conv.outputs, ["y"]);
    let numbers = [("group", vec![16]), ("strides", vec![2, 2])];
    let numbers = numbers.map(|(name, all)| (name.to_owned(), all));
    assert_eq!(conv.numbers, BTreeMap::from(numbers));
    assert_eq!(mul.operation, "Mul");
}

#[test]
fn what_does_not_fit_names_the_value() {
    let f32s = [0_u8; 12];
    let elsewhere = [number(14, 1), bytes(13, b"")].concat();
    let file = model(&[
        tensor("short", &[2, 2], 1, bytes(9, &f32s)),
        tensor("odd", &[3], 1, bytes(9, &f32s[..11])),
        tensor("huge", &[1 << 40, 1 << 40], 1, bytes(9, &f32s)),
        tensor("elsewhere", &[3], 1, elsewhere),
        tensor("nothing", &[], 1, Vec::new()),
    ]);
    let onnx = opened(&file).unwrap();
    for name in ["short", "odd", "huge", "elsewhere", "nothing", "absent"] {
        let told = onnx.read(name).unwrap_err().to_string();
        assert!(told.contains(name) && told.contains("net.onnx"), "{told}");
    }
}

#[test]
fn what_is_no_model_is_an_error() {
    let good = model(&[conv(), tensor("w", &[1], 1, bytes(9, &[0; 4]))]);
    assert!(opened(&good).is_ok());
    let twice = model(&[
        tensor("w", &[1], 1, bytes(9, &[0; 4])),
        tensor("w", &[1], 1, bytes(9, &[0; 4])),
    ]);
    let negative = model(&[tensor("w", &[u64::MAX], 1, bytes(9, &[0; 4]))]);
    let many = tensor("w", &[1; 33], 1, bytes(9, &[0; 4]));
    for file in [
        b"".to_vec(),
        b"PK\x03\x04".to_vec(),
        number(1, 8),
        [good.clone(), bytes(7, b"")].concat(),
        twice,
        negative,
        model(&[many]),
    ] {
        let told = opened(&file).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("net.onnx"), "{told}");
    }
    // wherever it is cut and whichever byte is another: an answer, never a panic
    for cut in 0..good.len() {
        let _ = opened(&good[..cut]).map(|onnx| onnx.read("w"));
        for wrong in [0, 0x7f, 0x80, 0xff] {
            let mut file = good.clone();
            file[cut] = wrong;
            let _ = opened(&file).map(|onnx| onnx.read("w"));
        }
    }
}
