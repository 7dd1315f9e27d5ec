//! Colours, named by what they mean, each with a value for light and one for dark pages.
//!
//! The first four series colours keep apart for readers with protanopia, deuteranopia and tritanopia (test below, after
//! Machado, Oliveira and Fernandes 2009) and stand out from the page by a contrast of at least 3 (WCAG 2.2, 1.4.11).

use std::fmt::Write as _;

macro_rules! group {
    ($light:literal, $dark:literal) => {
        (
            $light,
            $dark,
            concat!("light-dark(", $light, ",", $dark, ")"),
        )
    };
}
/// A colour by its role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    /// Text and axes.
    Ink,
    /// Second-rank text.
    Muted,
    /// Grid lines and hairlines.
    Grid,
    /// What charts lie on.
    Surface,
    /// A pitch track over the colours of a spectrogram.
    Track,
    /// The edge of a pitch track.
    TrackEdge,
    /// The colour of the n-th series; they repeat after six.
    Series(usize),
    /// A step of the ramp for ordered groups, 0 to 24.
    Step(usize),
    /// The colour of the n-th of many groups without an order; they repeat after ten.
    Kind(usize),
    /// What carries no label.
    Unlabelled,
}

/// The last step of the ramp for ordered groups; a number that many counts of groups divide.
const LAST_STEP: usize = 24;

/// Light value, dark value, and both as CSS for a page that follows the reader's choice. The ramp is the part of plasma
/// (van der Walt and Smith 2015) that stands out from the page, in steps that are alike to the eye (in OKLab).
const GROUPS: [(&str, &str, &str); 36] = [
    group!("#0d0887", "#bc3587"),
    group!("#1f098d", "#c23d82"),
    group!("#2e0894", "#c7447c"),
    group!("#3b069a", "#cd4a76"),
    group!("#48059f", "#d35171"),
    group!("#5505a2", "#d8586b"),
    group!("#6203a6", "#de5f65"),
    group!("#6e02a8", "#e26761"),
    group!("#7b07a7", "#e76f5b"),
    group!("#8808a6", "#eb7656"),
    group!("#9315a1", "#ef7e51"),
    group!("#9e1c9c", "#f3864b"),
    group!("#a82397", "#f68f45"),
    group!("#b12c90", "#f99740"),
    group!("#ba3489", "#fba03b"),
    group!("#c13c82", "#fda836"),
    group!("#c9457b", "#fdb132"),
    group!("#d04d73", "#feba2d"),
    group!("#d6566d", "#fdc329"),
    group!("#dd5f66", "#fccc28"),
    group!("#df675d", "#fad526"),
    group!("#da6f50", "#f8de24"),
    group!("#d47640", "#f6e723"),
    group!("#cf7c2c", "#f3f022"),
    group!("#c98200", "#f0f921"),
    group!("#1f6fb4", "#5fa8e8"),
    group!("#d9640b", "#ff9a4d"),
    group!("#0c5c46", "#8fe3c8"),
    group!("#8f2a7c", "#d9507c"),
    group!("#a07800", "#f2e26b"),
    group!("#0090a0", "#4dd0e1"),
    group!("#c62828", "#ff8a80"),
    group!("#6d4c41", "#c8a898"),
    group!("#5b8c00", "#b6e34f"),
    group!("#5e35b1", "#b39ddb"),
    group!("#858f9a", "#7d8995"),
];

/// Name of the CSS custom property, light value, dark value.
const TABLE: [(&str, &str, &str); 12] = [
    ("ink", "#1b2430", "#e8ebef"),
    ("muted", "#5a6572", "#9ea9b6"),
    ("grid", "#dfe3e8", "#343c47"),
    ("surface", "#ffffff", "#1a1f26"),
    ("track", "#2ee6ff", "#2ee6ff"),
    ("track-edge", "#10131f", "#10131f"),
    ("s0", "#1f6fb4", "#5fa8e8"),
    ("s1", "#d9640b", "#ff9a4d"),
    ("s2", "#0c5c46", "#8fe3c8"),
    ("s3", "#8f2a7c", "#d9507c"),
    ("s4", "#a07800", "#f2e26b"),
    ("s5", "#7d8590", "#9aa7b5"),
];

impl Colour {
    /// Place in [`GROUPS`] of a colour that has one.
    fn group(self) -> Option<&'static (&'static str, &'static str, &'static str)> {
        match self {
            Self::Step(n) => GROUPS.get(n.min(LAST_STEP)),
            Self::Kind(n) => GROUPS.get(LAST_STEP + 1 + n % 10),
            Self::Unlabelled => GROUPS.last(),
            _ => None,
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Ink => 0,
            Self::Muted => 1,
            Self::Grid => 2,
            Self::Surface => 3,
            Self::Track => 4,
            Self::TrackEdge => 5,
            Self::Series(n) => 6 + n % 6,
            // their values are looked up before
            Self::Step(_) | Self::Kind(_) | Self::Unlabelled => 1,
        }
    }

    /// The custom property as CSS refers to it.
    pub(crate) fn variable(self) -> &'static str {
        const NAMES: [&str; 12] = [
            "var(--ink)",
            "var(--muted)",
            "var(--grid)",
            "var(--surface)",
            "var(--track)",
            "var(--track-edge)",
            "var(--s0)",
            "var(--s1)",
            "var(--s2)",
            "var(--s3)",
            "var(--s4)",
            "var(--s5)",
        ];
        self.group().map_or(NAMES[self.index()], |group| group.2)
    }

    /// The value on a light ground.
    pub(crate) fn light(self) -> &'static str {
        self.group().map_or(TABLE[self.index()].1, |group| group.0)
    }

    /// The value on a dark ground.
    pub(crate) fn dark(self) -> &'static str {
        self.group().map_or(TABLE[self.index()].2, |group| group.1)
    }

    /// Colours for `count` groups: steps of one ramp when their order means something, unlike ones otherwise.
    pub(crate) fn of_groups(count: usize, ordered: bool) -> Vec<Self> {
        let step = |i: usize| match count {
            0 | 1 => 0,
            _ => (i * LAST_STEP + (count - 1) / 2) / (count - 1),
        };
        let colour = |i| {
            if ordered {
                Self::Step(step(i))
            } else {
                Self::Kind(i)
            }
        };
        (0..count).map(colour).collect()
    }
}

