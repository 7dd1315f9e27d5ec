//! Training, validation and test pairs.

use std::path::Path;

use super::Pairs;
use crate::error::{DataError, shorten};
use crate::layout::Part;
use crate::readers::MadeSplits;
use crate::readers::pair_parts::{Drawn, SHARE, draw};

impl Pairs {
    /// The pairs with the splits `train`, `valid` and `test`: those of the source by the part that they are named after. Where one of
    /// the last two is missing, the other is the test split, and the validation split is 15 % of the training pictures, by a hash of seed
    /// and id; where both are, 15 % each.
    ///
    /// # Errors
    /// [`DataError::File`] naming `path` for two splits of one part, a split that is named after none, splits without one for
    /// training, and pictures of none.
    pub fn in_three_parts(mut self, path: &Path, seed: u64) -> Result<Self, DataError> {
        let names: Vec<String> = self.splits().into_iter().map(str::to_string).collect();
        if names.is_empty() {
            self.make_splits(seed);
            return Ok(self);
        }
        let of = |part: Part| -> Vec<&str> {
            let named = names.iter().map(String::as_str);
            named.filter(|name| Part::of(name) == Some(part)).collect()
        };
        let parts = Part::ALL.map(of);
        let without = self.pictures.iter().filter(|p| p.split.is_none()).count();
        let clear = parts.iter().all(|names| names.len() < 2)
            && parts.iter().flatten().count() == names.len()
            && !parts[0].is_empty()
            && without == 0;
        if !clear {
            let more = match without {
                0 => String::new(),
                without => format!(", {without} pictures of none"),
            };
            return Err(DataError::file(
                path,
                "a training split, and one or none each for validation and test",
                format!("{}{more}", shorten(&names, 8)),
            ));
        }
        let [train, valid, test] = parts.map(|names| names.first().map(|name| name.to_string()));
        let made: &[Part] = match (&valid, &test) {
            (Some(_), Some(_)) => &[],
            (None, None) => &[Part::Valid, Part::Test],
            _ => &[Part::Valid],
        };
        // the only one besides the training split is what is measured on
        let tested = test.or_else(|| valid.clone());
        let part_of = |split: &Option<String>| match split {
            split if *split == tested => Part::Test,
            split if *split == valid => Part::Valid,
            _ => Part::Train,
        };
        let parts: Vec<Part> = self.pictures.iter().map(|p| part_of(&p.split)).collect();
        let learnt: Vec<usize> = (0..parts.len())
            .filter(|&i| parts[i] == Part::Train)
            .collect();
        let items: Vec<Drawn<'_>> = learnt
            .iter()
            .map(|&i| Drawn {
                class: "",
                ties: vec![self.pictures[i].id.clone()],
            })
            .collect();
        let drawn = draw(&items, &vec![SHARE; made.len()], seed);
        drop(items);
        for (picture, part) in self.pictures.iter_mut().zip(&parts) {
            picture.split = Some(part.name().to_string());
        }
        for (i, drawn) in learnt.into_iter().zip(drawn) {
            if let Some(drawn) = drawn {
                self.pictures[i].split = Some(made[drawn].name().to_string());
            }
        }
        if !made.is_empty() {
            self.made = Some(MadeSplits {
                seed,
                splits: made.iter().map(|part| part.name().to_string()).collect(),
                from: train.unwrap_or_default(),
                share: SHARE,
            });
        }
        Ok(self)
    }

    /// Which splits were made, for people; nothing where none was.
    pub fn made_note(&self) -> Option<String> {
        let made = self.made.as_ref()?;
        let counts = made.splits.iter().map(|split| {
            let own = self.pictures.iter();
            let count = own.filter(|p| p.split.as_ref() == Some(split)).count();
            format!("{split} with {count} pictures")
        });
        Some(format!(
            "made from {} by seed {}: {}",
            made.from,
            made.seed,
            counts.collect::<Vec<_>>().join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{PairCaption, PairPicture};
    use super::*;

    fn pairs(splits: &[Option<&str>]) -> Pairs {
        let picture = |(i, split): (usize, &Option<&str>)| PairPicture {
            id: format!("p{i}"),
            number: None,
            file: None,
            split: split.map(str::to_string),
            attributes: Vec::new(),
        };
        let caption = |picture| PairCaption {
            id: format!("c{picture}"),
            picture,
            text: "a".into(),
        };
        Pairs {
            pictures: splits.iter().enumerate().map(picture).collect(),
            captions: (0..splits.len()).map(caption).collect(),
            ..Pairs::default()
        }
    }

    fn counts(pairs: &Pairs) -> [usize; 3] {
        ["train", "valid", "test"].map(|name| {
            let own = pairs.pictures.iter();
            own.filter(|p| p.split.as_deref() == Some(name)).count()
        })
    }

    #[test]
    fn splits_are_taken_by_part_and_made_where_they_are_missing() {
        let of = |splits: &[Option<&str>]| {
            let pairs = pairs(splits);
            pairs.in_three_parts(Path::new("p.json"), 3).unwrap()
        };
        let all = [vec![Some("train2017"); 40], vec![Some("val2017"); 9]].concat();
        let found = of(&all);
        assert_eq!(counts(&found), [34, 6, 9]);
        let note = found.made_note().unwrap();
        assert_eq!(note, "made from train2017 by seed 3: valid with 6 pictures");
        // another picture moves no other
        let longer = of(&[all.clone(), vec![Some("val2017")]].concat());
        let same = |a: &Pairs| a.pictures[..40].to_vec();
        assert_eq!(same(&found), same(&longer));
        let given = [Some("Training"), Some("dev"), Some("test"), Some("test")];
        let found = of(&given);
        assert_eq!((counts(&found), found.made_note()), ([1, 1, 2], None));
        assert_eq!(counts(&of(&[None; 100])), [70, 15, 15]);
        assert_eq!(counts(&of(&[Some("train"); 100])), [70, 15, 15]);
    }

    #[test]
    fn splits_that_mean_nothing_are_refused() {
        for (splits, found) in [
            (vec![Some("val"), Some("val")], "found val"),
            (vec![Some("train"), Some("extra")], "extra"),
            (vec![Some("train"), Some("training")], "training"),
            (vec![Some("train"), None], "1 pictures of none"),
        ] {
            let error = pairs(&splits).in_three_parts(Path::new("p.json"), 1);
            let error = error.unwrap_err().to_string();
            assert!(error.contains("p.json") && error.contains(found), "{error}");
        }
    }
}
