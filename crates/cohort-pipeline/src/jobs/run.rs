//! The whole job over one run folder.

use std::path::{Path, PathBuf};
use std::time::Instant;

use cohort_data::{CheckReport, CheckSettings, Dataset};
use cohort_eval::{Audit, Headline, IntervalSettings, ModelKind, audit};
use cohort_fusion::{
    AblationSettings, Fused, FusionRecord, ModelPredictions, ablate, fuse, fusion_sets,
};
use cohort_report::{Caution, RunRecord, cautions};
use cohort_tables::{FolderLock, counted, plural, write_atomic};
use serde_json::{Value, json};

use super::audit::{audit_settings, findings, groups};
use super::joint::{JointPlan, TrainedJoint, join};
use super::mistakes;
use super::planted;
use super::rehearse::rehearse;
use super::report::write_report;
use super::train::{TrainedModality, best_of, train_branch};
use crate::branches::{self, Branch};
use crate::config::RunConfig;
use crate::dataset::{all_labels, fusion_settings, hash_of_labels, splits, target_index};
use crate::error::PipelineError;
use crate::modality::Modality;
use crate::run_folder::{
    AUDIT, Changeable, JOINT, PREDICTIONS, PREDICTIONS_VALID, SETS, check_config, check_inputs,
    make_folder, model_settings, write_json, write_sealed,
};
use crate::watch::{Watch, apart, say_notes};

/// Which item is in which split, where splits had to be made.
const SPLITS: &str = "splits.csv";

/// What a run ended with.
#[derive(Debug)]
pub struct RunSummary {
    /// What must be known before anything else: leaks in the data, a model without skill.
    pub cautions: Vec<Caution>,
    /// Skill of every model and of their fusion beside the majority class.
    pub headline: Headline,
    /// What the audit found, a line each.
    pub findings: Vec<String>,
    /// Clips left out because their media could not be used.
    pub skipped: usize,
    /// The page.
    pub report: PathBuf,
}

impl RunSummary {
    /// The end of a run for a terminal: table, findings, path of the page.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for caution in &self.cautions {
            text += &format!("{caution}\n");
        }
        if !self.cautions.is_empty() {
            text += "\n";
        }
        text += &self.headline.to_text();
        text += "\n";
        for finding in &self.findings {
            text += &format!("audit: {finding}\n");
        }
        if self.skipped > 0 {
            let items = counted(self.skipped, &self.headline.nouns.item);
            text += &format!("{items} left out; run.json lists them\n");
        }
        text + &format!("report: {}\n", self.report.display())
    }
}

/// Does the whole job on the data set of `config` in the run folder `out`: statistics, split guard, features, one
/// model a modality, late fusion fitted on the validation split, ablation, audit, report.
///
/// With `resume` a run of the same configuration goes on where it stopped, however it stopped, and ends with the same
/// bytes (but for the times in `run.json`) as one that was never stopped. Title, `[fusion]` and `[audit]` may differ from
/// what it began with, and run folder and data set may have been moved; labels, media and weights must be the same.
///
/// Settings and labels are checked before anything is trained. The folder is kept for this process meanwhile.
///
/// # Errors
/// [`PipelineError`]: an `out` that holds a run already (without `resume`) or one of other settings; data that cannot be
/// used; a stage that failed; [`PipelineError::Stopped`].
pub fn run(
    config: &RunConfig,
    out: &Path,
    resume: bool,
    watch: &dyn Watch,
) -> Result<RunSummary, PipelineError> {
    let mut job = Job::begin(config, out, resume, watch)?;
    job.describe()?;
    let models = job.train()?;
    let joint = job.joint()?;
    let fused = job.fuse(&models, joint.as_ref())?;
    job.finish(&models, joint.as_ref(), &fused)
}

/// `fusion.json`.
#[derive(serde::Serialize)]
struct LateFusion<'a> {
    #[serde(flatten)]
    record: &'a FusionRecord,
    /// [`model_settings`].
    settings: String,
}

struct Job<'a> {
    config: &'a RunConfig,
    out: &'a Path,
    resume: bool,
    watch: &'a dyn Watch,
    dataset: Dataset,
    /// One a modality that every split has clips with.
    branches: Vec<Box<dyn Branch>>,
    /// What the split guard found.
    check: Option<CheckReport>,
    seconds: Vec<(String, f64)>,
    /// What the stage at work gave, in a few words.
    gave: String,
    _lock: FolderLock,
}