/// Declarations of all custom properties, for a light or a dark page.
pub(crate) fn declarations(dark: bool) -> String {
    let mut css = String::new();
    for (name, light, night) in TABLE {
        let _ = write!(css, "--{name}:{};", if dark { night } else { light });
    }
    css
}

#[cfg(test)]
mod tests {
    use super::*;

    fn linear(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|i| {
            let v = f64::from(u8::from_str_radix(&hex[i..i + 2], 16).unwrap()) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn luminance(c: [f64; 3]) -> f64 {
        0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2]
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(linear(a)), luminance(linear(b)));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// OKLab (Ottosson 2020), where the distance of just distinguishable colours is about 0.02.
    fn oklab(c: [f64; 3]) -> [f64; 3] {
        let l = (0.412_221_470_8 * c[0] + 0.536_332_536_3 * c[1] + 0.051_445_992_9 * c[2]).cbrt();
        let m = (0.211_903_498_2 * c[0] + 0.680_699_545_1 * c[1] + 0.107_396_956_6 * c[2]).cbrt();
        let s = (0.088_302_461_9 * c[0] + 0.281_718_837_6 * c[1] + 0.629_978_700_5 * c[2]).cbrt();
        [
            0.210_454_255_3 * l + 0.793_617_785 * m - 0.004_072_046_8 * s,
            1.977_998_495_1 * l - 2.428_592_205 * m + 0.450_593_709_9 * s,
            0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766 * s,
        ]
    }

    /// Machado et al. 2009, severity 1.0, on linear RGB.
    const VISION: [(&str, [[f64; 3]; 3]); 4] = [
        (
            "normal",
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        ),
        (
            "protanopia",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    fn seen(hex: &str, matrix: &[[f64; 3]; 3]) -> [f64; 3] {
        let c = linear(hex);
        matrix.map(|row| (row[0] * c[0] + row[1] * c[1] + row[2] * c[2]).clamp(0.0, 1.0))
    }

    #[test]
    fn the_first_four_series_keep_apart_for_everybody() {
        for dark in [false, true] {
            let value = |i: usize| if dark { TABLE[6 + i].2 } else { TABLE[6 + i].1 };
            for (vision, matrix) in &VISION {
                for a in 0..4 {
                    for b in 0..a {
                        let (p, q) = (oklab(seen(value(a), matrix)), oklab(seen(value(b), matrix)));
                        let distance = (0..3).map(|i| (p[i] - q[i]).powi(2)).sum::<f64>().sqrt();
                        assert!(
                            distance > 0.075,
                            "dark {dark} {vision} s{a} s{b}: {distance:.3}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn series_and_text_stand_out_from_the_page() {
        for (name, light, dark) in TABLE {
            let needed = match name {
                "grid" | "surface" | "track" | "track-edge" => continue,
                "ink" => 7.0,
                "muted" => 4.5,
                _ => 3.0,
            };
            for (ground, value) in [(TABLE[3].1, light), (TABLE[3].2, dark)] {
                let found = contrast(value, ground);
                assert!(
                    found >= needed,
                    "{name} {value} on {ground}: {found:.2} < {needed}"
                );
            }
        }
    }

    #[test]
    fn groups_stand_out_from_the_page_and_ordered_ones_grow_lighter_or_warmer() {
        for (light, dark, _) in GROUPS {
            for (ground, value) in [(TABLE[3].1, light), (TABLE[3].2, dark)] {
                let found = contrast(value, ground);
                assert!(found >= 3.0, "{value} on {ground}: {found:.2}");
            }
        }
        let steps = |count| Colour::of_groups(count, true);
        assert_eq!(
            steps(3),
            [Colour::Step(0), Colour::Step(12), Colour::Step(24)]
        );
        // neighbours among seven groups are at least four times as far apart as the eye needs, on either ground
        for value in [Colour::light, Colour::dark] {
            let seven: Vec<[f64; 3]> = (steps(7).iter())
                .map(|colour| oklab(linear(value(*colour))))
                .collect();
            for pair in seven.windows(2) {
                let apart = (0..3).map(|i| (pair[0][i] - pair[1][i]).powi(2));
                let apart = apart.sum::<f64>().sqrt();
                assert!(apart > 0.085, "{apart:.3}");
            }
        }
        assert_eq!((steps(0).len(), steps(1).len()), (0, 1));
    }
}
