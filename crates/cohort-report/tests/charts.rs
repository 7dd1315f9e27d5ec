//! Charts and sound figures from any data: well formed, finite, and of one look in a page and in a file.

use cohort_report::audio_figures::{self, PitchTrack, Spectrogram};
use cohort_report::{ReportError, Style, charts, svg_to_png};
use proptest::prelude::*;
use roxmltree::{Document, Node};

/// Every kind of picture from the same few numbers and one name.
fn pictures(values: &[f64], name: &str, style: &Style) -> Vec<Result<String, ReportError>> {
    let names: Vec<String> = (0..values.len()).map(|i| format!("{name}{i}")).collect();
    let title = || name.to_owned();
    let points: Vec<(f64, f64)> = values
        .iter()
        .enumerate()
        .map(|(i, v)| (i as f64, *v))
        .collect();
    let samples: Vec<f32> = values.iter().map(|v| *v as f32).collect();
    let bars = charts::BarChart {
        title: title(),
        categories: names.clone(),
        series: vec![
            charts::BarSeries {
                name: title(),
                values: values.to_vec(),
            },
            charts::BarSeries {
                name: "other".into(),
                values: values.iter().rev().copied().collect(),
            },
        ],
        ..charts::BarChart::default()
    };
    let lines = charts::LineChart {
        title: title(),
        x_label: title(),
        series: vec![charts::LineSeries {
            name: title(),
            band: values.iter().map(|v| (v - 1.0, v + 1.0)).collect(),
            points,
            ..charts::LineSeries::default()
        }],
        mark: values.first().map(|v| (*v, title())),
        level: values.last().map(|v| (*v, title())),
        ..charts::LineChart::default()
    };
    let intervals = charts::IntervalChart {
        title: title(),
        rows: values
            .iter()
            .map(|v| charts::IntervalRow {
                label: title(),
                note: title(),
                value: Some(*v),
                interval: Some((v - 0.5, v * 2.0)),
                second: Some(-v),
                band: Some((0.0, *v)),
                ..charts::IntervalRow::default()
            })
            .collect(),
        reference: values.first().map(|v| (*v, title())),
        decimals: 3,
        ..charts::IntervalChart::default()
    };
    let heatmap = charts::HeatMap {
        title: title(),
        rows: names.clone(),
        columns: names.clone(),
        counts: values.iter().map(|_| values.to_vec()).collect(),
        ..charts::HeatMap::default()
    };
    let mut histogram = charts::Histogram::of(values, values.first().copied(), 7);
    histogram.title = title();
    histogram.p95 = values.last().copied();
    let reliability = charts::Reliability {
        title: title(),
        bins: values
            .iter()
            .map(|v| charts::ReliabilityBin {
                confidence: *v,
                accuracy: *v,
                count: 3,
            })
            .collect(),
        ..charts::Reliability::default()
    };
    let stacked = charts::StackedChart {
        title: title(),
        parts: names.clone(),
        rows: vec![charts::StackedRow {
            label: title(),
            values: values.to_vec(),
        }],
        ..charts::StackedChart::default()
    };
    let spectrogram = Spectrogram {
        decibels: &samples,
        bins: 2,
        bin_hz: 100.0,
        hop_s: 0.01,
        lowest_hz: 40.0,
        range_db: 80.0,
    };
    let f0: Vec<Option<f64>> = values.iter().map(|v| Some(*v)).collect();
    let track = PitchTrack {
        f0_hz: &f0,
        hop_s: 0.01,
    };
    let hz: Vec<f64> = (0..values.len()).map(|i| 50.0 * i as f64).collect();
    vec![
        charts::bars(&bars, style),
        charts::bar_panels(name, name, &[bars.clone(), bars], 2, style),
        Ok(charts::lines(&lines, style)),
        Ok(charts::intervals(&intervals, style)),
        charts::heatmap(&heatmap, style),
        charts::histogram(&histogram, style),
        Ok(charts::reliability(&reliability, style)),
        charts::stacked(&stacked, style),
        audio_figures::waveform(name, &samples, 8000, style),
        audio_figures::denoised(name, &samples, &samples, 8000, style),
        audio_figures::onsets(name, &samples, 8000, values, style),
        audio_figures::spectrum(name, &hz, values, style),
        audio_figures::spectrogram(name, &spectrogram, Some(&track), style),
    ]
}

fn check(svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|e| panic!("{e}: {svg}"));
    for node in document.descendants().filter(Node::is_element) {
        for attribute in node.attributes() {
            if [
                "x",
                "y",
                "width",
                "height",
                "cx",
                "cy",
                "r",
                "x1",
                "x2",
                "y1",
                "y2",
                "d",
                "transform",
            ]
            .contains(&attribute.name())
            {
                for number in attribute
                    .value()
                    .split(|c: char| c.is_ascii_alphabetic() || "() ".contains(c))
                    .filter(|part| !part.is_empty())
                {
                    let value: f64 = number.parse().unwrap();
                    assert!(
                        value.is_finite() && value.abs() < 1e5,
                        "{} = {value} in {svg}",
                        attribute.name()
                    );
                }
            }
        }
    }
}

#[test]
fn colours_are_variables_in_a_page_and_values_in_a_file() {
    let values = [0.1, 0.5, 0.0, 0.9];
    for (page, file) in pictures(&values, "name", &Style::page(400.0))
        .into_iter()
        .zip(pictures(&values, "name", &Style::file(400.0)))
    {
        let (page, file) = (page.unwrap(), file.unwrap());
        for (svg, prefix) in [(&page, "var(--"), (&file, "#")] {
            let document = Document::parse(svg).unwrap();
            let colours: Vec<&str> = document
                .descendants()
                .flat_map(|n| ["fill", "stroke"].map(|a| n.attribute(a)))
                .flatten()
                .filter(|c| *c != "none")
                .collect();
            assert!(
                !colours.is_empty() && colours.iter().all(|c| c.starts_with(prefix)),
                "{colours:?}"
            );
        }
        svg_to_png(&file, 1.0).unwrap();
    }
}

#[test]
fn a_file_shows_its_title_and_a_page_leaves_it_to_the_caption() {
    let shown = |svg: &str| {
        let document = Document::parse(svg).unwrap();
        document
            .descendants()
            .filter(|n| n.tag_name().name() == "text")
            .any(|n| n.text() == Some("A title"))
    };
    let chart = charts::LineChart {
        title: "A title".into(),
        ..charts::LineChart::default()
    };
    assert!(shown(&charts::lines(&chart, &Style::file(400.0))));
    assert!(!shown(&charts::lines(&chart, &Style::page(400.0))));
}

#[test]
fn sums_beyond_the_largest_number_stay_inside_the_picture() {
    for values in [
        [f64::MIN, f64::MIN, 1e299, 2.0],
        [f64::MAX, f64::MAX, -0.5, 0.0],
    ] {
        for picture in pictures(&values, "name", &Style::page(400.0)) {
            check(&picture.unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn no_data_breaks_a_picture(
        values in prop::collection::vec(prop_oneof![
            -2.0..2.0f64, any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(0.0), Just(1e300),
            Just(f64::MAX), Just(f64::MIN), Just(f64::MIN_POSITIVE), Just(5e-324), Just(-1e-300),
        ], 0..9),
        name in prop_oneof![Just("</svg><script>".to_owned()), ".{0,20}"],
        width in prop_oneof![200.0..900.0f64, any::<f64>()],
    ) {
        for style in [Style::page(width), Style::file(width)] {
            for svg in pictures(&values, &name, &style).into_iter().flatten() {
                check(&svg);
            }
        }
    }
}
