//! The settings of a run one by one, as its page lists them.

use cohort_report::RunSetting;

use super::RunConfig;
use crate::error::PipelineError;

/// What is told of a run apart from its settings.
const TOLD: [&str; 7] = [
    "title",
    "data",
    "reading",
    "seed",
    "device",
    "modalities",
    "composed",
];

impl RunConfig {
    /// Every setting by its place in the configuration file, with the default where that is another. Seed, device and what
    /// names the data are left out: they are told for themselves.
    pub(crate) fn settings(&self) -> Result<Vec<RunSetting>, PipelineError> {
        let usual = Self {
            seed: self.seed,
            device: self.device,
            ..Self::default()
        };
        let (own, usual) = (flat(self)?, flat(&usual.resolve()?)?);
        let lacking = usual.iter().filter(|(name, _)| value(&own, name).is_none());
        let lacking = lacking.map(|(name, default)| RunSetting {
            name: name.clone(),
            value: NOT_SET.to_string(),
            default: Some(default.clone()),
        });
        let settings = own.iter().map(|(name, own)| {
            let default = value(&usual, name).unwrap_or(NOT_SET);
            RunSetting {
                name: name.clone(),
                value: own.clone(),
                default: (default != own).then(|| default.to_string()),
            }
        });
        Ok(settings.chain(lacking).collect())
    }
}

/// A setting without a value.
const NOT_SET: &str = "none";

fn value<'a>(settings: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = settings.iter().find(|(own, _)| own == name);
    found.map(|(_, value)| value.as_str())
}

/// Names and values as they would stand in a file, by name.
fn flat(config: &RunConfig) -> Result<Vec<(String, String)>, PipelineError> {
    let table = toml::Table::try_from(config).map_err(|error| PipelineError::Config {
        path: "config.toml".into(),
        message: error.to_string(),
    })?;
    let mut settings = Vec::new();
    for (key, value) in &table {
        if !TOLD.contains(&key.as_str()) {
            add(key, value, &mut settings);
        }
    }
    Ok(settings)
}

fn add(name: &str, value: &toml::Value, settings: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                // the run's own, in every loop
                if !(name.ends_with(".train") && matches!(key.as_str(), "seed" | "device")) {
                    add(&format!("{name}.{key}"), value, settings);
                }
            }
        }
        toml::Value::String(text) => settings.push((name.to_string(), text.clone())),
        other => settings.push((name.to_string(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_the_defaults_carries_them() {
        let mut config = RunConfig {
            seed: 9,
            title: "mine".into(),
            ..RunConfig::default()
        };
        config.audio.train.epochs = 7;
        config.gallery = Some(true);
        let settings = config.resolve().unwrap().settings().unwrap();
        let differing: Vec<(&str, &str, &str)> = (settings.iter())
            .filter_map(|s| Some((&*s.name, &*s.value, s.default.as_deref()?)))
            .collect();
        assert_eq!(
            differing,
            [
                ("audio.train.epochs", "7", "120"),
                ("gallery", "true", "none")
            ]
        );
        assert!(settings.len() > 50);
        let told = |name: &str| settings.iter().any(|s| s.name == name);
        assert!(told("image.train.learning_rate") && !told("image.train.seed") && !told("title"));
    }
}
