//! Hair behind and above the face.

use super::canvas::{Canvas, Colour, Grain, cover, mix, ramp, scaled};
use super::head::Head;
use super::params::{FaceParams, HairCut};

/// Colour of hair that lost its pigment.
const GREY: Colour = [0.82, 0.82, 0.82];

/// Mean colour of the hair with its grey.
pub(crate) fn mean_colour(face: &FaceParams) -> Colour {
    mix(face.hair, GREY, 0.92 * face.grey)
}

/// Colour of one strand: grey hairs stand among others.
fn strand(face: &FaceParams, grain: &Grain, u: f32, v: f32) -> Colour {
    let (fine, coarse) = match face.cut {
        HairCut::Curly => (
            grain.at(22.0 * u, 22.0 * v),
            grain.at(9.0 * u + 7.0, 9.0 * v),
        ),
        _ => {
            // Strands fan out from the crown.
            let fan = u / (1.6 + 0.6 * v).max(0.5);
            (
                grain.at(42.0 * fan, 2.5 * v),
                grain.at(14.0 * fan + 9.0, 1.2 * v),
            )
        }
    };
    let grey = (face.grey * (0.75 + 0.5 * fine)).min(1.0);
    scaled(
        mix(face.hair, GREY, grey),
        0.68 + 0.42 * fine + 0.2 * coarse,
    )
}

/// Light on the hair from above and from the lamp's side.
fn gloss(face: &FaceParams, u: f32, v: f32) -> f32 {
    let band = 1.0 - ((v + 0.82) / 0.22) * ((v + 0.82) / 0.22);
    let side = 0.88 + 0.25 * face.light[0] * u;
    side * (0.92 + 0.28 * band.max(0.0))
}

/// Hair that hangs behind the face.
pub(crate) fn back(canvas: &mut Canvas, face: &FaceParams, head: &Head, grain: &Grain) {
    let (end, flare) = match face.cut {
        HairCut::Long => (1.9, 0.10),
        HairCut::Bob => (0.78, 0.14),
        HairCut::Curly if face.volume > 0.0 && face.recession == 0.0 => (0.15, 0.05),
        _ => return,
    };
    let pixel = canvas.pixel();
    let volume = face.volume
        + if face.cut == HairCut::Curly {
            0.10
        } else {
            0.06
        };
    canvas.each([-1.3, -1.4, 1.3, 2.0], |u, v, at| {
        let wave = 0.05 * (grain.at(4.0 * v, 3.0 * u + 17.0) - 0.5);
        let distance = if v < -0.12 {
            head.hair_distance(u, v, volume)
        } else {
            let half = face.width * (1.0 + volume) + flare * ramp(v, -0.1, 0.9);
            (u.abs() - half + wave).max(v - end + 0.10 * u.abs())
        };
        let part = cover(distance, pixel.max(0.03));
        if part > 0.0 {
            // Deep inside, behind neck and jaw, it is dark.
            let depth = 0.62 + 0.34 * ramp(u.abs(), 0.35, 0.85);
            *at = mix(*at, scaled(strand(face, grain, u, v), depth), part);
        }
    });
}

/// Hair on top, over the forehead and beside the face.
pub(crate) fn front(canvas: &mut Canvas, face: &FaceParams, head: &Head, grain: &Grain) {
    let pixel = canvas.pixel();
    let (side_end, side_from) = match face.cut {
        HairCut::Long => (2.2, 0.80),
        HairCut::Bob => (0.70, 0.80),
        HairCut::Tied => (-0.10, 0.72),
        HairCut::Short | HairCut::Curly => (0.02, 0.72),
    };
    let rough = if face.cut == HairCut::Curly {
        0.09
    } else {
        0.03
    };
    let volume = face.volume * (1.0 - 0.75 * face.recession)
        + if face.cut == HairCut::Curly {
            0.07
        } else {
            0.0
        };
    canvas.each([-1.3, -1.45, 1.3, 2.0], |u, v, at| {
        let s = u.abs() / face.width;
        let edge = grain.at(11.0 * u + 3.0, 5.0 * v);
        // The forehead's border: temples give way first, then the middle.
        let temples = (1.0 - ((s - 0.45) / 0.38) * ((s - 0.45) / 0.38)).max(0.0);
        let top = face.hairline
            - 0.42 * face.recession * temples
            - 1.1 * (face.recession - 0.45).max(0.0);
        let line = top + (side_end - top) * ramp(s, side_from, 1.06) + rough * (edge - 0.5);
        let outer = if v < -0.12 {
            head.hair_distance(u, v, volume + rough * (edge - 0.5))
        } else {
            u.abs() - face.width * (1.0 + volume) - 0.05 * ramp(v, 0.0, 1.0)
        };
        let part = cover(outer.max(v - line), pixel.max(0.025));
        if part > 0.0 {
            let colour = scaled(strand(face, grain, u, v), gloss(face, u, v));
            *at = mix(*at, colour, part);
        } else {
            // Hair throws a soft shadow on the forehead.
            let near = (v - line).max(0.0);
            if near < 0.10 && head.distance(u, v) < 0.0 {
                let shadow = 0.16 * (1.0 - near / 0.10);
                *at = scaled(*at, 1.0 - shadow * (1.0 - 0.6 * face.recession));
            }
        }
    });
    if face.cut == HairCut::Tied {
        let knot = [0.0, -1.22];
        canvas.each([-0.4, -1.6, 0.4, -0.9], |u, v, at| {
            let distance = super::canvas::ellipse(u, v, knot, [0.26, 0.20]);
            if v < -1.02 {
                *at = mix(
                    *at,
                    scaled(strand(face, grain, u, 3.0 * v), 0.9),
                    cover(distance, pixel),
                );
            }
        });
    }
}
