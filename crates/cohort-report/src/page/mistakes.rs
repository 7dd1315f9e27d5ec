//! The most telling mistakes, with their pictures.

use serde::{Deserialize, Serialize};

use super::layout::Section;
use super::words::Words;
use crate::format;

/// The document `cohort.mistakes/1`: wrong answers of one model that it was surest of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistakes {
    /// `cohort.mistakes/1`.
    pub schema: String,
    /// The model.
    pub model: String,
    /// Wrong answers in all, of which these are some.
    pub wrong: usize,
    /// Rows that were answered.
    pub clips: usize,
    /// The surest first.
    pub mistakes: Vec<Mistake>,
}

/// One wrong answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mistake {
    /// Name of the clip.
    pub clip: String,
    /// Its class, for people.
    pub truth: String,
    /// The class that was answered.
    pub predicted: String,
    /// Probability of that answer, in (0, 1].
    pub probability: f64,
    /// Probability that was given to the true class.
    pub truth_probability: f64,
    /// Small picture, a JPEG beside the document.
    pub picture: String,
    /// The same as a `data:` address, for the page.
    #[serde(skip)]
    pub address: Option<String>,
}

impl Mistakes {
    /// Version of the document.
    pub const SCHEMA: &str = "cohort.mistakes/1";
}

pub(super) fn section(document: &Mistakes, words: &Words) -> Section {
    let mut section = Section::new("mistakes", "What it takes for what");
    section.lead(&format!(
        "{} of {} are answered wrongly by the model {}. These are the ones that it was surest of, at most three of each \
         mix-up. They show how it errs, not how often.",
        format::count(document.wrong as u64),
        words.count_items(document.clips),
        document.model
    ));
    let out = &mut section.body;
    out.tag("ul").attr("class", "gallery").open();
    for one in &document.mistakes {
        out.open("li");
        if let Some(address) = &one.address {
            let about = format!("{}, taken for {}", one.truth, one.predicted);
            out.tag("img")
                .attr("src", address)
                .attr("alt", &about)
                .empty();
        }
        out.element(
            "span",
            &format!(
                "{} taken for {} ({})",
                one.truth,
                one.predicted,
                format::percent(one.probability, 0)
            ),
        );
        out.tag("span").attr("class", "note").text(&one.clip);
        out.close("li");
    }
    out.close("ul");
    section
}
