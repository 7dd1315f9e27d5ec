//! A data set enlarged by changed copies of its training pictures, as class folders.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use cohort_tables::{FolderLock, content_hash, csv_line, remove_unfinished, write_atomic};
use cohort_vision::{Recipe, encode_jpeg};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::{DataError, quoted};
use crate::files;
use crate::layout::Part;
use crate::readers::UNITS;

/// File that says what a folder was made by.
const MANIFEST: &str = "augmented.json";

/// Largest file of recipes, in bytes.
const RECIPES_LIMIT: u64 = 1 << 20;

/// How a data set is enlarged.
#[derive(Debug, Clone, PartialEq)]
pub struct AugmentSettings {
    /// The recipes, each of which makes one copy of every training picture.
    pub recipes: Vec<Recipe>,
    /// JPEG quality of the copies, 1 to 100. Default 95.
    pub quality: u8,
}

impl Default for AugmentSettings {
    fn default() -> Self {
        Self {
            recipes: Recipe::built_in().to_vec(),
            quality: 95,
        }
    }
}

/// What was made; serialises as the JSON document `cohort.augmented/1`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Augmented {
    /// `cohort.augmented/1`.
    pub schema: String,
    /// Name of the data set that it was made of.
    pub dataset: String,
    /// The recipes.
    pub recipes: Vec<RecipeEntry>,
    /// JPEG quality of the copies.
    pub quality: u8,
    /// Pictures of each split by its name, those that were copied and those that were made.
    pub splits: BTreeMap<String, [usize; 2]>,
    /// Hash of the names and classes of the originals.
    pub originals: String,
}

/// A recipe as it is written in TOML and in the document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecipeEntry {
    /// Its name; in TOML the key of its table.
    pub name: String,
    /// [`Recipe::rotation`].
    pub rotation: f64,
    /// [`Recipe::shift`].
    pub shift: [f64; 2],
    /// [`Recipe::zoom`].
    pub zoom: f64,
    /// [`Recipe::flip`].
    pub flip: bool,
    /// [`Recipe::brightness`].
    pub brightness: f64,
}

impl Default for RecipeEntry {
    fn default() -> Self {
        Self::from(&Recipe::default())
    }
}

