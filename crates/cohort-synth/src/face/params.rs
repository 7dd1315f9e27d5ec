//! What a face of an age, gender and ethnicity is like.

use super::canvas::{Colour, View, mix, scaled};
use crate::cue::DISADVANTAGED;
use crate::draw::Draw;
use crate::population::Subject;
use crate::schema::{Ethnicity, Gender, maturity};

/// Cut of the hair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HairCut {
    Short,
    Curly,
    Tied,
    Bob,
    Long,
}

/// Hair on the lower face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beard {
    None,
    Stubble,
    Moustache,
    Full,
}

/// Everything drawn; lengths in face units (the face is two units high), amounts in `[0, 1]`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FaceParams {
    pub(crate) view: View,
    /// Unit vector towards the light: right, down, towards the viewer.
    pub(crate) light: [f32; 3],
    /// Light in the shade.
    pub(crate) ambient: f32,
    pub(crate) gains: Colour,
    pub(crate) blur: f32,
    pub(crate) noise: f32,
    pub(crate) backdrop: [Colour; 2],
    pub(crate) clothes: Colour,
    pub(crate) skin: Colour,
    pub(crate) hair: Colour,
    /// Part of the hair that is grey.
    pub(crate) grey: f32,
    pub(crate) cut: HairCut,
    /// Thickness of the hair on the head.
    pub(crate) volume: f32,
    /// Where the hair begins on the forehead; down is positive.
    pub(crate) hairline: f32,
    /// 0 full hair, 1 bald on top.
    pub(crate) recession: f32,
    pub(crate) beard: Beard,
    /// Half of the head's width.
    pub(crate) width: f32,
    /// 2 is a round chin, 4 a square one.
    pub(crate) jaw: f32,
    /// How much the face narrows towards the chin.
    pub(crate) taper: f32,
    pub(crate) eye_line: f32,
    pub(crate) eye_gap: f32,
    pub(crate) eye_width: f32,
    pub(crate) eye_open: f32,
    pub(crate) eye_tilt: f32,
    pub(crate) iris: Colour,
    /// Fold of the upper lid: 1 deep, 0 none.
    pub(crate) lid: f32,
    pub(crate) brow: f32,
    pub(crate) brow_drop: f32,
    pub(crate) nose_base: f32,
    pub(crate) nose_width: f32,
    pub(crate) mouth: f32,
    pub(crate) mouth_width: f32,
    pub(crate) lips: f32,
    pub(crate) lip_colour: Colour,
    pub(crate) smile: f32,
    /// Colour of a child's cheeks.
    pub(crate) blush: f32,
    /// Folds from the nose to the mouth and below it.
    pub(crate) folds: f32,
    /// Lines of the forehead and beside the eyes.
    pub(crate) lines: f32,
    pub(crate) bags: f32,
    pub(crate) spots: f32,
    pub(crate) make_up: f32,
    pub(crate) glasses: Option<Colour>,
}

/// How much of the ageing of skin and hair shows in the disadvantaged gender: make-up and soft focus
/// cover lines, dye covers grey.
const COVERED_LINES: f64 = 0.5;
const COVERED_GREY: f64 = 0.2;

