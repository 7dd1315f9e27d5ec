#!/usr/bin/env bash
# The three-path network on the small scene set and its enlarged forms, three seeds each; a line a run and a mean a set.
# scenes.sh COHORT SCENES OUT [SEEDS]: the binary, the folder of the scenes with small_train.txt and small_test.txt, a new folder.
set -euo pipefail
cohort=$1 scenes=$2 out=$3 seeds=${4:-"1 2 3"}
mkdir -p "$out"
recipes=([2]=mod1 [3]=mod1,mod2 [4]=mod1,mod2,mod3)
for set in 2 3 4; do
    "$cohort" data augment "$scenes" --train "$scenes/small_train.txt" --test "$scenes/small_test.txt" \
        --out "$out/set$set" --recipe "${recipes[$set]}" 2>/dev/null
    for seed in $seeds; do
        cat >"$out/set$set-seed$seed.toml" <<TOML
data = "set$set"
seed = $seed
modalities = ["image"]
[features]
image_size = 256
[image]
backbone = "three-paths"
augmentation = "none"
dropout = 0.0
[image.train]
epochs = 75
patience = 75
batch_size = 16
optimiser = "adam"
schedule = "constant"
learning_rate = 1e-3
warmup_epochs = 0
deferred_weights = 0.0
class_weights = "none"
TOML
        "$cohort" run "$out/set$set-seed$seed.toml" --out "$out/set$set-seed$seed" --resume 2>/dev/null |
            sed -n "s/^image  */set $set seed $seed: test accuracy, balanced accuracy, macro F1: /p"
    done
done
