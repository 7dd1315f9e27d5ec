//! Examples in the help of every command: what people want, and the call that does it.

use clap::Command;
use clap::builder::Styles;

/// What is wanted, and the call.
type Example = (&'static str, &'static str);

/// Examples by command; those of subcommands behind their command and a space.
pub(crate) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "demo",
        &[
            (
                "the whole job on made data; open cohort-demo/run/report.html when it is done",
                "cohort demo",
            ),
            (
                "a smaller and quicker one",
                "cohort demo --clips 600 --epochs 8 --out small-demo",
            ),
        ],
    ),
    (
        "run",
        &[
            (
                "train, fuse, ablate and audit on a folder of data",
                "cohort run DATA --out my-run",
            ),
            (
                "pictures alone, by a ResNet-18 from scratch",
                "cohort run DATA --modalities image --backbone resnet18 --out my-run",
            ),
            (
                "every setting in a file",
                "cohort run settings.toml --out my-run",
            ),
            (
                "go on after Ctrl-C or a power cut",
                "cohort run DATA --out my-run --resume",
            ),
        ],
    ),
    (
        "init",
        &[
            (
                "write DATA/cohort.toml for what lies in DATA",
                "cohort init DATA",
            ),
            ("look at it first", "cohort init DATA --stdout"),
            (
                "a table of paths with another target",
                "cohort init DATA --target emotion --force",
            ),
        ],
    ),
    (
        "data synth",
        &[(
            "a small corpus with known truth",
            "cohort data synth corpus --clips 120 --seed 1",
        )],
    ),
    (
        "data stats",
        &[
            ("who is in the data", "cohort data stats DATA"),
            (
                "tables and charts for a paper",
                "cohort data stats DATA --out figures",
            ),
            (
                "one table of paths, and which column is the target",
                "cohort data stats labels.csv --target emotion",
            ),
        ],
    ),
    (
        "data check",
        &[
            (
                "leaks between splits, bad labels, bad media",
                "cohort data check DATA",
            ),
            (
                "in a script: exit code 1 means that something was found",
                "cohort data check DATA --json",
            ),
        ],
    ),
    (
        "data augment",
        &[(
            "every training picture three times: as it is and changed in two ways",
            "cohort data augment DATA --out enlarged --recipe mod1,mod2",
        )],
    ),
    (
        "data frames",
        &[
            (
                "the sharpest frame of every video of a data set",
                "cohort data frames DATA",
            ),
            (
                "the frame that shows the main face best",
                "cohort data frames DATA --detector mtcnn",
            ),
        ],
    ),
    (
        "data words",
        &[
            ("words that tell the groups apart", "cohort data words DATA"),
            (
                "in the training split alone, used by ten subjects or more",
                "cohort data words DATA --split train --least 10",
            ),
        ],
    ),
    (
        "data triplets",
        &[(
            "of pictures with several labels, written as dog+bench",
            "cohort data triplets labels.csv --label labels --several + --out triplets.csv",
        )],
    ),
    (
        "audio features",
        &[
            (
                "pitch, onsets, tempo of every sound in a folder",
                "cohort audio features SOUNDS",
            ),
            (
                "as an embedding table that other commands read",
                "cohort audio features SOUNDS --out acoustic.parquet",
            ),
        ],
    ),
    (
        "audio show",
        &[(
            "five pictures of one sound, as SVG and PNG",
            "cohort audio show voice.wav --out pictures",
        )],
    ),
    (
        "features",
        &[
            (
                "acoustic and text features of every clip",
                "cohort features DATA --out features",
            ),
            (
                "embeddings of pictures by a trained network",
                "cohort features DATA --faces resnet18 --weights resnet18.pt",
            ),
            (
                "words by a Whisper, where there are none (build with --features whisper)",
                "cohort features DATA --transcribe hf:openai/whisper-tiny.en",
            ),
        ],
    ),
    (
        "train",
        &[
            (
                "the voice model alone",
                "cohort train audio DATA --out voice",
            ),
            (
                "a joint model over the models of a finished run",
                "cohort train joint DATA --models my-run --out joint",
            ),
            (
                "heads that bring pictures and captions into one space",
                "cohort train pairs captions_train2017.json --pictures pictures.parquet --captions captions.parquet --out heads",
            ),
        ],
    ),
    (
        "sweep",
        &[
            (
                "three rates and two batch sizes, each under two seeds",
                "cohort sweep DATA image --learning-rate 0.001,0.003,0.01 --batch-size 32,64 --seeds 1,2 --out sweep",
            ),
            (
                "a search of forty trials in a space of settings",
                "cohort sweep DATA audio --space space.toml --trials 40 --out search",
            ),
        ],
    ),
    (
        "predict",
        &[
            (
                "a picture, a sound and a text of one clip",
                "cohort predict my-run clip.jpg clip.wav clip.txt",
            ),
            (
                "a folder, as a table",
                "cohort predict my-run CLIPS --csv answers.csv",
            ),
            (
                "videos, without an answer where more than three classes remain",
                "cohort predict my-run a.mp4 b.mov --widest 3",
            ),
            (
                "the test split of a data set, as JSON",
                "cohort predict my-run --data DATA --split test --json",
            ),
        ],
    ),
    (
        "degrade",
        &[(
            "how skill falls under blur and noise",
            "cohort degrade my-run --only blur,noise",
        )],
    ),
    (
        "fuse",
        &[
            (
                "two models, weights fitted on their validation predictions",
                "cohort fuse face=my-run/image voice=my-run/audio --out fused",
            ),
            (
                "two test tables, nothing fitted",
                "cohort fuse a=model-a.csv b=model-b.csv --rule mean --out fused",
            ),
        ],
    ),
    (
        "ablate",
        &[
            (
                "what each of two models is worth",
                "cohort ablate face=my-run/image voice=my-run/audio",
            ),
            (
                "shares by group",
                "cohort ablate a=model-a.csv b=model-b.csv --rule mean --labels labels.csv --group Gender",
            ),
        ],
    ),
    (
        "audit",
        &[
            (
                "any model's predictions, with who the clips are",
                "cohort audit predictions.csv --labels labels.csv",
            ),
            (
                "other column names, every row a subject of its own",
                "cohort audit p.csv --labels l.csv --column ground_truth=y_true --column prediction=y_pred --target label --subject id",
            ),
            (
                "selection rates and the four-fifths ratio for the class that people want",
                "cohort audit p.csv --labels l.csv --target decision --favourable approved --unordered",
            ),
            (
                "a page, tables and JSON",
                "cohort audit predictions.csv --labels labels.csv --out audit",
            ),
            (
                "two models on the same clips",
                "cohort audit new.csv --against old.csv --labels labels.csv",
            ),
        ],
    ),
    (
        "map",
        &[
            (
                "a t-SNE picture, coloured by a column, to explore in a browser",
                "cohort map features.parquet --labels labels.csv --color Gender --out map.html",
            ),
            (
                "UMAP as a picture for a paper",
                "cohort map features.parquet --method umap --out map.svg",
            ),
        ],
    ),
    (
        "search embed",
        &[
            (
                "pictures as a CLIP sees them",
                "cohort search embed photos --model hf:openai/clip-vit-base-patch32 --out pictures.parquet",
            ),
            (
                "captions as a sentence encoder reads them",
                "cohort search embed captions_val2017.json --captions --text-encoder bert --text-weights minilm --out captions.parquet",
            ),
        ],
    ),
    (
        "search bridge",
        &[(
            "pictures that captions find without training, from ImageNet's classes",
            "cohort search bridge imagenet-scores.parquet imagenet-names.parquet --out pictures.parquet",
        )],
    ),
    (
        "search index",
        &[
            (
                "an index of an embedding table",
                "cohort search index gallery.parquet --metric cosine --out gallery.index",
            ),
            (
                "of all pictures in and below a folder, as a network with its weights sees them",
                "cohort search index photos --backbone resnet18 --weights resnet18.safetensors",
            ),
            (
                "of pictures as a trained embedding sees them",
                "cohort search index photos --run my-embedding",
            ),
            (
                "of pictures, to be searched by words",
                "cohort search index photos --model hf:openai/clip-vit-base-patch32",
            ),
        ],
    ),
    (
        "search add",
        &[
            ("more rows", "cohort search add gallery.index more.parquet"),
            (
                "more pictures, seen as those of the index were",
                "cohort search add photos.index more-photos",
            ),
        ],
    ),
    (
        "search compact",
        &[(
            "give the space of deleted rows back",
            "cohort search compact gallery.index",
        )],
    ),
    (
        "search delete",
        &[(
            "rows that are no longer wanted",
            "cohort search delete gallery.index clip.000 clip.001",
        )],
    ),
    (
        "search query",
        &[
            (
                "the ten nearest of each vector in a table",
                "cohort search query gallery.index queries.parquet",
            ),
            (
                "the pictures most like one, on a page",
                "cohort search query photos.index holiday.jpg --sheet nearest.html",
            ),
            (
                "pictures that fit some words",
                "cohort search query photos.index \"two dogs on a beach\" --sheet dogs.html",
            ),
            (
                "the neighbours of a clip of the index, of one group alone",
                "cohort search query gallery.index --clip clip.000 --labels labels.csv --where Gender=2 -k 5",
            ),
        ],
    ),
    (
        "search evaluate",
        &[(
            "precision, recall, mAP with intervals and chance levels",
            "cohort search evaluate gallery.index --queries queries.parquet --labels labels.csv --label AgeGroup",
        )],
    ),
    (
        "search pairs",
        &[
            (
                "recall at 1, 5 and 10 both ways, of COCO's validation split",
                "cohort search pairs pictures.parquet captions.parquet --pairs captions_val2017.json",
            ),
            (
                "two models on the test split of a table of pairs",
                "cohort search pairs p.parquet c.parquet --pairs pairs.csv --split test --against p2.parquet c2.parquet",
            ),
        ],
    ),
    (
        "search topics",
        &[
            (
                "which topics of the captions are found badly: communities of text vectors",
                "cohort search topics p.parquet c.parquet --pairs captions_val2017.json --communities --topic-vectors minilm.parquet --least 50",
            ),
            (
                "by words with their plurals, and the captions of each for later",
                "cohort search topics p.parquet c.parquet --pairs pairs.csv --split test --words horse,zebra,cow --per-topic topics.csv",
            ),
            (
                "by a column of the pictures, captions looking for pictures alone",
                "cohort search topics p.parquet c.parquet --pairs pairs.csv --by scene --direction text-to-image",
            ),
        ],
    ),
    (
        "search verify",
        &[(
            "whether two vectors are of one person: true accepts at false accept rates",
            "cohort search verify faces.parquet --labels labels.csv --unit UserID",
        )],
    ),
    (
        "detect run",
        &[
            (
                "objects in a folder of pictures, and the pictures with their boxes",
                "cohort detect run pictures --weights yolox_nano.onnx --out detections --annotated drawn",
            ),
            (
                "masks too, by torchvision's published Mask R-CNN",
                "cohort detect run pictures --weights maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth --out masks",
            ),
            (
                "results of annotated pictures, to be evaluated",
                "cohort detect run val2017 --truth annotations.json --weights yolox_s.pth --out results.json",
            ),
            (
                "a network of one's own classes",
                "cohort detect run pictures --weights mine.pth --classes names.txt --score 0.3 --out detections.csv",
            ),
        ],
    ),
    (
        "detect evaluate",
        &[
            (
                "COCO's figures of boxes, with intervals by picture",
                "cohort detect evaluate annotations.json results.json",
            ),
            (
                "masks, by what a table says of the pictures, whole sequences as units",
                "cohort detect evaluate annotations.json results.json --kind mask --groups pictures.csv --unit sequence",
            ),
            (
                "whether one detector is better than another",
                "cohort detect evaluate annotations.json new.json --against old.json --out detection.json",
            ),
        ],
    ),
    (
        "report",
        &[(
            "the page of a run, made anew from its documents",
            "cohort report my-run",
        )],
    ),
    (
        "completions",
        &[
            (
                "bash, for one user",
                "cohort completions bash > ~/.local/share/bash-completion/completions/cohort",
            ),
            (
                "zsh, into a folder of $fpath",
                "cohort completions zsh > ~/.zfunc/_cohort",
            ),
            (
                "fish",
                "cohort completions fish > ~/.config/fish/completions/cohort.fish",
            ),
        ],
    ),
    (
        "man",
        &[
            ("read the page now", "cohort man | man -l -"),
            (
                "a page for every command",
                "cohort man ~/.local/share/man/man1",
            ),
        ],
    ),
];