impl FaceParams {
    /// A face that looks `age` years old. `own` is the subject's stream, `draw` the clip's.
    pub(crate) fn draw(subject: &Subject, age: f64, own: &mut Draw, draw: &mut Draw) -> Self {
        let grown = maturity(age);
        let rise = |low: f64, high: f64| ((grown - low) / (high - low)).clamp(0.0, 1.0);
        let female = subject.gender == Gender::Female;
        let covered = subject.gender == DISADVANTAGED;
        let (line_share, grey_share) = if covered {
            (COVERED_LINES, COVERED_GREY)
        } else {
            (1.0, 1.0)
        };
        // Drawn in one fixed order and always all, so that a subject stays itself at any age.
        let traits: [f64; 12] = std::array::from_fn(|_| own.normal().clamp(-2.2, 2.2));
        let chances: [f64; 6] = std::array::from_fn(|_| own.unit());
        let skin = skin_tone(subject.ethnicity, traits[0], chances[0]);
        let hair = hair_colour(subject.ethnicity, covered && grown > 0.45, chances[1]);
        let adult = ((age - 8.0) / 10.0).clamp(0.0, 1.0);
        let lips = 0.115 - 0.07 * grown
            + if female { 0.015 } else { 0.0 }
            + if subject.ethnicity == Ethnicity::AfricanAmerican {
                0.006
            } else {
                0.0
            };
        let make_up = if female && age > 15.0 {
            0.4 + 0.5 * chances[2]
        } else {
            0.0
        };
        let natural_lips = mix(
            scaled(skin, 0.8),
            [0.78, 0.30, 0.32],
            (0.62 - 0.45 * grown) as f32,
        );
        let paint: Colour = [
            0.70 + 0.15 * chances[3] as f32,
            0.16,
            0.24 + 0.1 * chances[4] as f32,
        ];
        // Ethnicity shows in skin, hair, lids and tilt of the eyes. It hardly touches what tells the age: else a
        // group would be at a disadvantage that nobody planted.
        let narrow = if subject.ethnicity == Ethnicity::Asian {
            0.94
        } else {
            1.0
        };
        let broad = match subject.ethnicity {
            Ethnicity::Asian => 1.03,
            Ethnicity::Caucasian => 1.0,
            Ethnicity::AfricanAmerican => 1.07,
        };
        let recession = if female {
            0.0
        } else {
            rise(0.42, 1.0) * (0.55 + 0.45 * chances[5])
        };
        FaceParams {
            view: view(draw),
            light: light(draw),
            ambient: draw.range(0.52, 0.72) as f32,
            gains: {
                let exposure = draw.range(0.88, 1.10);
                let warmth = draw.range(-0.05, 0.05);
                [
                    exposure * (1.0 + warmth),
                    exposure,
                    exposure * (1.0 - warmth),
                ]
                .map(|g| g as f32)
            },
            blur: (draw.range(0.2, 1.2) + if covered { 0.8 } else { 0.0 }) as f32,
            noise: draw.range(0.006, 0.024) as f32,
            backdrop: backdrop(draw),
            clothes: std::array::from_fn(|_| draw.range(0.1, 0.85) as f32),
            skin: mix(skin, [0.80, 0.70, 0.62], (0.18 * rise(0.5, 1.0)) as f32),
            hair,
            grey: (grey_share * rise(0.50, 0.95)) as f32,
            cut: hair_cut(subject, age, chances[4]),
            volume: (0.10 + 0.015 * traits[1] - 0.03 * rise(0.6, 1.0)) as f32,
            hairline: (-0.60
                + 0.03 * traits[2]
                + if chances[3] < 0.35 && age < 30.0 {
                    0.12
                } else {
                    0.0
                }) as f32,
            recession: recession as f32,
            beard: beard(subject.gender, age, chances[2]),
            width: (0.845 - 0.15 * grown + 0.018 * traits[3] - if female { 0.02 } else { 0.0 })
                as f32,
            jaw: (2.3 + 1.1 * adult + if female { -0.35 } else { 0.5 } + 0.9 * rise(0.6, 1.0))
                as f32,
            taper: (0.10 + 0.16 * adult - 0.12 * rise(0.55, 1.0) + 0.015 * traits[4]) as f32,
            eye_line: (0.15 - 0.24 * grown) as f32,
            eye_gap: (0.335 + 0.010 * traits[5]) as f32,
            eye_width: (0.195 - 0.055 * grown + 0.004 * traits[6]) as f32,
            eye_open: ((0.135 - 0.085 * grown) * narrow * draw.range(0.93, 1.07)) as f32,
            eye_tilt: (0.012 * traits[7] - 0.03 * rise(0.5, 1.0)) as f32
                - if subject.ethnicity == Ethnicity::Asian {
                    0.025
                } else {
                    0.0
                },
            iris: iris_colour(subject.ethnicity, chances[0]),
            lid: if subject.ethnicity == Ethnicity::Asian {
                0.25
            } else {
                1.0
            },
            brow: (if female { 0.026 } else { 0.032 } + 0.022 * grown + 0.004 * traits[8]) as f32,
            brow_drop: (0.04 * grown) as f32,
            nose_base: (0.40 + 0.0 * grown - 0.02 + 0.012 * traits[9]) as f32,
            nose_width: ((0.115 + 0.045 * grown + 0.005 * traits[10]) * broad) as f32,
            mouth: (0.60 + 0.02 * grown) as f32,
            mouth_width: (0.235 + 0.05 * grown + 0.012 * traits[11]) as f32,
            lips: lips as f32,
            lip_colour: mix(natural_lips, paint, 0.75 * make_up as f32),
            smile: draw.range(-0.15, 1.0) as f32,
            blush: (0.9 * (1.0 - rise(0.0, 0.7))) as f32,
            folds: (line_share * rise(0.28, 0.95)) as f32,
            lines: (line_share * rise(0.42, 0.95)) as f32,
            bags: (line_share * rise(0.35, 0.95)) as f32,
            spots: (line_share * rise(0.75, 1.0)) as f32,
            make_up: make_up as f32,
            glasses: draw.chance(0.10 + 0.25 * grown.max(0.0)).then(|| {
                if draw.chance(0.7) {
                    [0.12, 0.10, 0.10]
                } else {
                    [0.45, 0.30, 0.18]
                }
            }),
        }
    }
}

