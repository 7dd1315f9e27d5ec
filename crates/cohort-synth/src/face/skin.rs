//! Skin and the marks that time leaves on it.

use super::canvas::{Canvas, Curve, Grain, cover, darken, mix, ramp, scaled};
use super::head::Head;
use super::params::{Beard, FaceParams};

const SIDES: [f32; 2] = [-1.0, 1.0];

/// Shoulders, neck and ears, which lie behind the face.
pub(crate) fn body(canvas: &mut Canvas, face: &FaceParams) {
    let pixel = canvas.pixel();
    let clothes = face.clothes;
    canvas.fill([-2.5, 1.0, 2.5, 2.5], clothes, 1.0, |u, v| {
        1.22 + 0.16 * u * u - v
    });
    let neck = 0.62 * face.width;
    canvas.each([-1.0, 0.5, 1.0, 2.0], |u, v, at| {
        let side = u.abs() - neck - 0.25 * ramp(v, 0.9, 1.6);
        let collar = v - 1.36 + 0.25 * (u / neck) * (u / neck);
        let shade = 0.62 + 0.22 * ramp(v, 0.95, 1.35);
        *at = mix(
            *at,
            scaled(face.skin, shade),
            cover(side.max(collar), pixel),
        );
    });
    for side in SIDES {
        let centre = [side * (face.width - 0.005), 0.08];
        canvas.fill(
            [centre[0] - 0.15, -0.3, centre[0] + 0.15, 0.45],
            scaled(face.skin, 0.84),
            1.0,
            |u, v| super::canvas::ellipse(u, v, centre, [0.085, 0.21]),
        );
        canvas.glow(
            [centre[0] + side * 0.02, 0.08],
            [0.05, 0.13],
            scaled(face.skin, 0.55),
            0.6,
        );
    }
}

/// The lit skin of the face.
pub(crate) fn skin(canvas: &mut Canvas, face: &FaceParams, head: &Head, grain: &Grain) {
    let pixel = canvas.pixel();
    let mottle = 0.03 + 0.07 * face.spots;
    canvas.each([-1.0, -1.15, 1.0, 1.05], |u, v, at| {
        let part = cover(head.distance(u, v), pixel);
        if part > 0.0 {
            let texture = 1.0 + mottle * (grain.at(9.0 * u, 9.0 * v) - 0.5);
            let lit = texture * head.shade(u, v, face.light, face.ambient);
            // In the shade skin turns redder.
            let colour = [
                face.skin[0] * (0.06 + 0.94 * lit),
                face.skin[1] * lit,
                face.skin[2] * (lit - 0.03 * (1.0 - lit)),
            ];
            *at = mix(*at, colour, part);
        }
    });
    for side in SIDES {
        let cheek = [side * 0.45, 0.32];
        canvas.glow(cheek, [0.30, 0.26], [0.92, 0.42, 0.40], 0.42 * face.blush);
        canvas.glow(
            [side * 0.44, 0.20],
            [0.22, 0.18],
            scaled(face.skin, 1.14),
            0.30,
        );
        if face.make_up > 0.0 {
            canvas.glow(
                [side * 0.50, 0.26],
                [0.24, 0.16],
                [0.86, 0.40, 0.42],
                0.25 * face.make_up,
            );
        }
    }
}