impl<'a> Job<'a> {
    fn begin(
        config: &'a RunConfig,
        out: &'a Path,
        resume: bool,
        watch: &'a dyn Watch,
    ) -> Result<Self, PipelineError> {
        let dataset = config.open_dataset()?;
        say_notes(&dataset.notes, watch);
        target_index(&dataset)?;
        let all = splits(&dataset)?;
        let in_all = |modality: &Modality| {
            all.iter()
                .all(|split| split.clips.iter().any(|clip| modality.is_in(clip)))
        };
        let modalities: Vec<Modality> = config.modalities.iter().copied().filter(in_all).collect();
        let is_anywhere = |modality: &Modality| {
            all.iter()
                .any(|split| split.clips.iter().any(|clip| modality.is_in(clip)))
        };
        let absent = |modality: &&Modality| !is_anywhere(modality);
        let absent: Vec<&str> = (config.modalities.iter().filter(absent))
            .map(|modality| modality.name())
            .collect();
        if !absent.is_empty() {
            watch.say(&format!("not in this data set: {}", absent.join(", ")));
        }
        let partly = config
            .modalities
            .iter()
            .filter(|m| is_anywhere(m) && !in_all(m));
        for modality in partly {
            watch.say(&format!("{modality}: left out, not every split has it"));
        }
        if modalities.is_empty() {
            return Err(PipelineError::Unusable {
                path: config.data.clone(),
                expected: "pictures, sounds or transcripts in every split".to_string(),
                found: "label tables alone; data stats, data check and audit work on these"
                    .to_string(),
            });
        }
        let target = target_index(&dataset)?;
        rehearse(config, &dataset, &modalities, watch)?;
        let lock = FolderLock::take(out)?;
        let checked = check_config(config, out, resume, Changeable::Evaluation)?;
        let labels = json!({ "labels": hash_of_labels(&dataset, target) });
        check_inputs(out, true, &labels)?;
        checked.write(out)?;
        if dataset.made.is_some() {
            write_atomic(&out.join(SPLITS), dataset.splits_csv().as_bytes())?;
        }
        // weights that are not to be had or not to be used end the run here, not after hours
        let mut branches = Vec::new();
        for modality in modalities {
            let branch = branches::open(modality, config, watch)?;
            branch.check_start(watch)?;
            branches.push(branch);
        }
        Ok(Self {
            config,
            out,
            resume,
            watch,
            dataset,
            branches,
            check: None,
            seconds: Vec::new(),
            gave: String::new(),
            _lock: lock,
        })
    }

    fn modalities(&self) -> Vec<Modality> {
        self.branches
            .iter()
            .map(|branch| branch.modality())
            .collect()
    }

    fn timed<T>(
        &mut self,
        stage: &str,
        work: impl FnOnce(&mut Self) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        if self.watch.stopped() {
            return Err(PipelineError::Stopped);
        }
        self.watch
            .stage(self.seconds.len() + 1, self.stages(), stage);
        let start = Instant::now();
        let done = work(self)?;
        self.seconds
            .push((stage.to_string(), start.elapsed().as_secs_f64()));
        self.watch.stage_done(&std::mem::take(&mut self.gave));
        Ok(done)
    }

    /// How many stages there are.
    fn stages(&self) -> usize {
        // statistics, split guard, fusion, ablation, audit, page
        6 + self.branches.len() + usize::from(self.has_joint())
    }

    /// Whether a joint model is trained: there are modalities to join, and it is asked for.
    fn has_joint(&self) -> bool {
        self.config.joint.enabled && self.branches.len() > 1
    }

    fn describe(&mut self) -> Result<(), PipelineError> {
        self.timed("statistics", |job| {
            let all = splits(&job.dataset)?;
            let counts = all.map(|split| format!("{} {}", split.clips.len(), split.name));
            let item = plural(&job.dataset.schema.item);
            job.gave = format!("{} {item}: {}", job.dataset.len(), counts.join(", "));
            write_json(
                &job.out.join("stats.json"),
                &cohort_data::statistics(&job.dataset),
            )
        })?;
        if let Some(planted) = planted::of(&self.dataset.root)? {
            write_json(&self.out.join(planted::DOCUMENT), &planted)?;
        }
        self.timed("split guard", |job| {
            let watch = job.watch;
            watch.begin("split guard", job.dataset.len());
            let report = apart(watch, || {
                cohort_data::check_with(
                    &job.dataset.source,
                    &job.config.reading.options(),
                    &CheckSettings::default(),
                    &|done, _| watch.at(done),
                )
            });
            watch.end();
            let report = report?;
            job.gave = format!(
                "{} errors, {} warnings, {} notes",
                report.errors, report.warnings, report.notes
            );
            write_json(&job.out.join("check.json"), &report)?;
            job.check = Some(report);
            Ok(())
        })
    }

