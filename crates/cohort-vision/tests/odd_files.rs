//! Files that are not quite what they should be: without their end, and none that ends at all.

mod common;

use std::path::Path;

use cohort_vision::{Decoded, Picture, VisionError, decode, decode_bytes_warned};
use common::containers::golden;

fn read(bytes: &[u8]) -> Result<Decoded, VisionError> {
    decode_bytes_warned(bytes, Path::new("some/photo.jpg"))
}

fn whole(name: &str) -> Picture {
    let decoded = read(&golden(name)).expect("it decodes");
    assert!(decoded.warnings.is_empty(), "{name}");
    decoded.picture
}

/// What may stand where a JPEG's end marker belongs.
fn endings() -> Vec<(&'static str, Vec<u8>)> {
    let mut video = b"MotionPhoto_Data\0\0\0\x18ftypmp42".to_vec();
    // Bytes that look like segments of any length, restarts, an end.
    for byte in 0..=255u8 {
        video.extend([0xff, byte, byte, 7]);
    }
    vec![
        ("nothing", vec![]),
        ("half of the marker", vec![0xff]),
        (
            "Samsung's trailer",
            b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1672531200000SEFHj\0\0\0\x01\0\0\0SEFT".to_vec(),
        ),
        ("a motion photo's video", video),
        ("another JPEG", golden("jpeg_444.jpg")),
        ("zeros", vec![0; 4096]),
        ("ones", vec![0xff; 4096]),
    ]
}

#[test]
fn a_jpeg_without_its_end_marker_is_read_whole_and_told() {
    // One scan, several, restarts, grey, CMYK: Pillow's pixels of the whole file, for which decoding.rs vouches.
    for name in [
        "jpeg_420.jpg",
        "jpeg_444.jpg",
        "jpeg_progressive.jpg",
        "jpeg_grey_progressive.jpg",
        "jpeg_restart.jpg",
        "jpeg_grey.jpg",
        "jpeg_cmyk_adobe.jpg",
        "jpeg_exif6.jpg",
    ] {
        let (bytes, expected) = (golden(name), whole(name));
        assert_eq!(bytes[bytes.len() - 2..], [0xff, 0xd9], "{name}");
        for (what, ending) in endings() {
            let odd = [&bytes[..bytes.len() - 2], &ending].concat();
            let decoded = read(&odd).unwrap_or_else(|e| panic!("{name} with {what}: {e}"));
            assert_eq!(decoded.picture, expected, "{name} with {what}");
            let [warning] = &decoded.warnings[..] else {
                panic!("{name} with {what}")
            };
            assert!(
                warning.starts_with("some/photo.jpg: this JPEG has no end marker"),
                "{warning}"
            );
        }
        // After a proper end anything may stand.
        for (what, ending) in endings() {
            let decoded = read(&[bytes.clone(), ending].concat());
            let expected = Decoded {
                picture: expected.clone(),
                warnings: vec![],
            };
            assert_eq!(decoded.expect("it decodes"), expected, "{name} and {what}");
        }
    }
}

#[test]
fn a_jpeg_cut_within_its_data_is_refused_whatever_follows() {
    for name in [
        "jpeg_420.jpg",
        "jpeg_progressive.jpg",
        "jpeg_restart.jpg",
        "jpeg_grey.jpg",
    ] {
        let bytes = golden(name);
        for (what, ending) in endings() {
            if what == "another JPEG" {
                continue;
            }
            // Data of a few bytes more or less are a matter of chance: junk decodes to something.
            for cut in [40, 60, 100] {
                let odd = [
                    &bytes[..bytes.len() - 2 - cut],
                    &ending[..ending.len().min(8)],
                ]
                .concat();
                assert!(read(&odd).is_err(), "{name} cut by {cut} with {what}");
            }
        }
    }
    // A progressive picture whose last scans are missing is not a whole one, though all that is there is sound.
    let bytes = golden("jpeg_progressive.jpg");
    let scans: Vec<usize> = (0..bytes.len() - 1)
        .filter(|&i| bytes[i..i + 2] == [0xff, 0xda])
        .collect();
    let message = read(&bytes[..*scans.last().expect("scans")])
        .expect_err("it is cut")
        .to_string();
    assert!(message.contains("JPEG is truncated"), "{message}");
}

#[test]
fn a_png_without_its_end_is_read_whole_and_told() {
    let (bytes, expected) = (golden("png_rgb.png"), whole("png_rgb.png"));
    for cut in 1..=12 {
        let decoded = read(&bytes[..bytes.len() - cut]).expect("the pixels are there");
        assert_eq!(decoded.picture, expected, "{cut}");
        let warning = decoded.warnings.first().expect("a warning");
        assert!(
            warning.contains("this PNG ends without its end chunk"),
            "{warning}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let folder = std::env::temp_dir().join(format!("cohort-vision-odd-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("folder.jpg")).unwrap();
    let pipe = folder.join("pipe.jpg");
    let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
    // SAFETY: a path that ends with a zero byte, and a mode.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    let socket = std::os::unix::net::UnixListener::bind(folder.join("socket.jpg")).unwrap();
    std::os::unix::fs::symlink("pipe.jpg", folder.join("link.jpg")).unwrap();
    for (name, expected) in [
        ("pipe.jpg", "a pipe, socket or device"),
        ("socket.jpg", "a pipe, socket or device"),
        ("link.jpg", "a pipe, socket or device"),
        ("folder.jpg", "a folder"),
    ] {
        let message = decode(&folder.join(name)).unwrap_err().to_string();
        assert!(
            message.contains("expected a regular file") && message.contains(expected),
            "{name}: {message}"
        );
    }
    let message = decode(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(message.contains("a pipe, socket or device"), "{message}");
    drop(socket);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn files_of_other_kinds_are_refused_by_name() {
    let cases: [(&[u8], &str); 14] = [
        (b"II*\0\x08\0\0\0", "a TIFF"),
        (b"MM\0*\0\0\0\x08", "a TIFF"),
        (b"BM\x36\0\0\0\0\0", "a BMP"),
        (b"GIF87a\x01\0", "a GIF"),
        (b"\0\0\0\x20ftypheic\0\0\0\0", "a HEIC of brand \"heic\""),
        (b"\0\0\0\x20ftypmif1\0\0\0\0", "a HEIF"),
        (b"\0\0\0\x20ftypavif\0\0\0\0", "an AVIF of brand \"avif\""),
        (b"\0\0\0\x20ftypisom\0\0\0\0", "a video"),
        (b"\xff\x0a\xfa\x1f", "a JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000"),
        (b"P6 35 19 255\n", "a PBM, PGM or PPM"),
        (b"\0\x05\x16\x07\0\x02\0\0", "an AppleDouble file"),
        (
            b"version https://git-lfs.github.com/spec/v1\n",
            "a Git LFS pointer",
        ),
    ];
    for (bytes, expected) in cases {
        let message = read(bytes).expect_err("no picture").to_string();
        assert!(
            message.contains("expected JPEG, PNG or WebP, found ") && message.contains(expected),
            "{message}"
        );
    }
}
