//! Any bytes: a sound of finite samples or an error, never a panic.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(sound) = cohort_audio::decode_bytes("fuzz".as_ref(), bytes.to_vec()) {
        assert!(!sound.samples.is_empty() && sound.sample_rate > 0);
        assert!(sound.samples.iter().all(|sample| sample.is_finite()));
    }
});
