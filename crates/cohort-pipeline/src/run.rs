//! The whole job over one run folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cohort_data::{CheckSettings, Dataset};
use cohort_eval::{Audit, AuditSettings, IntervalSettings, Verdict, audit};
use cohort_fusion::{AblationSettings, Fused, ablate, fuse};
use cohort_tables::{Predictions, write_atomic};
use serde_json::{Value, json};

use crate::config_file::check_config;
use crate::downloads::{file_of, text_weights};
use crate::joint::{JOINT, JointPlan, TrainedJoint, train_joint};
use crate::report::write_report;
use crate::stages::{
    AUDIT, PREDICTIONS, PREDICTIONS_VALID, all_labels, fusion_settings, make_folder, splits,
    write_json,
};
use crate::training::{TrainedModality, classes, target_index, train_modality};
use crate::{Headline, Modality, PipelineError, RunConfig, Watch};

/// What a run ended with.
#[derive(Debug)]
pub struct RunSummary {
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
        let mut text = self.headline.to_text();
        text += "\n";
        for finding in &self.findings {
            text += &format!("audit: {finding}\n");
        }
        if self.skipped > 0 {
            text += &format!("{} clips left out; run.json lists them\n", self.skipped);
        }
        text + &format!("report: {}\n", self.report.display())
    }
}

/// Does the whole job on the data set of `config` in the run folder `out`: statistics, split guard, features, one
/// model a modality, late fusion fitted on the validation split, ablation, audit, report.
///
/// With `resume` a run of the same configuration goes on where it stopped, however it stopped, and ends with the same
/// bytes (but for the times in `run.json`) as one that was never stopped.
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

struct Job<'a> {
    config: &'a RunConfig,
    out: &'a Path,
    resume: bool,
    watch: &'a dyn Watch,
    dataset: Dataset,
    modalities: Vec<Modality>,
    seconds: Vec<(String, f64)>,
}

impl<'a> Job<'a> {
    fn begin(
        config: &'a RunConfig,
        out: &'a Path,
        resume: bool,
        watch: &'a dyn Watch,
    ) -> Result<Self, PipelineError> {
        let dataset = Dataset::open(&config.data, None)?;
        target_index(&dataset)?;
        let all = splits(&dataset)?;
        let in_all = |modality: &Modality| {
            all.iter()
                .all(|split| split.clips.iter().any(|clip| modality.is_in(clip)))
        };
        let modalities: Vec<Modality> = config.modalities.iter().copied().filter(in_all).collect();
        for modality in config
            .modalities
            .iter()
            .filter(|modality| !in_all(modality))
        {
            watch.say(&format!(
                "{modality}: left out, not every split has clips with it"
            ));
        }
        if modalities.is_empty() {
            return Err(PipelineError::Unusable {
                path: config.data.clone(),
                expected: "pictures, sounds or transcripts in every split".to_string(),
                found: "label tables alone; data stats, data check and audit work on these"
                    .to_string(),
            });
        }
        make_folder(out)?;
        check_config(config, out, resume)?;
        // a name that is not to be had ends the run here, not after hours
        if modalities.contains(&Modality::Text) {
            text_weights(&config.features.text, watch)?;
        }
        if !config.image.weights.is_empty() && modalities.contains(&Modality::Image) {
            file_of(&config.image.weights, watch)?;
        }
        Ok(Self {
            config,
            out,
            resume,
            watch,
            dataset,
            modalities,
            seconds: Vec::new(),
        })
    }

    fn timed<T>(
        &mut self,
        stage: &str,
        work: impl FnOnce(&mut Self) -> Result<T, PipelineError>,
    ) -> Result<T, PipelineError> {
        if self.watch.stopped() {
            return Err(PipelineError::Stopped);
        }
        let start = Instant::now();
        let done = work(self)?;
        self.seconds
            .push((stage.to_string(), start.elapsed().as_secs_f64()));
        Ok(done)
    }

    fn describe(&mut self) -> Result<(), PipelineError> {
        self.timed("statistics", |job| {
            write_json(
                &job.out.join("stats.json"),
                &cohort_data::statistics(&job.dataset),
            )
        })?;
        self.timed("split guard", |job| {
            let watch = job.watch;
            watch.begin("split guard", job.dataset.len());
            let report = cohort_data::check(
                &job.dataset.root,
                None,
                &CheckSettings::default(),
                &|done, _| watch.at(done),
            );
            watch.end();
            let report = report?;
            watch.say(&format!(
                "split guard: {} errors, {} warnings, {} notes",
                report.errors, report.warnings, report.notes
            ));
            write_json(&job.out.join("check.json"), &report)
        })
    }

