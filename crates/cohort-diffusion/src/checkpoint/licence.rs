//! Licences of models that people bring: they travel with the pictures' manifest and with every report.

/// How a licence is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Read at the place named.
    Read(&'static str),
    /// Widely known; not read for this table.
    Known,
}

/// What is known of a model's licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licence {
    /// The models.
    pub models: &'static str,
    /// The licence.
    pub licence: &'static str,
    /// What it asks for; empty when nothing beyond the licence's text has to be said.
    pub note: &'static str,
    /// How it is known.
    pub source: Source,
    /// Parts of names, small letters; the first entry of the table that has one decides.
    marks: &'static [&'static str],
}

const TABLE: [Licence; 7] = [
    Licence {
        models: "sd-turbo, sdxl-turbo",
        licence: "Stability AI (non-commercial or community)",
        note: "commercial use needs a licence of Stability AI",
        source: Source::Read("commits of the repositories on Hugging Face"),
        marks: &[
            "sd-turbo",
            "sdxl-turbo",
            "sd_turbo",
            "sdxl_turbo",
            "sd_xl_turbo",
            "sd-xl-turbo",
        ],
    },
    Licence {
        models: "SSD-1B, Segmind-Vega",
        licence: "Apache-2.0",
        note: "",
        source: Source::Read("collection on Hugging Face"),
        marks: &["ssd-1b", "segmind-vega"],
    },
    Licence {
        models: "Stable Diffusion XL base 1.0",
        licence: "CreativeML Open RAIL++-M",
        note: "its restrictions of use travel with the weights",
        source: Source::Read("discussion 12 of the repository on Hugging Face"),
        marks: &["stable-diffusion-xl-base", "sd_xl_base"],
    },
    Licence {
        models: "BK-SDM",
        licence: "CreativeML OpenRAIL-M",
        note: "its restrictions of use travel with the weights",
        source: Source::Read("cards on Hugging Face"),
        marks: &["bk-sdm"],
    },
    Licence {
        models: "Stable Diffusion 2.x",
        licence: "CreativeML Open RAIL++-M",
        note: "its restrictions of use travel with the weights; the publisher removed its repository in November 2025",
        source: Source::Known,
        marks: &["stable-diffusion-2", "v2-1_", "512-base-ema", "768-v-ema"],
    },
    Licence {
        models: "Stable Diffusion 1.x",
        licence: "CreativeML OpenRAIL-M",
        note: "its restrictions of use travel with the weights",
        source: Source::Read("cards on Hugging Face"),
        marks: &[
            "stable-diffusion-v1",
            "sd-v1",
            "v1-5-pruned",
            "v1-4",
            "stable-diffusion-1",
        ],
    },
    Licence {
        models: "TAESD",
        licence: "MIT",
        note: "",
        source: Source::Known,
        marks: &["taesd"],
    },
];

/// All that is known.
pub fn licences() -> &'static [Licence] {
    &TABLE
}

/// The licence of a model by the name of its repository, folder or file. None where the name is not known: the licence has to be looked up where
/// the weights came from, as that of a model made from a known one may be another.
pub fn licence_of(name: &str) -> Option<&'static Licence> {
    let name = name.to_lowercase();
    TABLE
        .iter()
        .find(|entry| entry.marks.iter().any(|mark| name.contains(mark)))
}