/// Folds, lines, bags and spots.
pub(crate) fn marks(canvas: &mut Canvas, face: &FaceParams, head: &Head, grain: &Grain) {
    let (eye, nose, mouth) = (face.eye_line, face.nose_base, face.mouth);
    let outer = face.eye_gap + face.eye_width;
    for side in SIDES {
        let at = |u: f32, v: f32| [side * u, v];
        let fold = Curve::new(
            at(face.nose_width + 0.015, nose - 0.06),
            at(0.30, nose + 0.06),
            at(0.345, mouth + 0.12),
        );
        canvas.crease(&fold, 0.052, 0.34 * face.folds);
        let ridge = Curve::new(
            at(face.nose_width + 0.08, nose - 0.06),
            at(0.37, nose + 0.06),
            at(0.41, mouth + 0.08),
        );
        canvas.crease(&ridge, 0.05, -0.06 * face.folds);
        let below = Curve::new(
            at(0.27, mouth + 0.06),
            at(0.33, mouth + 0.14),
            at(0.31, mouth + 0.30),
        );
        canvas.crease(&below, 0.042, 0.28 * ramp(face.folds, 0.25, 1.0));
        let bag = Curve::new(
            at(face.eye_gap - 0.9 * face.eye_width, eye + 0.09),
            at(face.eye_gap, eye + 0.26),
            at(outer, eye + 0.08),
        );
        canvas.crease(&bag, 0.045, 0.28 * face.bags);
        canvas.glow(
            [side * face.eye_gap, eye + 0.12],
            [0.20, 0.07],
            scaled(face.skin, 0.72),
            0.5 * face.bags,
        );
        for (rise, reach) in [(-0.10, 0.17), (0.01, 0.20), (0.11, 0.16)] {
            let foot = Curve::new(
                at(outer + 0.035, eye + 0.3 * rise),
                at(outer + 0.10, eye + 0.6 * rise),
                at(outer + reach, eye + 1.3 * rise),
            );
            canvas.crease(&foot, 0.026, 0.24 * face.lines);
        }
        let frown = Curve::new(
            at(0.055, eye - 0.10),
            at(0.045, eye - 0.18),
            at(0.07, eye - 0.26),
        );
        canvas.crease(&frown, 0.030, 0.22 * face.lines);
        // Cheeks fall in and jowls hang.
        canvas.glow(
            [side * 0.50, 0.45],
            [0.17, 0.30],
            scaled(face.skin, 0.66),
            0.40 * face.folds,
        );
        canvas.glow(
            [side * 0.44, 0.80],
            [0.16, 0.10],
            scaled(face.skin, 0.70),
            0.45 * ramp(face.folds, 0.4, 1.0),
        );
    }
    for (i, v) in [-0.36, -0.48, -0.60].into_iter().enumerate() {
        let reach = 0.40 - 0.05 * i as f32;
        let line = Curve::new([-reach, v + 0.03], [0.0, v - 0.05], [reach, v + 0.03]);
        canvas.crease(&line, 0.034, 0.24 * face.lines);
    }
    if face.spots > 0.0 {
        canvas.each([-1.0, -1.0, 1.0, 1.0], |u, v, at| {
            let spot = ramp(grain.at(7.0 * u + 5.0, 7.0 * v + 11.0), 0.80, 0.95);
            if spot > 0.0 && head.distance(u, v) < -0.06 {
                darken(at, 0.16 * spot * face.spots);
            }
        });
    }
}

/// Hair of the lower face, before the mouth is drawn.
pub(crate) fn beard(
    canvas: &mut Canvas,
    face: &FaceParams,
    head: &Head,
    grain: &Grain,
    hair: [f32; 3],
) {
    let strength = match face.beard {
        Beard::None => return,
        Beard::Stubble => 0.30,
        Beard::Moustache | Beard::Full => 0.88,
    };
    let top = face.nose_base + 0.085;
    canvas.each([-1.0, -0.1, 1.0, 1.1], |u, v, at| {
        let out = u.abs();
        let border = if face.beard == Beard::Moustache {
            (out - 0.30)
                .max(v - face.mouth + 0.02 - 0.25 * out)
                .max(top - v)
        } else {
            top - v - 1.5 * (out - 0.36).max(0.0)
        };
        let skin = head.distance(u, v) - 0.02;
        let part = ramp(-border, -0.03, 0.05) * cover(skin, canvas_soft(face.beard));
        if part > 0.0 {
            let strand = 0.65 + 0.7 * grain.at(34.0 * u, 12.0 * v);
            let colour = scaled(hair, strand);
            *at = mix(
                *at,
                colour,
                strength * part * (0.75 + 0.25 * grain.at(25.0 * u + 3.0, 25.0 * v)),
            );
        }
    });
}

/// A full beard stands off the skin and has no sharp border.
fn canvas_soft(beard: Beard) -> f32 {
    if beard == Beard::Full { 0.08 } else { 0.03 }
}
