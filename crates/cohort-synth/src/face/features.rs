//! Eyes, brows, nose and mouth.

use super::canvas::{Canvas, Colour, Curve, cover, darken, ellipse, mix, ramp, scaled};
use super::params::FaceParams;

/// Both sides of the face.
const SIDES: [f32; 2] = [-1.0, 1.0];

/// Draws the features on finished skin.
pub(crate) fn features(canvas: &mut Canvas, face: &FaceParams, hair: Colour) {
    nose(canvas, face);
    mouth(canvas, face);
    for side in SIDES {
        eye(canvas, face, side);
        brow(canvas, face, hair, side);
    }
}

fn eye(canvas: &mut Canvas, face: &FaceParams, side: f32) {
    let (cu, cv) = (side * face.eye_gap, face.eye_line);
    let (width, open) = (face.eye_width, face.eye_open);
    let pixel = canvas.pixel();
    // The socket lies in the shade; paint on the lid deepens it.
    let shadow = 0.12 + 0.10 * face.lid + 0.25 * face.make_up;
    canvas.glow(
        [cu, cv - 0.05],
        [1.7 * width, 0.17],
        scaled(face.skin, 0.55),
        shadow,
    );

    let centre = |u: f32| cv + face.eye_tilt * side * (u - cu) / width;
    let bow = |u: f32| {
        let t = (u - cu) / width;
        (1.0 - t * t).max(0.0)
    };
    let upper = |u: f32| centre(u) - open * bow(u);
    let lower = |u: f32| centre(u) + 0.62 * open * bow(u);
    let bounds = [cu - 1.3 * width, cv - 0.3, cu + 1.3 * width, cv + 0.25];
    // Irises hardly grow, so a child's seem large in its small face.
    let iris = 0.075 + 0.15 * (width - 0.14);
    canvas.each(bounds, |u, v, at| {
        let inside = (upper(u) - v).max(v - lower(u)).max((u - cu).abs() - width);
        let part = cover(inside, pixel);
        if part <= 0.0 {
            return;
        }
        let lit = 0.68 + 0.32 * ramp(v - upper(u), 0.0, 0.07);
        let mut colour = scaled([0.95, 0.93, 0.91], lit);
        let middle = [cu, cv - 0.12 * open];
        let ring = ellipse(u, v, middle, [iris, iris]);
        let tone = scaled(face.iris, 0.75 + 0.5 * ramp(v, cv - iris, cv + iris));
        let rim = mix(tone, scaled(face.iris, 0.4), ramp(ring, -0.3 * iris, 0.0));
        colour = mix(colour, scaled(rim, lit), cover(ring, pixel));
        let pupil = ellipse(u, v, middle, [0.45 * iris, 0.45 * iris]);
        colour = mix(colour, [0.04, 0.03, 0.03], cover(pupil, pixel));
        let glint = ellipse(
            u,
            v,
            [cu - 0.35 * iris, middle[1] - 0.35 * iris],
            [0.28 * iris, 0.28 * iris],
        );
        colour = mix(colour, [1.0; 3], 0.9 * cover(glint, pixel));
        *at = mix(*at, colour, part);
    });

    // Edges of the lids, lashes, and the fold above.
    let lash = 0.014 + 0.018 * face.make_up;
    canvas.each(bounds, |u, v, at| {
        let t = (u - cu) / width;
        if t.abs() > 1.12 {
            return;
        }
        // Lashes grow longer outwards.
        let wing = lash * (1.0 + 0.5 * side * t);
        let edge = (v - upper(u)).abs() - wing;
        *at = mix(*at, [0.14, 0.09, 0.08], 0.85 * cover(edge, pixel));
        let below = (v - lower(u)).abs() - 0.006;
        *at = mix(*at, scaled(face.skin, 0.5), 0.5 * cover(below, pixel));
        let fold = (v - (upper(u) - 0.045)).abs();
        darken(at, 0.12 * face.lid * ramp(0.022 - fold, 0.0, 0.022));
    });
}

fn brow(canvas: &mut Canvas, face: &FaceParams, hair: Colour, side: f32) {
    let (cu, half) = (side * (face.eye_gap + 0.015), 1.2 * face.eye_width + 0.02);
    let cv = face.eye_line - face.eye_open - 0.14 + face.brow_drop;
    let pixel = canvas.pixel();
    let colour = mix(scaled(hair, 0.72), face.skin, 0.08);
    canvas.each([cu - half, cv - 0.12, cu + half, cv + 0.12], |u, v, at| {
        let t = side * (u - cu) / half;
        let middle = cv - 0.045 * (1.0 - (t - 0.25) * (t - 0.25)) + 0.035 * ramp(t, 0.3, 1.0);
        let thick = face.brow * (1.0 - 0.55 * ramp(t, 0.1, 1.0));
        let distance = ((v - middle).abs() - thick).max(half * (t.abs() - 1.0));
        *at = mix(*at, colour, 0.82 * cover(distance, pixel.max(0.02)));
    });
}

