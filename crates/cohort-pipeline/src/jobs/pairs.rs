//! Two heads on vectors of pictures and of captions, trained on pairs: a run folder with tables of vectors of every split.

use std::path::Path;

use cohort_data::{Joined, Pairs};
use cohort_tables::{EmbeddingTable, FolderLock, Provenance, content_hash};
use cohort_train::{
    AlignJob, Aligned, EpochMetrics, MemorySource, Pairs as Sources, RunFolder, Source,
    train_pairs as train,
};
use serde_json::json;

use super::progress::EpochBar;
use crate::config::RunConfig;
use crate::error::PipelineError;
use crate::hashes::settings_hash;
use crate::run_folder::{check_inputs, write_pairs_record};
use crate::watch::Watch;

/// Parts of the pairs: training, validation, test.
const PARTS: [&str; 3] = ["train", "valid", "test"];

/// What two heads are trained on.
pub struct PairsPlan<'a> {
    /// The configuration; `[pairs]` is the loop's and the heads'.
    pub config: &'a RunConfig,
    /// Pictures and captions, every picture with its split: `train`, `valid` or `test`.
    pub pairs: &'a Pairs,
    /// Where each stands in the tables.
    pub joined: &'a Joined,
    /// Vectors of the pictures.
    pub pictures: &'a EmbeddingTable,
    /// Vectors of the captions.
    pub captions: &'a EmbeddingTable,
}

/// Two trained heads, whose tables stand in their run folder.
#[derive(Debug)]
pub struct TrainedPairs {
    /// Pictures and captions of the training, the validation and the test part.
    pub rows: [[usize; 2]; 3],
    /// Length of a vector.
    pub width: usize,
    /// What vectors are to be compared by: `cosine` or `euclidean`.
    pub distance: &'static str,
    /// The epochs up to the best one.
    pub history: Vec<EpochMetrics>,
}

impl TrainedPairs {
    /// Some lines for a terminal.
    pub fn to_text(&self) -> String {
        let best = self.history.last().map_or_else(String::new, |epoch| {
            format!(
                ": best epoch {}, validation R@1 {:.3}",
                epoch.epoch,
                epoch.value("valid_recall_at_1")
            )
        });
        let [train, valid, test] = self
            .rows
            .map(|[pictures, captions]| format!("{pictures} pictures with {captions} captions"));
        format!(
            "heads on pairs{best}\nvectors of {} values, to compare by {}\n\
             training: {train}; validation: {valid}; test: {test}",
            self.width, self.distance
        )
    }
}

/// The pairs of one part that have vectors.
struct Part {
    pictures: MemorySource,
    captions: MemorySource,
}

impl Part {
    fn sources(&self) -> Sources<'_> {
        Sources {
            pictures: &self.pictures,
            captions: &self.captions,
        }
    }
}

