//! A table of vectors as points of a plane.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::points::Points;
use crate::random::Random;
use crate::trust::{Trustworthiness, trustworthiness};
use crate::{
    Metric, Neighbours, Progress, SearchError, nearest, nearest_approximate, pca, tsne, umap,
};

/// Up to this many vectors, nearest neighbours are exact.
pub const EXACT: usize = 20_000;
/// Neighbours that the quality of a map is judged by.
pub const JUDGED_BY: usize = 15;

/// How a map is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The two principal components.
    Pca,
    /// t-SNE, for who is near whom.
    #[default]
    Tsne,
    /// UMAP, likewise.
    Umap,
}

impl Method {
    /// Name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pca => "PCA",
            Self::Tsne => "t-SNE",
            Self::Umap => "UMAP",
        }
    }
}

impl std::str::FromStr for Method {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "pca" => Ok(Self::Pca),
            "tsne" => Ok(Self::Tsne),
            "umap" => Ok(Self::Umap),
            _ => Err("expected pca, tsne or umap".into()),
        }
    }
}

/// What a map is made with; settings of another method are not looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MapSettings {
    /// The method. Default t-SNE.
    pub method: Method,
    /// What "near" means. Default Euclidean.
    pub metric: Metric,
    /// Seed of all random numbers. Default 0.
    pub seed: u64,
    /// t-SNE: effective number of neighbours, from 1 to a third of the others. Default 30, or as many as fit.
    pub perplexity: Option<f64>,
    /// UMAP: neighbours, the vector itself among them, from 2 to all. Default 15, or as many as fit.
    pub neighbours: Option<usize>,
    /// UMAP: distance in the map below which points are as near as can be, from 0 to below 3. Default 0.1.
    pub min_dist: f64,
    /// t-SNE: iterations after the 250 with exaggeration, default 500. UMAP: epochs, default 500, and 200 for more than
    /// 10,000 vectors.
    pub iterations: Option<usize>,
}

impl Default for MapSettings {
    fn default() -> Self {
        Self {
            method: Method::default(),
            metric: Metric::default(),
            seed: 0,
            perplexity: None,
            neighbours: None,
            min_dist: 0.1,
            iterations: None,
        }
    }
}

/// The settings that a map was made with, each default resolved; only those of its method.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MapRecipe {
    /// The method.
    pub method: Method,
    /// What "near" means.
    pub metric: Metric,
    /// Seed of all random numbers.
    pub seed: u64,
    /// t-SNE's perplexity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub perplexity: Option<f64>,
    /// UMAP's neighbours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbours: Option<usize>,
    /// UMAP's least distance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_dist: Option<f64>,
    /// Iterations or epochs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iterations: Option<usize>,
    /// Whether the nearest neighbours were found exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_neighbours: Option<bool>,
}

impl fmt::Display for MapRecipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} metric", self.method.title(), self.metric.name())?;
        if let Some(perplexity) = self.perplexity {
            write!(f, ", perplexity {perplexity}")?;
        }
        if let Some(neighbours) = self.neighbours {
            write!(f, ", {neighbours} neighbours")?;
        }
        if let Some(min_dist) = self.min_dist {
            write!(f, ", least distance {min_dist}")?;
        }
        if let Some(iterations) = self.iterations {
            write!(f, ", {iterations} iterations")?;
        }
        if self.exact_neighbours == Some(false) {
            write!(f, ", approximate neighbours")?;
        }
        write!(f, ", seed {}", self.seed)
    }
}

/// A map and how far it can be trusted.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// A point a vector, in the table's order. Axes have no meaning of their own, except for PCA, where they are in
    /// units of the table.
    pub points: Vec<[f32; 2]>,
    /// How it was made.
    pub recipe: MapRecipe,
    /// Share of the variance on each axis; PCA only.
    pub explained: Option<[f64; 2]>,
    /// Divergence of the map's similarities from the table's in nats; t-SNE only.
    pub divergence: Option<f64>,
    /// How far it can be trusted.
    pub trustworthiness: Trustworthiness,
}