fn nose(canvas: &mut Canvas, face: &FaceParams) {
    let (base, width) = (face.nose_base, face.nose_width);
    let shade = scaled(face.skin, 0.60);
    // The side away from the light.
    let dark = if face.light[0] > 0.0 { -1.0 } else { 1.0 };
    let strength = 0.20 + 0.35 * face.light[0].abs();
    let bridge = face.eye_line + 0.02;
    let middle = 0.5 * (bridge + base);
    canvas.glow(
        [dark * 0.10, middle],
        [0.085, 0.62 * (base - bridge)],
        shade,
        strength,
    );
    canvas.glow(
        [-dark * 0.10, middle],
        [0.06, 0.55 * (base - bridge)],
        shade,
        0.18,
    );
    canvas.glow(
        [-dark * 0.015, middle],
        [0.06, 0.6 * (base - bridge)],
        scaled(face.skin, 1.18),
        0.45,
    );
    canvas.glow(
        [0.0, base - 0.05],
        [0.09, 0.07],
        scaled(face.skin, 1.2),
        0.5,
    );
    canvas.glow([0.0, base + 0.055], [1.15 * width, 0.06], shade, 0.55);
    for side in SIDES {
        let wing = Curve::new(
            [side * (width - 0.035), base - 0.10],
            [side * (width + 0.03), base - 0.02],
            [side * (width - 0.03), base + 0.03],
        );
        canvas.crease(&wing, 0.030, 0.24);
        let hole = [side * 0.48 * width, base + 0.012];
        let pixel = canvas.pixel();
        canvas.fill(
            [hole[0] - 0.1, hole[1] - 0.1, hole[0] + 0.1, hole[1] + 0.1],
            scaled(face.skin, 0.30),
            0.85,
            |u, v| ellipse(u, v, hole, [0.30 * width, (0.14 * width).max(0.4 * pixel)]),
        );
    }
}

fn mouth(canvas: &mut Canvas, face: &FaceParams) {
    let (cv, half) = (
        face.mouth,
        face.mouth_width * (1.0 + 0.14 * face.smile.max(0.0)),
    );
    let pixel = canvas.pixel();
    let smile = face.smile.max(0.0);
    let gape = 0.07 * ramp(face.smile, 0.45, 1.0);
    let bow = |u: f32| (1.0 - (u / half) * (u / half)).max(0.0);
    let line = |u: f32| cv - 0.075 * smile * (u / half) * (u / half) - 0.3 * gape;
    let dip = |u: f32| 1.0 - 0.28 * (1.0 - (u / 0.09) * (u / 0.09)).max(0.0);
    let upper = |u: f32| line(u) - (0.72 * face.lips * dip(u) + 0.008) * bow(u).sqrt();
    let gap = |u: f32| line(u) + gape * bow(u);
    let lower = |u: f32| gap(u) + (face.lips + 0.010) * bow(u);
    canvas.glow(
        [0.0, cv + 0.17],
        [0.20, 0.06],
        scaled(face.skin, 0.65),
        0.55,
    );
    canvas.each([-half, cv - 0.25, half, cv + 0.28], |u, v, at| {
        let side = u.abs() - half;
        let lit = 0.86 + 0.22 * ramp(v, line(u), lower(u));
        let lips = (upper(u) - v).max(v - lower(u)).max(side);
        *at = mix(*at, scaled(face.lip_colour, lit), 0.92 * cover(lips, pixel));
        let open = (line(u) - v).max(v - gap(u)).max(side);
        if gape > 0.0 {
            let teeth = mix(
                [0.93, 0.91, 0.86],
                [0.35, 0.12, 0.12],
                ramp(u.abs(), 0.55 * half, 0.95 * half),
            );
            *at = mix(*at, teeth, cover(open, pixel));
        } else {
            let seam = (v - line(u)).abs().max(side) - 0.008;
            *at = mix(*at, scaled(face.lip_colour, 0.35), 0.8 * cover(seam, pixel));
        }
    });
    for side in SIDES {
        canvas.glow(
            [side * half, line(half)],
            [0.05, 0.04],
            scaled(face.skin, 0.45),
            0.6,
        );
    }
}

/// Frames of spectacles.
pub(crate) fn glasses(canvas: &mut Canvas, face: &FaceParams, frame: Colour) {
    let radii = [0.235, 0.185];
    for side in SIDES {
        let centre = [side * (face.eye_gap + 0.01), face.eye_line + 0.035];
        let bounds = [
            centre[0] - 0.3,
            centre[1] - 0.25,
            centre[0] + 0.3,
            centre[1] + 0.25,
        ];
        canvas.fill(bounds, [0.92, 0.95, 1.0], 0.07, |u, v| {
            ellipse(u, v, centre, radii)
        });
        canvas.fill(bounds, frame, 0.92, |u, v| {
            ellipse(u, v, centre, radii).abs() - 0.018
        });
        let hinge = centre[0] + side * radii[0];
        let temple = side * (face.width + 0.02);
        canvas.fill(
            [
                hinge.min(temple),
                centre[1] - 0.1,
                hinge.max(temple),
                centre[1] + 0.02,
            ],
            frame,
            0.9,
            |u, v| {
                let along = (u - hinge) * (u - temple);
                if along > 0.0 {
                    1.0
                } else {
                    (v - centre[1] + 0.04).abs() - 0.018
                }
            },
        );
    }
    let bridge = face.eye_gap + 0.01 - radii[0];
    canvas.fill(
        [-bridge, face.eye_line - 0.1, bridge, face.eye_line + 0.1],
        frame,
        0.9,
        |u, v| {
            (v - face.eye_line - 0.01 - 1.2 * u * u)
                .abs()
                .max(u.abs() - bridge)
                - 0.016
        },
    );
}