impl From<&Recipe> for RecipeEntry {
    fn from(recipe: &Recipe) -> Self {
        Self {
            name: recipe.name.clone(),
            rotation: recipe.rotation,
            shift: recipe.shift,
            zoom: recipe.zoom,
            flip: recipe.flip,
            brightness: recipe.brightness,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeFile {
    recipe: BTreeMap<String, RecipeEntry>,
}

/// Recipes of a TOML file, a table `[recipe.NAME]` each with `rotation`, `shift`, `zoom`, `flip` and `brightness`, of which those
/// that are left out change nothing.
///
/// # Errors
/// [`DataError`] when the file cannot be read, has another key, or a recipe a number that is out of its range.
pub fn read_recipes(path: &Path) -> Result<Vec<Recipe>, DataError> {
    let text = files::read_text(path, RECIPES_LIMIT)?;
    let file: RecipeFile = toml::from_str(&text).map_err(|error| {
        let before = text.as_bytes().iter();
        let row = error.span().map_or(1, |span| {
            1 + before.take(span.start).filter(|&&b| b == b'\n').count() as u64
        });
        let message = error.message().trim().replace('\n', " ");
        DataError::row(path, row, "recipes ([recipe.NAME])", message)
    })?;
    let recipes = file.recipe.into_iter().map(|(name, entry)| Recipe {
        name,
        rotation: entry.rotation,
        shift: entry.shift,
        zoom: entry.zoom,
        flip: entry.flip,
        brightness: entry.brightness,
    });
    let recipes: Vec<Recipe> = recipes.collect();
    for recipe in &recipes {
        recipe
            .validate()
            .map_err(|(expected, found)| DataError::file(path, expected, found))?;
    }
    Ok(recipes)
}

/// One file to be written.
struct Task<'a> {
    from: &'a Path,
    to: PathBuf,
    recipe: Option<&'a Recipe>,
}

/// Writes class folders of a data set into `out`: every split's pictures as they are, byte for byte, and beside those of the
/// training split one copy by each recipe, `NAME_N.jpg` with N the place of its original among those of its class, from 0.
/// `units.csv` ties each copy to its original, so that no split made later tears them apart.
///
/// Files that are there already are kept, so that a call that was broken off goes on; a folder that was made by other settings or
/// of other pictures is refused. `progress` is told how many files are done, and of how many, from several threads.
///
/// # Errors
/// [`DataError`] when an item has no picture or cannot be decoded, when two would get one name, or when nothing can be written.
pub fn augment(
    dataset: &Dataset,
    out: &Path,
    settings: &AugmentSettings,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Result<Augmented, DataError> {
    refuse_settings(dataset, out, settings)?;
    let train = dataset
        .splits
        .iter()
        .find(|split| Part::of(&split.name) == Some(Part::Train));
    if train.is_none() {
        let found: Vec<&str> = dataset.splits.iter().map(|split| &*split.name).collect();
        return Err(DataError::file(
            &dataset.root,
            "a training split",
            found.join(", "),
        ));
    }
    let mut plan = Plan::default();
    for split in &dataset.splits {
        let recipes = match Part::of(&split.name) {
            Some(Part::Train) => settings.recipes.as_slice(),
            _ => &[],
        };
        plan.add(dataset, split, recipes, out)?;
    }
    let document = Augmented {
        schema: "cohort.augmented/1".into(),
        dataset: dataset.schema.name.clone(),
        recipes: settings.recipes.iter().map(RecipeEntry::from).collect(),
        quality: settings.quality,
        splits: plan.counts,
        originals: content_hash(plan.originals.as_bytes()),
    };
    let _lock = begin(out, &document)?;
    let (done, total) = (AtomicUsize::new(0), plan.tasks.len());
    plan.tasks.par_iter().try_for_each(|task| {
        if !task.to.exists() {
            write(task, settings.quality)?;
        }
        progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
        Ok::<(), DataError>(())
    })?;
    write_atomic(&out.join(UNITS), plan.units.as_bytes())?;
    Ok(document)
}

fn refuse_settings(
    dataset: &Dataset,
    out: &Path,
    settings: &AugmentSettings,
) -> Result<(), DataError> {
    let mut names: Vec<&str> = settings
        .recipes
        .iter()
        .map(|recipe| &*recipe.name)
        .collect();
    names.sort_unstable();
    if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(DataError::file(
            out,
            "every recipe once",
            format!("{} twice", twice[0]),
        ));
    }
    for recipe in &settings.recipes {
        recipe
            .validate()
            .map_err(|(expected, found)| DataError::file(out, expected, found))?;
    }
    let whole = |path: &Path| path.canonicalize().ok();
    let inside = out
        .ancestors()
        .find_map(whole)
        .zip(whole(&dataset.root))
        .is_some_and(|(out, root)| out.starts_with(root));
    if inside {
        let expected = "a folder outside of the data set that is enlarged";
        return Err(DataError::file(
            out,
            expected,
            format!("one in {}", dataset.root.display()),
        ));
    }
    Ok(())
}

#[derive(Default)]
struct Plan<'a> {
    tasks: Vec<Task<'a>>,
    /// What each written file is of.
    names: HashMap<PathBuf, String>,
    counts: BTreeMap<String, [usize; 2]>,
    /// Rows of [`UNITS`].
    units: String,
    originals: String,
}

impl<'a> Plan<'a> {
    fn add(
        &mut self,
        dataset: &'a Dataset,
        split: &'a crate::Split,
        recipes: &'a [Recipe],
        out: &Path,
    ) -> Result<(), DataError> {
        let root = &dataset.root;
        let (Some(at), Some(target)) = (
            dataset.schema.target_index(),
            dataset.schema.target_attribute(),
        ) else {
            return Err(DataError::file(root, "items with one class each", "none"));
        };
        if self.units.is_empty() {
            self.units = "path,unit\n".into();
        }
        let mut by_class: BTreeMap<usize, Vec<&crate::Clip>> = BTreeMap::new();
        for clip in &split.clips {
            by_class.entry(clip.levels[at]).or_default().push(clip);
        }
        let mut counts = [0; 2];
        for (level, mut clips) in by_class {
            clips.sort_by(|a, b| a.id.cmp(&b.id));
            let class = &target.levels[level].code;
            if files::leaves(class) || class.contains('/') || class.starts_with('.') {
                return Err(DataError::file(
                    root,
                    "classes that can be names of folders",
                    quoted(class),
                ));
            }
            for (number, clip) in clips.into_iter().enumerate() {
                let Some(from) = clip.picture() else {
                    let expected = format!("a picture of {}", clip.id);
                    return Err(DataError::file(root, expected, "none"));
                };
                let file = from.file_name().map(|name| name.to_string_lossy());
                let file = file.unwrap_or_default().into_owned();
                let below = |file: &str| format!("{}/{class}/{file}", split.name);
                let original = below(&file);
                self.originals += &format!("{original}\n");
                self.units += &csv_line([original.as_str(), &original]);
                self.task(from, out.join(&original), None)?;
                counts[0] += 1;
                for recipe in recipes {
                    let made = below(&format!("{}_{number}.jpg", recipe.name));
                    self.units += &csv_line([made.as_str(), &original]);
                    self.task(from, out.join(&made), Some(recipe))?;
                    counts[1] += 1;
                }
            }
        }
        self.counts.insert(split.name.clone(), counts);
        Ok(())
    }

