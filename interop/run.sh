#!/bin/sh
# Exports the 44M model's forward pass as HLO text and as HLO proto, loads and runs both with crate `xla`, and compares
# the logits with our own. Exit status 1 if they differ.
#
# usage: run.sh [DIR]      DIR is a folder for everything that is made; default: interop/target/run
#
# XLA comes from `compose.sh`, unless XLA_EXTENSION_DIR names what crate `xla` is to be built against.
# Needs Rust, gcc and g++, python3 with pip, 2 GB on disk, and a network for crates and wheels. CARGO_BUILD_JOBS=1 keeps
# the builds from taking the whole machine.
set -eu

model=44m
batch=2
# The last block of queries is shorter than the others.
seq=200
seed=2112

fail() {
    echo "error: $*" >&2
    exit 1
}

here=$(cd "$(dirname "$0")" && pwd)
[ $# -le 1 ] || { echo "usage: run.sh [DIR]" >&2 && exit 2; }
work=${1:-$here/target/run}
case $work in -*) echo "usage: run.sh [DIR]" >&2 && exit 2 ;; esac
for tool in cargo gcc g++; do
    command -v "$tool" >/dev/null || fail "there is no $tool on the PATH"
done
problem=$(mkdir -p "$work" 2>&1) || fail "cannot make the folder $work: $problem"
work=$(cd "$work" && pwd)

if [ -z "${XLA_EXTENSION_DIR:-}" ]; then
    environment=$(sh "$here/compose.sh" "$work/xla")
    . "$environment"
elif [ ! -e "$XLA_EXTENSION_DIR/lib/libxla_extension.so" ]; then
    fail "XLA_EXTENSION_DIR is $XLA_EXTENSION_DIR, where there is no lib/libxla_extension.so; unset it to have it made"
else
    XLA_EXTENSION_DIR=$(cd "$XLA_EXTENSION_DIR" && pwd)
    export XLA_EXTENSION_DIR
fi

cd "$here/.."
program=$work/$model.forward
cargo build --release --locked --bin gopher --example forward_logits
for format in text proto; do
    suffix=hlo
    [ $format = text ] || suffix=pb
    cargo run --quiet --release --locked --bin gopher -- export --model $model --program forward \
        --format hlo-$format --batch $batch --seq $seq -o "$program.$suffix"
done
echo "computing the logits with our own plugin" >&2
cargo run --quiet --release --locked --example forward_logits -- --model $model --batch $batch --seq $seq \
    --seed $seed -o "$work/$model.safetensors"

cd "$here"
cargo run --release --locked -- "$work/$model.safetensors" "$program.hlo" "$program.pb"
