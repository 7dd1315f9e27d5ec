//! Pictures as vectors: which encoder, opened and held against the index's.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use clap::Args;
use cohort_data::{DataError, Dataset, Layout, folder};
use cohort_pipeline::{
    Backbone, ClipMedia, DeviceChoice, Encoder, EncoderSettings, FaceFeatureConfig, Features,
    RunConfig, TextEncoder, TextFeatureConfig,
};
use cohort_search::{EncoderRecord, Index, PictureRoot};
use cohort_tables::{EmbeddingTable, IMAGE_EXTENSIONS, counted, relative};

use super::making::Making;
use crate::commands::named::{DEVICES, named};
use crate::shell::Shell;

/// What looks at pictures.
#[derive(Debug, Args)]
pub(super) struct EncoderArgs {
    /// The network that looks at pictures, what it sees before its output layer being their vectors
    #[arg(long, value_name = "NETWORK", requires = "weights", value_parser = named::<Backbone>(Backbone::ALL.map(Backbone::name)))]
    backbone: Option<Backbone>,
    /// Weights of that network: a PyTorch or safetensors file, or hf:org/name:file
    #[arg(long, value_name = "FILE", requires = "backbone")]
    weights: Option<String>,
    /// Share of the picture, about its middle, that the network sees [default: 1]
    #[arg(long, value_name = "SHARE", requires = "backbone")]
    crop: Option<f64>,
    /// Folder of a face detector (MTCNN: pnet.pt, rnet.pt, onet.pt); the network then sees the largest face of every picture
    #[arg(long, value_name = "DIR", requires = "backbone")]
    detector: Option<String>,
    /// The probabilities of the network's own classes instead, for `search bridge`
    #[arg(long, requires = "backbone")]
    scores: bool,
    /// Run folder of `cohort train embedding` (or its checkpoint), whose network looks at pictures
    #[arg(long, value_name = "RUN", conflicts_with = "backbone")]
    run: Option<PathBuf>,
    /// Folder of a CLIP, OpenCLIP or SigLIP, or hf:org/name: pictures and words in one space
    #[arg(long, value_name = "DIR", conflicts_with_all = ["backbone", "run"])]
    model: Option<String>,
    /// Run folder of `cohort train pairs`: its heads on what the options above see and --text-encoder reads
    #[arg(long, value_name = "RUN", requires = "text_encoder")]
    heads: Option<PathBuf>,
    /// Names of the classes that the network was trained on, one a line: pictures become the names of their classes
    #[arg(
        long,
        value_name = "FILE",
        requires = "backbone",
        requires = "text_encoder",
        conflicts_with = "heads"
    )]
    names: Option<PathBuf>,
    /// Classes of a picture that count, with --names
    #[arg(long, value_name = "N", requires = "names", default_value_t = 10)]
    top: usize,
    /// What reads words, where that is no --model: ngrams, bert or fasttext
    #[arg(long, value_name = "ENCODER", value_parser = named::<TextEncoder>(["ngrams", "bert", "fasttext"]))]
    text_encoder: Option<TextEncoder>,
    /// Its model: a folder or hf:org/name (bert), a file of word vectors (fasttext)
    #[arg(long, value_name = "PATH", requires = "text_encoder")]
    text_weights: Option<PathBuf>,
}

impl EncoderArgs {
    /// The settings of the encoder of pictures that was named, `folder` being what it is for.
    ///
    /// # Errors
    /// None was named.
    pub(super) fn settings(&self, folder: &Path) -> anyhow::Result<EncoderSettings> {
        let pictures = self.of_pictures(folder)?;
        let Some(words) = self.of_words() else {
            return Ok(pictures);
        };
        let (pictures, words) = (Box::new(pictures), Box::new(words));
        match (&self.heads, &self.names) {
            (Some(run), _) => Ok(EncoderSettings::Heads {
                run: run.clone(),
                pictures,
                words,
            }),
            (None, Some(names)) => Ok(EncoderSettings::Bridge {
                scores: pictures,
                names: names.clone(),
                words,
                top: self.top,
            }),
            (None, None) => bail!(
                "--text-encoder: expected --heads or --names, which bring words and pictures into one space, found neither"
            ),
        }
    }