/// Trains heads in the run folder `out`, and writes `pictures-PART.parquet` and `captions-PART.parquet` there for the parts `train`,
/// `valid` and `test`: what the heads of the best epoch make of the vectors. The test part is looked at once, at the end.
///
/// # Errors
/// A part without two pictures that have captions; settings out of range; a run folder of another run;
/// [`PipelineError::Stopped`]; files that cannot be written.
pub fn train_pairs(
    plan: &PairsPlan,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<TrainedPairs, PipelineError> {
    let _lock = FolderLock::take(out)?;
    let settings = plan.config.pairs_settings();
    let [train_part, valid, test] = parts(plan)?;
    let run = RunFolder::open(out)?;
    let inputs = json!({
        "pictures": content(plan.pictures),
        "captions": content(plan.captions),
    });
    check_inputs(out, resume, &inputs)?;
    write_pairs_record(out, plan.pictures, plan.captions)?;
    let [picture, caption] =
        [plan.pictures.dim, plan.captions.dim].map(|inputs| settings.head(inputs));
    let job = AlignJob {
        picture: &picture,
        caption: &caption,
        train: train_part.sources(),
        valid: valid.sources(),
        settings: &settings,
        run: &run,
        resume,
    };
    let mut progress = EpochBar::new("pairs", settings.train.epochs, watch);
    let trained = train(&job, &mut progress, watch.stop());
    watch.end();
    let trained = trained.map_err(PipelineError::of_training)?;
    let mut rows = [[0; 2]; 3];
    for ((part, name), rows) in [&train_part, &valid, &test]
        .iter()
        .zip(PARTS)
        .zip(&mut rows)
    {
        *rows = [part.pictures.len(), part.captions.len()];
        for (what, source, table) in [
            ("pictures", &part.pictures, plan.pictures),
            ("captions", &part.captions, plan.captions),
        ] {
            let path = out.join(format!("{what}-{name}.parquet"));
            write_table(&trained, what, source, table, &path, watch)?;
        }
    }
    Ok(TrainedPairs {
        rows,
        width: trained.width(),
        distance: settings.distance(),
        history: trained.history().to_vec(),
    })
}

/// Hash of a table's rows: of others it may say no source.
fn content(table: &EmbeddingTable) -> String {
    let mut bytes: Vec<u8> = table.values.iter().flat_map(|v| v.to_le_bytes()).collect();
    for clip in &table.clips {
        bytes.extend_from_slice(clip.as_bytes());
        bytes.push(0);
    }
    content_hash(&bytes)
}

/// Training, validation and test pairs.
fn parts(plan: &PairsPlan) -> Result<[Part; 3], PipelineError> {
    let part = |name: &str| -> Result<Part, PipelineError> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        let mut place = vec![None; plan.pairs.pictures.len()];
        for (at, picture) in plan.pairs.pictures.iter().enumerate() {
            let row = plan.joined.pictures[at].filter(|_| picture.split.as_deref() == Some(name));
            if let Some(row) = row.and_then(|row| plan.pictures.row(row)) {
                place[at] = Some(names.len());
                names.push(picture.id.clone());
                values.extend_from_slice(row);
            }
        }
        let (mut captions, mut labels, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
        for (at, caption) in plan.pairs.captions.iter().enumerate() {
            let row = plan.joined.captions[at].and_then(|row| plan.captions.row(row));
            if let (Some(row), Some(picture)) = (row, place[caption.picture]) {
                captions.push(caption.id.clone());
                labels.push(picture);
                theirs.extend_from_slice(row);
            }
        }
        let unused = vec![0; names.len()];
        Ok(Part {
            pictures: MemorySource::new(vec![plan.pictures.dim], names, unused, values)?,
            captions: MemorySource::new(vec![plan.captions.dim], captions, labels, theirs)?,
        })
    };
    let [train, valid, test] = PARTS.map(part);
    Ok([train?, valid?, test?])
}

fn write_table(
    trained: &Aligned,
    what: &str,
    source: &MemorySource,
    from: &EmbeddingTable,
    path: &Path,
    watch: &dyn Watch,
) -> Result<(), PipelineError> {
    let values = match what {
        "pictures" => trained.pictures(source, watch.stop()),
        _ => trained.captions(source, watch.stop()),
    };
    let values = values.map_err(PipelineError::of_training)?;
    let clips: Vec<String> = (0..source.len()).map(|i| source.name(i)).collect();
    if let Some(at) = values.iter().position(|value| !value.is_finite()) {
        return Err(PipelineError::NotFinite {
            clip: clips[at / trained.width()].clone(),
            modality: "pairs",
            column: (at % trained.width()).to_string(),
        });
    }
    let made = (&from.provenance.weights, &from.provenance.settings, what);
    let table = EmbeddingTable {
        sources: vec![String::new(); clips.len()],
        dim: trained.width(),
        values,
        provenance: Provenance {
            producer: concat!("cohort-pipeline ", env!("CARGO_PKG_VERSION"), " pairs").to_string(),
            weights: trained.hash().to_string(),
            settings: settings_hash(&made)?,
            source: content_hash(clips.join("\n").as_bytes()),
            ..Provenance::default()
        },
        clips,
    };
    Ok(table.write(path)?)
}
