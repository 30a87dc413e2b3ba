#!/bin/sh
# fuzz.sh FUZZER SECONDS SEEDS -- run one fuzzer for a while, from its seeds if it has some. What it
# finds is kept beside the build, so that later runs start from there. The same walk every time, so
# that the suite says the same of the same code; FUZZ_SEED=N takes another one.
set -eu
fuzzer=$1 seconds=$2 seeds=$3
corpus=$fuzzer.corpus
mkdir -p "$corpus"
[ -d "$seeds" ] && set -- "$corpus" "$seeds" || set -- "$corpus"
exec "$fuzzer" -seed="${FUZZ_SEED:-1}" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -malloc_limit_mb=256 -print_final_stats=0 -verbosity=0 -artifact_prefix="$corpus-" "$@"
