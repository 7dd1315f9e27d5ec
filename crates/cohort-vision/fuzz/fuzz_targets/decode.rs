//! Any bytes: a picture or an error, never a panic.
#![no_main]

use std::path::Path;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(picture) = cohort_vision::decode_bytes(bytes, Path::new("fuzz")) {
        assert_eq!(picture.rgb().len(), picture.width() * picture.height() * 3);
    }
});