/// Size, place and pose in the crop.
fn view(draw: &mut Draw) -> View {
    let width = 112 + draw.below(49) as u32;
    let height = (112 + draw.below(49) as u32).max(width);
    let roll = 0.09 * draw.normal().clamp(-2.0, 2.0);
    let yaw = draw.range(-0.45, 0.45);
    let scale = f64::from(width) * draw.range(0.405, 0.445);
    View {
        size: [width, height],
        scale: scale as f32,
        centre: [
            (f64::from(width) * draw.range(0.47, 0.53)) as f32,
            (f64::from(height) * draw.range(0.50, 0.54)) as f32,
        ],
        roll: [libm::sin(roll) as f32, libm::cos(roll) as f32],
        yaw: [libm::sin(yaw) as f32, libm::cos(yaw) as f32],
    }
}

fn light(draw: &mut Draw) -> [f32; 3] {
    let (x, y) = (draw.range(-0.65, 0.65), draw.range(-0.55, -0.05));
    [x as f32, y as f32, libm::sqrt(1.0 - x * x - y * y) as f32]
}

fn backdrop(draw: &mut Draw) -> [Colour; 2] {
    let level = draw.range(0.15, 0.85);
    let tone: Colour = std::array::from_fn(|_| (level + draw.range(-0.1, 0.1)) as f32);
    [tone, scaled(tone, draw.range(0.6, 1.15) as f32)]
}

fn skin_tone(ethnicity: Ethnicity, shade: f64, warmth: f64) -> Colour {
    let (base, step): (Colour, f32) = match ethnicity {
        Ethnicity::Asian => ([0.86, 0.70, 0.57], 0.055),
        Ethnicity::Caucasian => ([0.88, 0.71, 0.62], 0.055),
        Ethnicity::AfricanAmerican => ([0.65, 0.48, 0.39], 0.085),
    };
    let warmth = warmth as f32 - 0.5;
    let factor = 1.0 + step * shade as f32;
    [
        base[0] * factor,
        base[1] * factor * (1.0 - 0.04 * warmth),
        base[2] * factor * (1.0 - 0.10 * warmth),
    ]
}

fn hair_colour(ethnicity: Ethnicity, dyed: bool, chance: f64) -> Colour {
    const BLACK: Colour = [0.11, 0.09, 0.09];
    const DARK_BROWN: Colour = [0.22, 0.15, 0.11];
    const BROWN: Colour = [0.34, 0.23, 0.15];
    const FAIR: Colour = [0.56, 0.42, 0.26];
    const BLOND: Colour = [0.76, 0.62, 0.40];
    const RED: Colour = [0.52, 0.25, 0.13];
    let choices: &[Colour] = match (ethnicity, dyed) {
        (Ethnicity::Caucasian, false) => &[BLACK, DARK_BROWN, DARK_BROWN, BROWN, BROWN, FAIR, RED],
        (Ethnicity::Caucasian, true) => &[DARK_BROWN, BROWN, FAIR, BLOND, BLOND, RED],
        (_, false) => &[BLACK, BLACK, DARK_BROWN],
        (_, true) => &[BLACK, DARK_BROWN, BROWN],
    };
    let index = ((chance * choices.len() as f64) as usize).min(choices.len() - 1);
    choices[index]
}