    fn train(&mut self) -> Result<Vec<TrainedModality>, PipelineError> {
        let mut models = Vec::new();
        for (at, modality) in self.modalities().into_iter().enumerate() {
            models.push(self.timed(modality.name(), |job| {
                let trained = train_branch(
                    job.config,
                    &job.dataset,
                    &*job.branches[at],
                    &job.out.join("features"),
                    &job.out.join(modality.name()),
                    job.resume,
                    job.watch,
                )?;
                job.gave = best_of(&trained.history);
                Ok(trained)
            })?);
        }
        Ok(models)
    }

    /// The joint model, when there are modalities to join and it is asked for.
    fn joint(&mut self) -> Result<Option<TrainedJoint>, PipelineError> {
        if !self.has_joint() {
            return Ok(None);
        }
        let fusion = fusion_settings(&self.dataset, self.config.seed)?;
        let joint = self.timed(JOINT, |job| {
            let modalities = job.modalities();
            let branches: Vec<&dyn Branch> = job.branches.iter().map(|one| &**one).collect();
            let plan = JointPlan {
                config: job.config,
                dataset: &job.dataset,
                modalities: &modalities,
                models: job.out,
                features: &job.out.join("features"),
                fusion: &fusion,
            };
            let joint = join(
                &plan,
                &branches,
                &job.out.join(JOINT),
                job.resume,
                job.watch,
            )?;
            job.gave = best_of(&joint.history);
            Ok(joint)
        })?;
        Ok(Some(joint))
    }

    fn fuse(
        &mut self,
        models: &[TrainedModality],
        joint: Option<&TrainedJoint>,
    ) -> Result<Fused, PipelineError> {
        let labels = all_labels(&self.dataset)?;
        let settings = fusion_settings(&self.dataset, self.config.seed)?;
        let tables: Vec<ModelPredictions> = models
            .iter()
            .map(|model| ModelPredictions {
                name: model.modality.name().to_string(),
                valid: model.valid.clone(),
                test: model.test.clone(),
            })
            .collect();
        let fused = self.timed("fusion", |job| {
            let folder = job.out.join("fused");
            make_folder(&folder)?;
            let mut fused = apart(job.watch, || fuse(&tables, &settings))?;
            fused.record.notes = job.dataset.notes_for_documents();
            fused.valid.write(&folder.join(PREDICTIONS_VALID))?;
            fused.test.write(&folder.join(PREDICTIONS))?;
            fused.test.write(&job.out.join(PREDICTIONS))?;
            let late = LateFusion {
                record: &fused.record,
                settings: model_settings(job.config)?,
            };
            write_sealed(&folder.join("fusion.json"), &late)?;
            let sets = apart(job.watch, || fusion_sets(&tables, &settings))?;
            write_sealed(&job.out.join(SETS), &sets)?;
            job.gave = counted(tables.len(), "model");
            Ok(fused)
        })?;
        self.timed("ablation", |job| {
            let groups = job.groups();
            let intervals = job.intervals(job.config.fusion.resamples);
            let joint = joint.map_or_else(Vec::new, TrainedJoint::models);
            let how = AblationSettings { intervals, groups };
            let mut ablation = apart(job.watch, || {
                ablate(&tables, &joint, Some(&labels), &settings, &how)
            })?;
            ablation.notes = job.dataset.notes_for_documents();
            job.gave = counted(ablation.rows.len(), "row");
            write_atomic(&job.out.join("ablation.csv"), ablation.to_csv().as_bytes())?;
            write_json(&job.out.join("ablation.json"), &ablation)
        })?;
        Ok(fused)
    }

