//! Level over time and frequency, with the pitch track over it.

use super::colour_map::magma;
use crate::ReportError;
use crate::canvas::{Anchor, Area, Canvas, LABEL, SMALL, Style};
use crate::charts::axes::{self, Swatch};
use crate::format;
use crate::palette::Colour;
use crate::raster::data_address;
use crate::scale::{Linear, Ticks};

/// A short-time spectrum in decibels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spectrogram<'a> {
    /// Levels in dB, frame after frame, `bins` values each; bin `b` lies at `b * bin_hz`.
    pub decibels: &'a [f32],
    /// Bins in a frame, 2 or more.
    pub bins: usize,
    /// Distance between bins in Hz: sample rate / FFT length.
    pub bin_hz: f64,
    /// Distance between frames in seconds: hop / sample rate.
    pub hop_s: f64,
    /// Lowest frequency drawn, in Hz; at least one bin. Usual: 40.
    pub lowest_hz: f64,
    /// Range of the colours below the loudest value, in dB. Usual: 80.
    pub range_db: f64,
}

/// A fundamental frequency over time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PitchTrack<'a> {
    /// Fundamental frequency of each frame in Hz, `None` where there is no voice.
    pub f0_hz: &'a [Option<f64>],
    /// Distance between frames in seconds.
    pub hop_s: f64,
}

const ROWS: usize = 300;
const MOST_COLUMNS: usize = 1600;
const PLOT_HEIGHT: f64 = 300.0;

/// Draws a spectrogram over a logarithmic frequency axis in the magma colours, with the pitch track over it.
///
/// The pixels are an embedded PNG of at most 1,600 x 300, so an hour of sound makes no larger file than a minute.
///
/// # Errors
/// [`ReportError::Data`] when there is no whole frame, or a distance or the range is not positive.
pub fn spectrogram(
    title: &str,
    data: &Spectrogram,
    track: Option<&PitchTrack>,
    style: &Style,
) -> Result<String, ReportError> {
    let frames = check(data)?;
    let seconds = frames as f64 * data.hop_s;
    let highest = data.bin_hz * (data.bins - 1) as f64;
    let lowest = data.lowest_hz.max(data.bin_hz).min(highest * 0.5);
    let header = Canvas::header(style);
    let width = style.safe_width();
    let entries: Vec<_> = track
        .iter()
        .map(|_| ("fundamental frequency", Colour::Track, Swatch::Line))
        .collect();
    let names: Vec<&str> = entries.iter().map(|e| e.0).collect();
    let legend = axes::legend_height(&names, width);
    let below = axes::x_axis_height("time");
    let height = header + legend + PLOT_HEIGHT + below + 12.0;
    let description = format!("{seconds:.2} seconds, {lowest:.0} to {highest:.0} Hz.");
    let mut canvas = Canvas::new(style, height, title, &description);
    let area = Area {
        left: 58.0,
        top: header + legend + 6.0,
        right: width - 70.0,
        bottom: height - below - 6.0,
    };
    axes::legend(
        &mut canvas,
        Area {
            left: 12.0,
            top: header + 2.0,
            right: width - 4.0,
            bottom: height,
        },
        &entries,
    );

    let loudest = data
        .decibels
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .fold(f32::MIN, f32::max);
    let loudest = if loudest > f32::MIN {
        f64::from(loudest)
    } else {
        0.0
    };
    let floor = loudest - data.range_db;
    let columns = frames
        .min(MOST_COLUMNS)
        .min((area.width() * 2.0) as usize)
        .max(1);
    let pixels = pixels(data, frames, columns, (lowest, highest), (floor, loudest));
    canvas.image(area, &data_address(columns as u32, ROWS as u32, &pixels)?);

    let x = Linear::new((0.0, seconds), (area.left, area.right));
    let y = Linear::new((lowest.ln(), highest.ln()), (area.bottom, area.top));
    axes::x_axis(
        &mut canvas,
        area,
        &x,
        &Ticks::new((0.0, seconds), 8),
        "time (s)",
        false,
    );
    for (hz, label) in frequency_ticks(lowest, highest) {
        let at = y.at(hz.ln());
        canvas.line(
            (area.left - 4.0, at),
            (area.left, at),
            Colour::Muted,
            1.0,
            None,
        );
        canvas.text(
            (area.left - 7.0, at + 4.0),
            SMALL,
            Anchor::End,
            Colour::Muted,
            &label,
        );
    }
    let middle = (area.top + area.bottom) / 2.0;
    canvas.turned(
        (14.0, middle),
        Anchor::Middle,
        Colour::Muted,
        -90.0,
        "frequency (Hz)",
    );
    if let Some(track) = track {
        draw_track(&mut canvas, track, &x, &y);
    }
    colour_bar(&mut canvas, area, (floor, loudest))?;
    Ok(canvas.finish())
}