    /// Whether words and pictures are brought into one space, or both are seen by one model.
    pub(super) fn joins(&self) -> bool {
        self.heads.is_some() || self.names.is_some()
    }

    /// The settings of what reads words, where a text encoder was named.
    pub(super) fn of_words(&self) -> Option<EncoderSettings> {
        Some(EncoderSettings::Text(TextFeatureConfig {
            encoder: self.text_encoder?,
            weights: self.text_weights.clone(),
            ..RunConfig::default().features.text
        }))
    }

    fn of_pictures(&self, folder: &Path) -> anyhow::Result<EncoderSettings> {
        if let Some(run) = &self.run {
            return Ok(EncoderSettings::Embedding { run: run.clone() });
        }
        if let Some(weights) = &self.model {
            return Ok(EncoderSettings::Clip {
                weights: weights.clone(),
            });
        }
        let Some(backbone) = self.backbone else {
            bail!(
                "{}: expected --model, or --backbone and --weights, or --run, to look at its pictures with, found none of them",
                folder.display()
            );
        };
        Ok(EncoderSettings::Network(FaceFeatureConfig {
            backbone,
            weights: self.weights.clone().unwrap_or_default(),
            crop: self.crop.unwrap_or(1.0),
            detector: self.detector.clone().unwrap_or_default(),
            scores: self.scores || self.names.is_some(),
        }))
    }

    /// An option that was given.
    pub(super) fn given(&self) -> Option<&'static str> {
        let backbone = self.backbone.map(|_| "--backbone");
        let run = self.run.as_ref().map(|_| "--run");
        let model = self.model.as_ref().map(|_| "--model");
        let words = self.text_encoder.map(|_| "--text-encoder");
        backbone.or(run).or(model).or(words)
    }
}

/// How pictures are looked at.
#[derive(Debug, Args)]
pub(super) struct LookArgs {
    /// Where networks are computed
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = named::<DeviceChoice>(DEVICES))]
    pub(super) device: DeviceChoice,
    /// Leave out and list pictures that cannot be used
    #[arg(long)]
    pub(super) skip_bad: bool,
}

/// The pictures of folders as vectors, with what is to be known of them.
pub(super) struct Encoded {
    pub(super) table: EmbeddingTable,
    pub(super) record: EncoderRecord,
    pub(super) distance: &'static str,
}

/// Encodes the pictures of folders for an index that is being made.
pub(super) fn encode(
    folders: &[PathBuf],
    encoder: &EncoderArgs,
    look: &LookArgs,
    making: &Making,
    shell: &Shell,
) -> anyhow::Result<Encoded> {
    let settings = encoder.settings(&folders[0])?;
    let (pictures, roots) = pictures_of(folders, shell)?;
    let encoder = Encoder::open(&settings, look.device, shell)?;
    let seen = settings.seen_from(making.folder());
    let mut record = EncoderRecord::new(serde_json::to_value(seen)?, encoder.hash());
    record.roots = seen_from(making.folder(), roots);
    Ok(Encoded {
        table: table(&encoder, &pictures, look, making, shell)?,
        record,
        distance: encoder.distance(),
    })
}

/// Encodes the pictures of folders as those of an index were.
pub(super) fn encode_more(
    index: &Index,
    folders: &[PathBuf],
    look: &LookArgs,
    making: &Making,
    shell: &Shell,
) -> anyhow::Result<Encoded> {
    let mut record = record_of(index, &folders[0])?;
    let (pictures, roots) = pictures_of(folders, shell)?;
    let known = index.rows_by_id();
    if let Some(again) = pictures.iter().find(|one| known.contains_key(&*one.clip)) {
        bail!(
            "{}: expected pictures that it does not hold yet, found {:?} again; `cohort search delete` deletes it",
            index.folder().display(),
            again.clip
        );
    }
    let encoder = open(index, &record, look, shell)?;
    for root in seen_from(index.folder(), roots) {
        if !record.roots.contains(&root) {
            record.roots.push(root);
        }
    }
    Ok(Encoded {
        table: table(&encoder, &pictures, look, making, shell)?,
        record,
        distance: encoder.distance(),
    })
}