    fn finish(
        mut self,
        models: &[TrainedModality],
        joint: Option<&TrainedJoint>,
        fused: &Fused,
    ) -> Result<RunSummary, PipelineError> {
        let (audits, findings) = self.timed("audit", |job| {
            let done = job.audit(models, joint, fused)?;
            job.gave = counted(done.0.len(), "model");
            Ok(done)
        })?;
        let [_, _, test] = splits(&self.dataset)?;
        let rows: Vec<(&str, ModelKind, &Audit)> = audits
            .iter()
            .map(|(name, kind, audit)| (name.as_str(), *kind, audit))
            .collect();
        let headline = Headline::of(&test.name, &rows).expect("the fusion is audited");
        write_json(&self.out.join("headline.json"), &headline)?;
        let (_, _, of_fusion) = audits.last().expect("the fusion is audited");
        let cautions = cautions(self.check.as_ref(), Some(of_fusion));
        let skipped: Vec<_> = models.iter().flat_map(|model| &model.skipped).collect();
        let names: Vec<&str> = models.iter().map(|model| model.modality.name()).collect();
        let report = self.timed("page", |job| {
            if job.shows_mistakes() {
                let [_, _, test] = splits(&job.dataset)?;
                mistakes::write("fused", &fused.test, &job.dataset, test, job.out)?;
            }
            write_json(
                &job.out.join("provenance.json"),
                &job.record(skipped.len())?,
            )?;
            write_report(job.out)
        })?;
        let seconds: Vec<Value> = self
            .seconds
            .iter()
            .map(|(stage, seconds)| json!({ "stage": stage, "seconds": seconds }))
            .collect();
        let facts = json!({
            "schema": "cohort.run/1",
            "version": env!("CARGO_PKG_VERSION"),
            "seed": self.config.seed,
            "device": self.config.device,
            "threads": rayon::current_num_threads(),
            "modalities": names,
            "skipped": skipped,
            "notes": self.dataset.notes_for_documents(),
            "stages": seconds,
        });
        write_json(&self.out.join("run.json"), &facts)?;
        Ok(RunSummary {
            cautions,
            headline,
            findings,
            skipped: skipped.len(),
            report,
        })
    }

    /// Audits every single model, the joint one and the fusion: a gap of one model may drown in the fusion, and where a gap
    /// comes from is seen in the models alone. Gives the audits, the fusion's last, and what was found, a line each.
    fn audit(
        &self,
        models: &[TrainedModality],
        joint: Option<&TrainedJoint>,
        fused: &Fused,
    ) -> Result<(Vec<NamedAudit>, Vec<String>), PipelineError> {
        let labels = all_labels(&self.dataset)?;
        // one audit is one family at the level of every audit, so that a model gets the same verdict from `cohort audit`
        let settings = audit_settings(self.config, &self.dataset);
        let singles = models
            .iter()
            .map(|model| (model.modality.name(), ModelKind::Single, &model.test));
        let joint = joint.and_then(TrainedJoint::full);
        let joint = joint.map(|full| (JOINT, ModelKind::Joint, &full.test));
        let mut audits: Vec<NamedAudit> = Vec::new();
        let count = models.len() + usize::from(joint.is_some()) + 1;
        self.watch.begin("audits", count);
        for (name, kind, predictions) in
            singles
                .chain(joint)
                .chain([("fused", ModelKind::Fused, &fused.test)])
        {
            let mut document = apart(self.watch, || audit(predictions, &labels, &settings))?;
            document
                .notes
                .splice(0..0, self.dataset.notes_for_documents());
            let folder = if kind == ModelKind::Fused { "" } else { name };
            write_json(&self.out.join(folder).join(AUDIT), &document)?;
            audits.push((name.to_string(), kind, document));
            self.watch.at(audits.len());
        }
        self.watch.end();
        let mut lines = Vec::new();
        for (name, _, document) in audits.iter().rev() {
            let found = findings(document).into_iter();
            lines.extend(found.map(|line| format!("{name}: {line}")));
        }
        if lines.is_empty() {
            lines.push("no group is shown to be at a disadvantage in any model; that is no proof of fairness".to_string());
        }
        Ok((audits, lines))
    }

    /// Whether the page shows pictures of mistakes. Unless that is asked for, not where several items are of one subject: these
    /// may be people, and a page travels.
    fn shows_mistakes(&self) -> bool {
        let unasked = self.dataset.schema.items_are_units();
        self.config.gallery.unwrap_or(unasked) && self.modalities().contains(&Modality::Image)
    }

    /// Attribute columns that are compared.
    fn groups(&self) -> Vec<String> {
        groups(self.config, &self.dataset)
    }

    fn intervals(&self, resamples: usize) -> IntervalSettings {
        IntervalSettings {
            resamples,
            seed: self.config.seed,
            ..IntervalSettings::default()
        }
    }

    /// How the run was made, without times and places, so that two runs give the same bytes.
    fn record(&self, left_out: usize) -> Result<RunRecord, PipelineError> {
        Ok(RunRecord {
            schema: RunRecord::SCHEMA.to_string(),
            title: self.config.title.clone(),
            data_set: self.dataset.schema.name.clone(),
            version: env!("CARGO_PKG_VERSION").to_string(),
            seed: self.config.seed,
            device: self.config.device.to_string(),
            modalities: self.modalities().iter().map(Modality::to_string).collect(),
            left_out,
            composed: self.config.composed,
            settings: self.config.settings()?,
        })
    }
}
/// A model's name, its kind and its audit.
type NamedAudit = (String, ModelKind, Audit);
