//! Maps of vectors.

use cohort_search::{JUDGED_BY, MapSettings, Method, Metric, Points, agreement};
use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::errors::Refused;
use super::work::{apart, here};

/// Makes a map of row-major vectors. `asked` holds the settings of the public function that were given; `labels` are numbers
/// of labels, negative for none. Gives the points (row-major, two a vector) and what is said of them as JSON.
#[pyfunction]
#[allow(clippy::too_many_arguments)]
pub(crate) fn map<'py>(
    py: Python<'py>,
    vectors: PyReadonlyArray1<'py, f32>,
    dim: usize,
    asked: &Bound<'_, PyDict>,
    labels: Option<Vec<i64>>,
    subjects: Option<Vec<usize>>,
    progress: Option<Py<PyAny>>,
    threads: usize,
) -> PyResult<(Bound<'py, PyArray1<f32>>, String)> {
    let settings = settings(asked)?;
    // owned, so that a call that Ctrl-C ends leaves nothing that reads the caller's array
    let given = vectors.as_slice()?;
    let points = here(py, || Ok(Points::new(given, dim, settings.metric)?))?;
    let (placed, said) = apart(py, threads, progress, move |watch| {
        let told = |stage: &str, done, total| watch.tell(stage, done, total);
        let map = cohort_search::map(&points, &settings, &told)?;
        let agreed = match &labels {
            None => None,
            Some(labels) => {
                let labels: Vec<Option<usize>> = labels
                    .iter()
                    .map(|&label| usize::try_from(label).ok())
                    .collect();
                let plane = map.plane()?;
                agreement(
                    &points,
                    &plane,
                    &labels,
                    subjects.as_deref(),
                    JUDGED_BY,
                    settings.seed,
                    &told,
                )?
            }
        };
        let giants: Vec<serde_json::Value> = points
            .giants()
            .into_iter()
            .map(|(row, times)| serde_json::json!({ "row": row, "times": times }))
            .collect();
        let said = serde_json::json!({
            "vectors": points.len(),
            "dim": points.dim(),
            "recipe": map.recipe,
            "trustworthiness": map.trustworthiness,
            "explained": map.explained,
            "divergence": map.divergence,
            "agreement": agreed,
            "giants": giants,
        });
        Ok((map.points.concat(), said.to_string()))
    })?;
    Ok((PyArray1::from_vec(py, placed), said))
}

fn settings(asked: &Bound<'_, PyDict>) -> PyResult<MapSettings> {
    let py = asked.py();
    let mut settings = MapSettings::default();
    for (key, value) in asked {
        let key: String = key.extract()?;
        match key.as_str() {
            "method" => settings.method = named::<Method>(py, &key, value.extract()?)?,
            "metric" => settings.metric = named::<Metric>(py, &key, value.extract()?)?,
            "seed" => settings.seed = value.extract()?,
            "perplexity" => settings.perplexity = value.extract()?,
            "neighbours" => settings.neighbours = value.extract()?,
            "min_dist" => settings.min_dist = value.extract()?,
            "iterations" => settings.iterations = value.extract()?,
            other => return Err(Refused::new("map", "a setting of a map", other).raise(py)),
        }
    }
    Ok(settings)
}

fn named<T: std::str::FromStr<Err = String>>(
    py: Python<'_>,
    name: &str,
    value: &str,
) -> PyResult<T> {
    value.parse().map_err(|expected: String| {
        let expected = expected.trim_start_matches("expected ").to_owned();
        Refused::new(name, expected, format!("{value:?}")).raise(py)
    })
}