/// The command line with its examples.
pub(crate) fn add(command: Command) -> Command {
    add_below(command, "")
}

fn add_below(command: Command, path: &str) -> Command {
    let names: Vec<String> = command
        .get_subcommands()
        .map(|command| command.get_name().to_string())
        .collect();
    let mut command = command;
    for name in names {
        let below = format!("{path} {name}");
        command = command.mut_subcommand(name, |command| add_below(command, &below));
    }
    match text(path.trim()) {
        Some(text) => command.after_long_help(text),
        None => command,
    }
}

/// Most characters of a line, so that no terminal breaks a call in two.
const WIDTH: usize = 76;

/// The examples of a command as its help shows them.
fn text(path: &str) -> Option<String> {
    let (_, examples) = EXAMPLES.iter().find(|(name, _)| *name == path)?;
    let header = *Styles::default().get_header();
    let mut text = format!("{header}Examples:{header:#}\n");
    for (wanted, call) in *examples {
        text += &broken(wanted, "  # ", "  # ", "");
        text += &broken(call, "  ", "      ", " \\");
    }
    Some(text)
}

/// A text in lines of at most [`WIDTH`] characters where its words allow it; each line but the last ends in `mark`.
fn broken(text: &str, first: &str, next: &str, mark: &str) -> String {
    let mut lines = String::new();
    let mut line = first.to_string();
    for word in text.split(' ') {
        let is_begun = line.len() > next.len().max(first.len());
        if is_begun && line.len() + 1 + word.len() + mark.len() > WIDTH {
            lines += &format!("{}{mark}\n", line.trim_end());
            line = next.to_string();
        }
        line += word;
        line.push(' ');
    }
    lines + line.trim_end() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_call_is_broken_so_that_a_shell_joins_it() {
        for (path, examples) in EXAMPLES {
            let shown = text(path).unwrap();
            assert!(
                shown.lines().all(|line| line.len() <= WIDTH + 20),
                "{shown}"
            );
            for (_, call) in *examples {
                let joined = broken(call, "", "    ", " \\").replace(" \\\n    ", " ");
                assert_eq!(joined.trim_end(), *call);
            }
        }
    }
}