fn check(data: &Spectrogram) -> Result<usize, ReportError> {
    let frames = data.decibels.len().checked_div(data.bins).unwrap_or(0);
    let positive = |v: f64| v.is_finite() && v > 0.0;
    let sound = positive(data.bin_hz) && positive(data.hop_s) && positive(data.range_db);
    if data.bins < 2 || frames == 0 || frames * data.bins != data.decibels.len() || !sound {
        return Err(ReportError::Data {
            operation: "spectrogram",
            expected: "whole frames of two bins or more, and positive distances and range".into(),
            found: format!(
                "{} values in frames of {}, {} Hz, {} s, {} dB",
                data.decibels.len(),
                data.bins,
                data.bin_hz,
                data.hop_s,
                data.range_db
            ),
        });
    }
    Ok(frames)
}

/// RGB rows from the top. A pixel that covers several bins or frames takes the loudest bin of their mean,
/// so that harmonics stay lines; one between bins is interpolated.
fn pixels(
    data: &Spectrogram,
    frames: usize,
    columns: usize,
    hz: (f64, f64),
    db: (f64, f64),
) -> Vec<u8> {
    let mut out = vec![0u8; columns * ROWS * 3];
    let step = (hz.1 / hz.0).powf(1.0 / ROWS as f64);
    let bins_of_row: Vec<(f64, f64)> = (0..ROWS)
        .map(|row| {
            let top = hz.1 / step.powi(row as i32);
            (top / step / data.bin_hz, top / data.bin_hz)
        })
        .collect();
    let mut mean = vec![0f32; data.bins];
    for column in 0..columns {
        let from = column * frames / columns;
        let to = ((column + 1) * frames / columns).max(from + 1);
        mean.fill(0.0);
        for frame in data
            .decibels
            .chunks_exact(data.bins)
            .skip(from)
            .take(to - from)
        {
            for (sum, value) in mean.iter_mut().zip(frame) {
                // A silent bin may be minus infinity; the floor of the colours stands for it.
                let value = if value.is_nan() {
                    db.0 as f32
                } else {
                    value.max(db.0 as f32)
                };
                *sum += value / (to - from) as f32;
            }
        }
        for (row, (low, high)) in bins_of_row.iter().enumerate() {
            let value = level(&mean, *low, *high);
            let share = (f64::from(value) - db.0) / (db.1 - db.0);
            let at = (row * columns + column) * 3;
            if let Some(pixel) = out.get_mut(at..at + 3) {
                pixel.copy_from_slice(&magma(share as f32));
            }
        }
    }
    out
}

