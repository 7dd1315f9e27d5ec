fn main() {
    for path in std::env::args().skip(1) {
        match cohort_audio::decode_warned(path.as_ref()) {
            Ok(d) => {
                let s = &d.sound.samples;
                let rms = (s.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / s.len() as f64).sqrt();
                println!("{path}: {} at {} = {:.4} s, rms {rms:.6}", s.len(), d.sound.sample_rate, d.sound.seconds());
                if std::env::var("DUMP").is_ok() {
                    let bytes: Vec<u8> = s.iter().flat_map(|x| x.to_le_bytes()).collect();
                    std::fs::write("/tmp/dump.f32", bytes).unwrap();
                }
                d.warnings.iter().for_each(|w| println!("   WARN {w}"));
            }
            Err(e) => println!("   ERR {e}"),
        }
    }
}
