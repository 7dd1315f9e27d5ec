//! The same 16-bit samples in every container of plain samples, made byte by byte from its specification.

fn chunk(name: &[u8; 4], body: &[u8], big_endian: bool) -> Vec<u8> {
    let size = body.len() as u32;
    let size = if big_endian {
        size.to_be_bytes()
    } else {
        size.to_le_bytes()
    };
    [&name[..], &size, body].concat()
}

/// A fmt chunk of one channel of 16 bits at 16 kHz.
fn fmt(big_endian: bool) -> Vec<u8> {
    let short = |v: u16| {
        if big_endian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let long = |v: u32| {
        if big_endian {
            v.to_be_bytes()
        } else {
            v.to_le_bytes()
        }
    };
    let mut fmt = [short(1), short(1)].concat();
    fmt.extend([long(16_000), long(32_000)].concat());
    fmt.extend([short(2), short(16)].concat());
    fmt
}

/// Name and bytes of each; one channel at 16 kHz.
pub fn all(values: &[i16]) -> [(&'static str, Vec<u8>); 9] {
    let le: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let be: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    let count = values.len() as u32;

    let rifx = [
        b"WAVE".to_vec(),
        chunk(b"fmt ", &fmt(true), true),
        chunk(b"data", &be, true),
    ]
    .concat();
    let rifx = chunk(b"RIFX", &rifx, true);

    let mut ds64 = vec![0; 28];
    ds64[8..16].copy_from_slice(&(le.len() as u64).to_le_bytes());
    let long = [
        b"WAVE".to_vec(),
        chunk(b"ds64", &ds64, false),
        chunk(b"fmt ", &fmt(false), false),
        b"data\xff\xff\xff\xff".to_vec(),
        le.clone(),
    ]
    .concat();
    let rf64 = [&b"RF64\xff\xff\xff\xff"[..], &long].concat();
    let bw64 = [&b"BW64\xff\xff\xff\xff"[..], &long].concat();

    let guid = |name: &[u8; 4]| {
        let tail = match name {
            b"riff" => [
                0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 4, 0xc1, 0, 0,
            ],
            _ => [
                0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a,
            ],
        };
        [&name[..], &tail].concat()
    };
    let wide = |name, body: &[u8]| {
        let mut chunk = [
            guid(name),
            (24 + body.len() as u64).to_le_bytes().to_vec(),
            body.to_vec(),
        ]
        .concat();
        chunk.resize(chunk.len().next_multiple_of(8), 0);
        chunk
    };
    let inside = [
        guid(b"wave"),
        wide(b"fmt ", &fmt(false)),
        wide(b"fact", &[7; 3]),
        wide(b"data", &le),
    ]
    .concat();
    let w64 = [
        guid(b"riff"),
        (24 + inside.len() as u64).to_le_bytes().to_vec(),
        inside,
    ]
    .concat();

    let au = |magic: &[u8], word: &dyn Fn(u32) -> [u8; 4], data: &[u8]| {
        let head = [28, data.len() as u32, 3, 16_000, 1].map(word).concat();
        [magic, &head, b"note", data].concat()
    };
    let sphere = |order: &str, data: &[u8]| {
        let mut head = format!(
            "NIST_1A\n   1024\nchannel_count -i 1\nsample_count -i {count}\nsample_rate -i 16000\n\
             sample_n_bytes -i 2\nsample_byte_format -s2 {order}\nsample_coding -s3 pcm\nend_head\n"
        )
        .into_bytes();
        head.resize(1_024, b' ');
        [&head, data].concat()
    };

    // 16,000 as an 80-bit float: 1.953125 times 2 to the 13.
    let rate = [0x40, 0x0c, 0xfa, 0, 0, 0, 0, 0, 0, 0];
    let comm = [&[0, 1][..], &count.to_be_bytes(), &[0, 16], &rate].concat();
    let aiff = [
        b"AIFF".to_vec(),
        chunk(b"COMM", &comm, true),
        chunk(b"SSND", &[&[0; 8][..], &be].concat(), true),
    ]
    .concat();

    let desc = [
        &16_000_f64.to_be_bytes()[..],
        b"lpcm",
        // Signed integers, most significant byte first; packets of 2 bytes, 1 frame, 1 channel, 16 bits.
        &[0, 2, 1, 1, 16].map(u32::to_be_bytes).concat(),
    ]
    .concat();
    let long = |name: &[u8], body: &[u8]| [name, &(body.len() as u64).to_be_bytes(), body].concat();
    let caf = [
        b"caff\0\x01\0\0".to_vec(),
        long(b"desc", &desc),
        long(b"data", &[&[0; 4][..], &be].concat()),
    ]
    .concat();
    [
        ("rifx.wav", rifx),
        ("rf64.wav", rf64),
        ("bw64.wav", bw64),
        ("sound.w64", w64),
        ("sound.au", au(b".snd", &u32::to_be_bytes, &be)),
        ("sphere.wav", sphere("01", &le)),
        ("big-endian.sph", sphere("10", &be)),
        ("sound.aiff", chunk(b"FORM", &aiff, true)),
        ("sound.caf", caf),
    ]
}