/// Query pictures, each a name and a file, and their vectors.
pub(super) type Queries = (Vec<(String, PathBuf)>, Vec<f32>);

/// Encodes query pictures (files, and all of folders) as those of the index were.
pub(super) fn encode_queries(
    index: &Index,
    paths: &[&PathBuf],
    look: &LookArgs,
    shell: &Shell,
) -> anyhow::Result<Queries> {
    let record = record_of(index, paths[0])?;
    let mut files = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => files.extend(folder::search(path, &IMAGE_EXTENSIONS)?.files),
            false => files.push(folder::named(path)),
        }
    }
    ensure!(
        !files.is_empty(),
        "{}: expected pictures, found none",
        paths[0].display()
    );
    let names = folder::clip_ids(&[&files]).remove(0).into_iter();
    let files = files.into_iter().map(|file| file.path);
    let mut named: Vec<(String, PathBuf)> = names.zip(files).collect();
    let encoder = open(index, &record, look, shell)?;
    let media = |(clip, file): &(String, PathBuf)| ClipMedia::picture(&**clip, file.clone());
    if !look.skip_bad {
        let media: Vec<ClipMedia> = named.iter().map(media).collect();
        let values = encoder.pictures(&media, shell)?;
        return Ok((named, values));
    }
    let (mut values, mut left_out) = (Vec::new(), Vec::new());
    for one in &named {
        match encoder.pictures(&[media(one)], shell) {
            Ok(row) => values.extend(row),
            Err(error) if shell.stopped() => return Err(error.into()),
            Err(error) => {
                shell.say(&format!("warning: left out: {error}"));
                left_out.push(one.1.clone());
            }
        }
    }
    named.retain(|(_, file)| !left_out.contains(file));
    Ok((named, values))
}

/// The vectors of words, and of others, in the space of an index of pictures.
pub(super) fn encode_words(
    index: &Index,
    [words, others]: [&[&str]; 2],
    look: &LookArgs,
    shell: &Shell,
) -> anyhow::Result<[Vec<f32>; 2]> {
    let record = EncoderRecord::read(index.folder())?.with_context(|| {
        format!(
            "{:?}: expected an index of pictures to look for words in, found one of tables in {}",
            words[0],
            index.folder().display()
        )
    })?;
    let encoder = open(index, &record, look, shell)?;
    Ok([encoder.words(words, shell)?, encoder.words(others, shell)?])
}

/// The record of an index that is asked for pictures.
fn record_of(index: &Index, path: &Path) -> anyhow::Result<EncoderRecord> {
    EncoderRecord::read(index.folder())?.with_context(|| {
        format!(
            "{}: expected an embedding table, found a {}; {} was made of tables, and `cohort features` makes one",
            path.display(),
            if path.is_dir() { "folder" } else { "picture" },
            index.folder().display()
        )
    })
}

/// Opens the encoder of an index; one that would make other vectors is refused.
fn open(
    index: &Index,
    record: &EncoderRecord,
    look: &LookArgs,
    shell: &Shell,
) -> anyhow::Result<Encoder> {
    let path = EncoderRecord::path(index.folder());
    let settings: EncoderSettings = serde_json::from_value(record.settings.clone())
        .with_context(|| path.display().to_string())?;
    let settings = settings.found_in(index.folder());
    let encoder = Encoder::open(&settings, look.device, shell)?;
    ensure!(
        encoder.hash() == record.hash && encoder.width() == index.dim(),
        "{}: expected the encoder that made the index ({}), found another ({}): {} changed since",
        path.display(),
        record.hash,
        encoder.hash(),
        settings.place()
    );
    Ok(encoder)
}

/// Encodes pictures for an index.
fn table(
    encoder: &Encoder,
    pictures: &[ClipMedia],
    look: &LookArgs,
    making: &Making,
    shell: &Shell,
) -> anyhow::Result<EmbeddingTable> {
    table_in(encoder, pictures, look, &making.vectors(), shell)
}

