#!/usr/bin/env bash
# Fuzzes the decoders of sounds and pictures, each for SECONDS (default 60), beginning with the tests' files:
#
#     scripts/fuzz.sh [SECONDS]
#
# Needs a nightly toolchain and `cargo install cargo-fuzz`. Inputs that break something stay in the crate's fuzz/artifacts.
# The tests damage the same files at random in every run (tests/mutations.rs); this goes further, guided by coverage.
set -euo pipefail
cd "$(dirname "$0")/.."
for crate in cohort-audio cohort-vision; do
    (cd "crates/$crate" && cargo +nightly fuzz run decode -- -max_len=65536 -max_total_time="${1:-60}" -rss_limit_mb=4096 \
        fuzz/corpus/decode tests/golden/decode)
done
