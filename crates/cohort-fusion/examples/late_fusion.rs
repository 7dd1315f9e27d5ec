//! Seconds for an ablation of three modalities on 2,000 clips with 2,000 resamples:
//! `cargo run --release -p cohort-fusion --example late_fusion`.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::Instant;

use cohort_fusion::{
    AblationSettings, Fit, FusionRule, FusionSettings, StackingKind, ablate, fuse,
};

fn main() {
    let made = common::study(580, 580, 1);
    let clips = (
        made.modalities[0].valid.len(),
        made.modalities[0].test.len(),
    );
    println!("{} validation clips, {} test clips", clips.0, clips.1);
    let fits = [
        ("fitted weights", FusionSettings::default().rule),
        (
            "multinomial stacking",
            FusionRule::Stacking {
                kind: StackingKind::Multinomial,
                fit: Fit::Likelihood,
            },
        ),
        (
            "ordinal stacking",
            FusionRule::Stacking {
                kind: StackingKind::Ordinal,
                fit: Fit::Likelihood,
            },
        ),
    ];
    for (name, rule) in fits {
        let settings = FusionSettings {
            rule,
            ..FusionSettings::default()
        };
        let start = Instant::now();
        let fused = fuse(&made.modalities, &settings).unwrap();
        println!("fuse, {name}: {:.2} s", start.elapsed().as_secs_f64());
        let start = Instant::now();
        let groups = vec!["Gender".to_string()];
        let ablation = AblationSettings {
            groups,
            ..AblationSettings::default()
        };
        let found = ablate(
            &made.modalities,
            &[],
            Some(&made.labels),
            &settings,
            &ablation,
        )
        .unwrap();
        println!("ablate, {name}: {:.2} s", start.elapsed().as_secs_f64());
        if name == "fitted weights" {
            let nouns = cohort_tables::Nouns::default();
            print!(
                "{}\n{}",
                fused.record.to_text(&nouns),
                found.to_text(&nouns)
            );
        }
    }
}