/// Encodes pictures into a table and lists what was left out.
pub(super) fn table_in(
    encoder: &Encoder,
    pictures: &[ClipMedia],
    look: &LookArgs,
    out: &Path,
    shell: &Shell,
) -> anyhow::Result<EmbeddingTable> {
    let Features { table, skipped, .. } = encoder.table(pictures, out, look.skip_bad, shell)?;
    for bad in &skipped {
        shell.say(&format!("warning: left out {}: {}", bad.clip, bad.reason));
    }
    if !skipped.is_empty() {
        let pictures = counted(skipped.len(), "picture");
        shell.say(&format!("warning: {pictures} left out"));
    }
    ensure!(
        !table.is_empty(),
        "expected pictures that can be used, found none"
    );
    Ok(table)
}

/// The pictures of some folders by clip, and how each folder was read.
pub(super) fn pictures_of(
    folders: &[PathBuf],
    shell: &Shell,
) -> anyhow::Result<(Vec<ClipMedia>, Vec<PictureRoot>)> {
    let (mut pictures, mut roots) = (Vec::new(), Vec::new());
    for folder in folders {
        let (own, dataset) = pictures_in(folder, shell)?;
        pictures.extend(own);
        roots.push(PictureRoot {
            folder: folder.clone(),
            dataset,
        });
    }
    let mut first = std::collections::HashMap::new();
    for (clip, file) in &pictures {
        if let Some(other) = first.insert(clip.as_str(), file) {
            bail!(
                "{}: expected one picture of the clip {clip:?}, found {} too",
                other.display(),
                file.display()
            );
        }
    }
    let pictures = pictures.into_iter();
    let media = pictures.map(|(clip, file)| ClipMedia::picture(clip, file));
    Ok((media.collect(), roots))
}

/// The pictures of a folder: a data set's clips where it is one, else every picture by its name, or by its path where two have one
/// name. Also says which.
fn pictures_in(folder: &Path, shell: &Shell) -> anyhow::Result<(Vec<(String, PathBuf)>, bool)> {
    let listing = folder::search(folder, &IMAGE_EXTENSIONS)?;
    let all = listing.files.len();
    ensure!(
        all > 0,
        "{}: expected pictures ({}), found none",
        folder.display(),
        IMAGE_EXTENSIONS.join(", ")
    );
    match Dataset::open(folder, None) {
        Ok(dataset) => {
            let clips = dataset.splits.iter().flat_map(|split| &split.clips);
            let pictures: Vec<(String, PathBuf)> = clips
                .filter_map(|clip| Some((clip.id.clone(), clip.picture()?.to_path_buf())))
                .collect();
            // folders may be classes, or just folders
            let guessed = dataset.layout == Layout::ClassFolders;
            if !pictures.is_empty() && (!guessed || pictures.len() >= all) {
                shell.say_notes(&dataset.notes);
                if pictures.len() < all {
                    shell.say(&format!(
                        "note: {}: {} of {all} pictures are not the data set's and are left out",
                        folder.display(),
                        all - pictures.len()
                    ));
                }
                return Ok((pictures, true));
            }
        }
        Err(DataError::NoLabelTable { .. }) => {}
        Err(error) => shell.say(&format!(
            "note: {}: read as a folder of pictures and not as a data set: {error}",
            folder.display()
        )),
    }
    if !listing.unused.is_empty() {
        shell.say(&format!(
            "{}: not used: {}",
            folder.display(),
            listing.unused
        ));
    }
    let names = folder::clip_ids(&[&listing.files]).remove(0).into_iter();
    let files = listing.files.into_iter().map(|entry| entry.path);
    Ok((names.zip(files).collect(), false))
}

fn seen_from(index: &Path, roots: Vec<PictureRoot>) -> Vec<PictureRoot> {
    let seen = |root: PictureRoot| PictureRoot {
        folder: relative(index, &root.folder),
        ..root
    };
    roots.into_iter().map(seen).collect()
}