/// Makes a map. It sees the vectors and nothing else; the same seed gives the same points whatever the number of threads.
///
/// # Errors
/// [`SearchError`]: fewer than 4 vectors, all of them equal, a setting outside its range for this many vectors, or
/// [`SearchError::Stopped`] when `progress` says so.
pub fn map(
    points: &Points,
    settings: &MapSettings,
    progress: &Progress,
) -> Result<Map, SearchError> {
    let n = points.len();
    if n < 4 {
        let found = format!("{n}");
        return Err(SearchError::input("map", "at least 4 vectors", found));
    }
    if points.all_equal() {
        let found = format!("{n} equal ones");
        return Err(SearchError::input("map", "vectors that differ", found));
    }
    let recipe = resolve(settings, n)?;
    let components = pca(points, 2, settings.seed, progress)?;
    let start: Vec<[f64; 2]> = components
        .scores
        .chunks_exact(2)
        .map(|pair| [pair[0], pair[1]])
        .collect();
    let (mut explained, mut divergence) = (None, None);
    let placed = match settings.method {
        Method::Pca => {
            explained = Some([components.explained[0], components.explained[1]]);
            start
        }
        Method::Tsne => {
            let perplexity = recipe.perplexity.unwrap_or(1.0);
            let k = ((3.0 * perplexity) as usize).clamp(1, n - 1);
            let near = neighbours(points, k, settings.seed, progress)?;
            let start = small_start(start, settings.seed);
            let iterations = recipe.iterations.unwrap_or(tsne::ITERATIONS);
            let found = tsne::tsne(&near, start, perplexity, iterations, progress)?;
            divergence = Some(found.divergence);
            found.points
        }
        Method::Umap => {
            let k = recipe.neighbours.unwrap_or(2) - 1;
            let near = neighbours(points, k, settings.seed, progress)?;
            let epochs = recipe.iterations.unwrap_or(umap::EPOCHS);
            umap::umap(
                &near,
                &start,
                settings.min_dist,
                epochs,
                settings.seed,
                progress,
            )?
        }
    };
    let placed: Vec<[f32; 2]> = placed.iter().map(|p| p.map(|v| v as f32)).collect();
    let plane = Points::new(placed.as_flattened(), 2, Metric::Euclidean)?;
    let trustworthiness = trustworthiness(points, &plane, JUDGED_BY, settings.seed, progress)?;
    Ok(Map {
        points: placed,
        recipe,
        explained,
        divergence,
        trustworthiness,
    })
}

impl Map {
    /// The map's points made ready for distances.
    ///
    /// # Errors
    /// Never for a map of [`map()`].
    pub fn plane(&self) -> Result<Points, SearchError> {
        Points::new(self.points.as_flattened(), 2, Metric::Euclidean)
    }
}

fn neighbours(
    points: &Points,
    k: usize,
    seed: u64,
    progress: &Progress,
) -> Result<Neighbours, SearchError> {
    if points.len() <= EXACT {
        nearest(points, k, progress)
    } else {
        nearest_approximate(points, k, seed, progress)
    }
}

/// Checks the settings against the number of vectors and fills in defaults.
fn resolve(settings: &MapSettings, n: usize) -> Result<MapRecipe, SearchError> {
    let mut recipe = MapRecipe {
        method: settings.method,
        metric: settings.metric,
        seed: settings.seed,
        perplexity: None,
        neighbours: None,
        min_dist: None,
        iterations: None,
        exact_neighbours: None,
    };
    if settings.method == Method::Pca {
        return Ok(recipe);
    }
    recipe.exact_neighbours = Some(n <= EXACT);
    if settings.iterations.is_some_and(|i| i == 0 || i > 1_000_000) {
        let found = settings.iterations.unwrap_or_default();
        return Err(SearchError::setting("iterations", "1 to 1000000", found));
    }
    if settings.method == Method::Tsne {
        let most = (n - 1) as f64 / 3.0;
        let perplexity = settings
            .perplexity
            .unwrap_or_else(|| most.floor().clamp(1.0, 30.0));
        if !(1.0..=most).contains(&perplexity) {
            let expected = format!("1 to {most:.1}, a third of the other {} vectors", n - 1);
            return Err(SearchError::setting("perplexity", expected, perplexity));
        }
        recipe.perplexity = Some(perplexity);
        recipe.iterations = Some(settings.iterations.unwrap_or(tsne::ITERATIONS));
    } else {
        let neighbours = settings.neighbours.unwrap_or(15.min(n));
        if !(2..=n).contains(&neighbours) {
            let expected = format!("2 to {n}, the number of vectors");
            return Err(SearchError::setting("neighbours", expected, neighbours));
        }
        if !(0.0..3.0).contains(&settings.min_dist) {
            let expected = "0 to below 3";
            return Err(SearchError::setting(
                "min-dist",
                expected,
                settings.min_dist,
            ));
        }
        let epochs = if n <= 10_000 {
            umap::EPOCHS
        } else {
            umap::EPOCHS_LARGE
        };
        recipe.neighbours = Some(neighbours);
        recipe.min_dist = Some(settings.min_dist);
        recipe.iterations = Some(settings.iterations.unwrap_or(epochs));
    }
    Ok(recipe)
}

/// The first axis scaled to a standard deviation of 1e-4, with noise a hundredth of it so that equal points part.
fn small_start(start: Vec<[f64; 2]>, seed: u64) -> Vec<[f64; 2]> {
    let n = start.len() as f64;
    let variance = start.iter().map(|p| p[0] * p[0]).sum::<f64>() / n;
    let scale = if variance > 0.0 {
        1e-4 / variance.sqrt()
    } else {
        0.0
    };
    let mut random = Random::new(seed, "t-SNE start", 0);
    let mut place = |v: f64| v * scale + 1e-6 * random.normal();
    start.iter().map(|p| [place(p[0]), place(p[1])]).collect()
}