/// Level between two places on the bin axis: the loudest bin inside, or the interpolated value at their middle.
fn level(bins: &[f32], low: f64, high: f64) -> f32 {
    let (first, last) = (low.ceil() as usize, high.floor() as usize);
    let inside = if first <= last {
        bins.get(first..(last + 1).min(bins.len()))
    } else {
        None
    };
    if let Some(inside) = inside.filter(|i| i.len() > 1) {
        return inside.iter().copied().fold(f32::MIN, f32::max);
    }
    let middle = (low + high) / 2.0;
    let below = middle.floor() as usize;
    let at = |i: usize| {
        bins.get(i.min(bins.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f32::MIN)
    };
    let share = (middle - middle.floor()) as f32;
    at(below) * (1.0 - share) + at(below + 1) * share
}

fn draw_track(canvas: &mut Canvas, track: &PitchTrack, x: &Linear, y: &Linear) {
    let place = |(i, hz): (usize, &Option<f64>)| {
        let hz = hz.filter(|v| v.is_finite() && *v > 0.0)?;
        let (time, pitch) = (i as f64 * track.hop_s, hz.ln());
        let seen =
            (x.domain.0..=x.domain.1).contains(&time) && (y.domain.0..=y.domain.1).contains(&pitch);
        seen.then(|| (x.at(time), y.at(pitch)))
    };
    let places: Vec<Option<(f64, f64)>> = track.f0_hz.iter().enumerate().map(place).collect();
    for run in places.split(Option::is_none) {
        let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
        match run.as_slice() {
            [] => {}
            [only] => canvas.circle(*only, 1.6, Colour::Track, false, None),
            run => {
                // The dark edge keeps the line visible over the brightest colours.
                canvas.polyline(run, Colour::TrackEdge, 4.0, None);
                canvas.polyline(run, Colour::Track, 2.0, None);
            }
        }
    }
}

fn colour_bar(canvas: &mut Canvas, area: Area, db: (f64, f64)) -> Result<(), ReportError> {
    let rows: Vec<u8> = (0..128)
        .rev()
        .flat_map(|i| magma(i as f32 / 127.0))
        .collect();
    let bar = Area {
        left: area.right + 14.0,
        right: area.right + 26.0,
        ..area
    };
    canvas.image(bar, &data_address(1, 128, &rows)?);
    let scale = Linear::new(db, (bar.bottom, bar.top));
    let ticks = Ticks::new(db, 5);
    for value in &ticks.values {
        let at = (bar.right + 5.0, scale.at(*value) + 4.0);
        canvas.text(
            at,
            SMALL,
            Anchor::Start,
            Colour::Muted,
            &ticks.label(*value),
        );
    }
    canvas.text(
        (bar.right + 38.0, bar.top - 2.0),
        LABEL,
        Anchor::End,
        Colour::Muted,
        "dB",
    );
    Ok(())
}

/// 1, 2 and 5 times the powers of ten inside a range of frequencies, with labels such as `2k`.
pub(super) fn frequency_ticks(lowest: f64, highest: f64) -> Vec<(f64, String)> {
    let mut ticks = Vec::new();
    for power in 0..6 {
        for factor in [1.0, 2.0, 5.0] {
            let hz = factor * 10f64.powi(power);
            if hz >= lowest * 0.999 && hz <= highest * 1.001 {
                let label = if hz >= 1000.0 {
                    format!("{}k", hz / 1000.0)
                } else {
                    format::general(hz)
                };
                ticks.push((hz, label));
            }
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(bins: usize, frames: usize, loud: usize) -> Vec<f32> {
        (0..frames * bins)
            .map(|i| if i % bins == loud { -10.0 } else { -90.0 })
            .collect()
    }

    fn data(decibels: &[f32], bins: usize) -> Spectrogram<'_> {
        Spectrogram {
            decibels,
            bins,
            bin_hz: 31.25,
            hop_s: 0.016,
            lowest_hz: 40.0,
            range_db: 80.0,
        }
    }

    #[test]
    fn a_tone_is_brightest_at_its_frequency() {
        let decibels = tone(129, 20, 32);
        let found = pixels(
            &data(&decibels, 129),
            20,
            10,
            (40.0, 4000.0),
            (-90.0, -10.0),
        );
        let light: Vec<u32> = (0..ROWS)
            .map(|r| {
                found[r * 30..r * 30 + 3]
                    .iter()
                    .map(|v| u32::from(*v))
                    .sum()
            })
            .collect();
        let brightest = light.iter().enumerate().max_by_key(|(_, v)| **v).unwrap().0;
        let hz = 4000.0 * (40.0f64 / 4000.0).powf((brightest as f64 + 0.5) / ROWS as f64);
        assert!(
            (hz / 1000.0 - 1.0).abs() < 0.03,
            "1000 Hz drawn at {hz:.0} Hz"
        );
    }

    #[test]
    fn ticks_of_frequency() {
        let labels: Vec<String> = frequency_ticks(40.0, 4000.0)
            .into_iter()
            .map(|t| t.1)
            .collect();
        assert_eq!(labels, ["50", "100", "200", "500", "1k", "2k"]);
    }

    #[test]
    fn the_track_breaks_where_there_is_no_voice() {
        let decibels = tone(129, 20, 32);
        let f0_hz = [
            Some(120.0),
            Some(121.0),
            None,
            Some(f64::NAN),
            Some(130.0),
            Some(131.0),
            Some(132.0),
        ];
        let track = PitchTrack {
            f0_hz: &f0_hz,
            hop_s: 0.016,
        };
        let svg = spectrogram("t", &data(&decibels, 129), Some(&track), &Style::default()).unwrap();
        assert_eq!(
            svg.matches("<path").count(),
            4,
            "two runs, each with its edge"
        );
        assert_eq!(svg.matches("data:image/png;base64,").count(), 2);
    }

    #[test]
    fn bad_input_is_an_error_and_silence_is_not() {
        let style = Style::default();
        assert!(spectrogram("t", &data(&[], 129), None, &style).is_err());
        assert!(spectrogram("t", &data(&[0.0; 130], 129), None, &style).is_err());
        assert!(
            spectrogram(
                "t",
                &Spectrogram {
                    hop_s: 0.0,
                    ..data(&[0.0; 129], 129)
                },
                None,
                &style
            )
            .is_err()
        );
        for level in [f32::NEG_INFINITY, f32::NAN, 0.0] {
            assert!(spectrogram("t", &data(&[level; 258], 129), None, &style).is_ok());
        }
    }
}