    fn train(&mut self) -> Result<Vec<TrainedModality>, PipelineError> {
        let mut models = Vec::new();
        for modality in self.modalities.clone() {
            models.push(self.timed(modality.name(), |job| {
                train_modality(
                    job.config,
                    &job.dataset,
                    modality,
                    &job.out.join("features"),
                    &job.out.join(modality.name()),
                    job.resume,
                    job.watch,
                )
            })?);
        }
        Ok(models)
    }

    /// The joint model, when there are modalities to join and it is asked for.
    fn joint(&mut self) -> Result<Option<TrainedJoint>, PipelineError> {
        if !self.config.joint.enabled || self.modalities.len() < 2 {
            return Ok(None);
        }
        let fusion = fusion_settings(&self.dataset, self.config.seed)?;
        let joint = self.timed(JOINT, |job| {
            let plan = JointPlan {
                config: job.config,
                dataset: &job.dataset,
                modalities: &job.modalities,
                models: job.out,
                features: &job.out.join("features"),
                fusion: &fusion,
            };
            train_joint(&plan, &job.out.join(JOINT), job.resume, job.watch)
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
        let tables: Vec<cohort_fusion::Modality> = models
            .iter()
            .map(|model| cohort_fusion::Modality {
                name: model.modality.name().to_string(),
                valid: model.valid.clone(),
                test: model.test.clone(),
            })
            .collect();
        let fused = self.timed("fusion", |job| {
            let folder = job.out.join("fused");
            make_folder(&folder)?;
            let fused = fuse(&tables, &settings)?;
            fused.valid.write(&folder.join(PREDICTIONS_VALID))?;
            fused.test.write(&folder.join(PREDICTIONS))?;
            fused.test.write(&job.out.join(PREDICTIONS))?;
            write_json(&folder.join("fusion.json"), &fused.record)?;
            Ok(fused)
        })?;
        self.timed("ablation", |job| {
            let groups = job.groups();
            let intervals = job.intervals(job.config.fusion.resamples);
            let joint = joint.map_or_else(Vec::new, TrainedJoint::models);
            let ablation = ablate(
                &tables,
                &joint,
                Some(&labels),
                &settings,
                &AblationSettings { intervals, groups },
            )?;
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
        let findings = self.timed("audit", |job| job.audit(models, fused))?;
        let headline = self.headline(models, joint, &fused.test)?;
        write_json(&self.out.join("headline.json"), &headline)?;
        let skipped: Vec<_> = models.iter().flat_map(|model| &model.skipped).collect();
        write_json(
            &self.out.join("provenance.json"),
            &self.provenance(skipped.len()),
        )?;
        let names: Vec<&str> = models.iter().map(|model| model.modality.name()).collect();
        let report = write_report(self.out)?;
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
            "stages": seconds,
        });
        write_json(&self.out.join("run.json"), &facts)?;
        Ok(RunSummary {
            headline,
            findings,
            skipped: skipped.len(),
            report,
        })
    }

    /// Audits the fusion and every model: a gap of one model may drown in the fusion, and where a gap comes from is
    /// seen in the models alone. Gives what was found, a line each.
    fn audit(
        &self,
        models: &[TrainedModality],
        fused: &Fused,
    ) -> Result<Vec<String>, PipelineError> {
        let labels = all_labels(&self.dataset)?;
        let mut settings = self.audit_settings();
        // all of the run's audits together keep the family error rate
        settings.alpha /= (models.len() + 1) as f64;
        let mut lines = Vec::new();
        let singles = models
            .iter()
            .map(|model| (model.modality.name(), &model.test, model.modality.name()));
        for (name, predictions, folder) in
            std::iter::once(("fused", &fused.test, "")).chain(singles)
        {
            let document = audit(predictions, &labels, &settings)?;
            write_json(&self.out.join(folder).join(AUDIT), &document)?;
            lines.extend(findings(&document).map(|line| format!("{name}: {line}")));
        }
        if lines.is_empty() {
            lines.push("no group is found to be at a disadvantage in any model".to_string());
        }
        Ok(lines)
    }

    fn headline(
        &self,
        models: &[TrainedModality],
        joint: Option<&TrainedJoint>,
        fused: &Predictions,
    ) -> Result<Headline, PipelineError> {
        let [train, _, test] = splits(&self.dataset)?;
        let target = target_index(&self.dataset)?;
        let mut counts = vec![0usize; classes(&self.dataset).len()];
        for clip in &train.clips {
            if let Some(count) = clip
                .levels
                .get(target)
                .and_then(|&level| counts.get_mut(level))
            {
                *count += 1;
            }
        }
        let largest = counts.iter().max().copied().unwrap_or(0);
        let majority = counts
            .iter()
            .position(|&count| count == largest)
            .unwrap_or(0);
        let mut rows: Vec<(&str, &Predictions)> = models
            .iter()
            .map(|model| (model.modality.name(), &model.test))
            .collect();
        if let Some(full) = joint.and_then(TrainedJoint::full) {
            rows.push((JOINT, &full.test));
        }
        rows.push(("fused", fused));
        let ordered = self
            .dataset
            .schema
            .target_attribute()
            .is_some_and(|target| target.ordered);
        let intervals = self.intervals(self.config.audit.resamples);
        Headline::new(test, &rows, majority, ordered, &intervals)
    }

    /// Attribute columns that are compared: those asked for, else all but the target.
    fn groups(&self) -> Vec<String> {
        if !self.config.audit.groups.is_empty() {
            return self.config.audit.groups.clone();
        }
        let schema = &self.dataset.schema;
        let attributes = schema
            .attributes
            .iter()
            .map(|attribute| attribute.column.clone());
        attributes
            .filter(|column| *column != schema.target)
            .collect()
    }

    fn intervals(&self, resamples: usize) -> IntervalSettings {
        IntervalSettings {
            resamples,
            seed: self.config.seed,
            ..IntervalSettings::default()
        }
    }

    fn audit_settings(&self) -> AuditSettings {
        let schema = &self.dataset.schema;
        let target = schema.target_attribute();
        let names = schema.attributes.iter().map(|attribute| {
            let levels = attribute.levels.iter();
            let names: BTreeMap<String, String> = levels
                .map(|level| (level.code.clone(), level.name.clone()))
                .collect();
            (attribute.column.clone(), names)
        });
        AuditSettings {
            subject: schema.subject_column.clone(),
            target: schema.target.clone(),
            groups: self.groups(),
            ordered: target.is_some_and(|target| target.ordered),
            midpoints: target
                .and_then(|target| target.levels.iter().map(|level| level.midpoint).collect()),
            names: names.collect(),
            meanings: Some(format!("names and values are those of {}", schema.name)),
            resamples: self.config.audit.resamples,
            seed: self.config.seed,
            ..AuditSettings::default()
        }
    }

    /// How the run was made, without times and places, so that two runs give the same bytes.
    fn provenance(&self, skipped: usize) -> Value {
        json!({
            "title": self.config.title,
            "data set": self.dataset.schema.name,
            "version": env!("CARGO_PKG_VERSION"),
            "seed": self.config.seed,
            "device": self.config.device,
            "clips left out": skipped,
            "composed": self.config.composed,
            "features": self.config.features,
            "models": {
                "image": self.config.image,
                "audio": self.config.audio,
                "text": self.config.text,
                "joint": self.config.joint,
            },
            "modalities": self.modalities,
        })
    }
}

/// What an audit names, a line each.
fn findings(audit: &Audit) -> impl Iterator<Item = String> + '_ {
    let no_skill = (audit.skill.verdict != Verdict::Skill)
        .then(|| "no skill: gaps between groups are not interpretable".to_string());
    let named = audit.findings.iter().filter(|_| no_skill.is_none());
    let named = named.map(|finding| {
        format!(
            "{} {} does worse in {}: {:.3} against {:.3} for the others (p {:.4} after correction)",
            finding.attribute,
            finding.name,
            finding.metric.title().to_lowercase(),
            finding.value,
            finding.rest,
            finding.p_holm
        )
    });
    named
        .chain(no_skill.clone())
        .collect::<Vec<_>>()
        .into_iter()
}