    fn task(
        &mut self,
        from: &'a Path,
        to: PathBuf,
        recipe: Option<&'a Recipe>,
    ) -> Result<(), DataError> {
        if let Some(other) = self.names.insert(to.clone(), from.display().to_string()) {
            let expected = "files of different names, of one class and split";
            return Err(DataError::file(
                &to,
                expected,
                format!("{other} and {}", from.display()),
            ));
        }
        self.tasks.push(Task { from, to, recipe });
        Ok(())
    }
}

/// Takes the folder, and refuses one that holds something else.
fn begin(out: &Path, document: &Augmented) -> Result<FolderLock, DataError> {
    let is_new = crate::folder::entries_if_any(out)?.0.is_empty();
    let lock = FolderLock::take(out)?;
    let path = out.join(MANIFEST);
    let before = fs::read(&path).ok();
    let before = before.and_then(|bytes| serde_json::from_slice::<Augmented>(&bytes).ok());
    match before {
        Some(before) if before == *document => {}
        None if is_new => {}
        found => {
            let expected = "an empty folder, or one that was made of the same pictures by the same recipes and quality";
            let found = match found {
                Some(_) => "one that was made otherwise",
                None => "other files",
            };
            return Err(DataError::file(out, expected, found));
        }
    }
    remove_unfinished(out, 2)?;
    let mut json = serde_json::to_vec_pretty(document)
        .map_err(|error| DataError::file(&path, "a document", error.to_string()))?;
    json.push(b'\n');
    write_atomic(&path, &json)?;
    Ok(lock)
}

fn write(task: &Task<'_>, quality: u8) -> Result<(), DataError> {
    let bytes = match task.recipe {
        None => fs::read(task.from).map_err(|source| DataError::read(task.from, source))?,
        Some(recipe) => {
            let picture = cohort_vision::decode(task.from)?;
            encode_jpeg(&recipe.apply(&picture), quality)?
        }
    };
    if let Some(folder) = task.to.parent() {
        fs::create_dir_all(folder).map_err(|source| DataError::Write {
            path: folder.to_path_buf(),
            source,
        })?;
    }
    Ok(write_atomic(&task.to, &bytes)?)
}
