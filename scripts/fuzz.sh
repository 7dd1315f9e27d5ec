#!/usr/bin/env bash
# Fuzzes every reader: sounds, pictures, tables, word vectors and tokenisers, schemas and data sets, weights, configurations and run
# documents; each for SECONDS (default 60), beginning with the tests' files and those of fuzz_seeds.py, and prints how many inputs each was given:
#
#     scripts/fuzz.sh [SECONDS [CRATE...]]
#
# Needs a nightly toolchain and `cargo install cargo-fuzz`. Inputs that break something stay in the crate's fuzz/artifacts.
# The tests damage files of the same kinds at random in every run; this goes further, guided by coverage.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
crates=("$@")
[ ${#crates[@]} -gt 0 ] || crates=(cohort-audio cohort-vision cohort-tables cohort-text cohort-data cohort-weights cohort-pipeline)
for crate in "${crates[@]}"; do
    case $crate in
        cohort-audio | cohort-vision) target=decode seeds=tests/golden/decode ;;
        *) target=read seeds= ;;
    esac
    log=$(mktemp)
    (
        cd "crates/$crate"
        mkdir -p "fuzz/corpus/$target"
        python3 ../../scripts/fuzz_seeds.py "$crate" "fuzz/corpus/$target"
        # shellcheck disable=SC2086
        cargo +nightly fuzz run "$target" -- -max_len=65536 -max_total_time="$seconds" -rss_limit_mb=4096 \
            "fuzz/corpus/$target" $seeds
    ) 2>&1 | tee "$log"
    echo "$crate: $(grep -oE '^Done [0-9]+ runs' "$log" | grep -oE '[0-9]+') inputs in $seconds s, no finding"
done