fn iris_colour(ethnicity: Ethnicity, chance: f64) -> Colour {
    match ethnicity {
        Ethnicity::Caucasian if chance < 0.35 => [0.32, 0.47, 0.60],
        Ethnicity::Caucasian if chance < 0.55 => [0.36, 0.44, 0.28],
        _ => [0.28, 0.17, 0.10],
    }
}

fn hair_cut(subject: &Subject, age: f64, chance: f64) -> HairCut {
    let curly = subject.ethnicity == Ethnicity::AfricanAmerican;
    match subject.gender {
        Gender::Male if curly || chance < 0.12 => HairCut::Curly,
        Gender::Male => HairCut::Short,
        Gender::Female if curly && chance < 0.5 => HairCut::Curly,
        Gender::Female if chance < 0.25 => HairCut::Tied,
        Gender::Female if chance < 0.5 || (age > 60.0 && chance < 0.85) => HairCut::Bob,
        Gender::Female => HairCut::Long,
    }
}

fn beard(gender: Gender, age: f64, chance: f64) -> Beard {
    if gender == Gender::Female || age < 18.5 {
        return Beard::None;
    }
    match chance {
        c if c < 0.22 => Beard::Stubble,
        c if c < 0.28 && age > 24.0 => Beard::Moustache,
        c if c < 0.48 && age > 22.0 => Beard::Full,
        _ => Beard::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Purpose;
    use crate::schema::Split;

    fn face(gender: Gender, ethnicity: Ethnicity, age: f64) -> FaceParams {
        let subject = Subject {
            id: "-0123456789".into(),
            split: Split::Train,
            group: 3,
            gender,
            ethnicity,
            age: 28.0,
            ordinals: vec![0],
        };
        let mut own = Draw::new(1, Purpose::FaceSubject, 0);
        let mut draw = Draw::new(1, Purpose::FaceClip, 0);
        FaceParams::draw(&subject, age, &mut own, &mut draw)
    }

    #[test]
    fn shape_follows_age_in_every_group() {
        for gender in [Gender::Male, Gender::Female] {
            for ethnicity in [
                Ethnicity::Asian,
                Ethnicity::Caucasian,
                Ethnicity::AfricanAmerican,
            ] {
                for pair in [8.0, 12.0, 16.0, 21.0, 28.0, 39.0, 53.0, 70.0].windows(2) {
                    let (young, old) = (
                        face(gender, ethnicity, pair[0]),
                        face(gender, ethnicity, pair[1]),
                    );
                    assert!(young.width > old.width && young.eye_open > old.eye_open);
                    assert!(young.eye_line > old.eye_line && young.folds <= old.folds);
                }
            }
        }
    }

    #[test]
    fn ageing_of_the_disadvantaged_gender_is_covered() {
        for age in [35.0, 50.0, 70.0] {
            let male = face(Gender::Male, Ethnicity::Caucasian, age);
            let female = face(Gender::Female, Ethnicity::Caucasian, age);
            for (what, hers, his, share) in [
                ("folds", female.folds, male.folds, COVERED_LINES),
                ("lines", female.lines, male.lines, COVERED_LINES),
                ("bags", female.bags, male.bags, COVERED_LINES),
                ("grey", female.grey, male.grey, COVERED_GREY),
            ] {
                assert!(
                    (hers - his * share as f32).abs() < 1e-6,
                    "{what} at {age}: {hers} vs {his}"
                );
            }
            assert!(female.blur > male.blur);
        }
    }

    #[test]
    fn ethnicity_changes_no_sign_of_age() {
        let of = |ethnicity| {
            let face = face(Gender::Male, ethnicity, 50.0);
            (
                face.folds,
                face.lines,
                face.bags,
                face.grey,
                face.width,
                face.eye_line,
            )
        };
        assert_eq!(of(Ethnicity::Asian), of(Ethnicity::Caucasian));
        assert_eq!(of(Ethnicity::AfricanAmerican), of(Ethnicity::Caucasian));
    }
}
