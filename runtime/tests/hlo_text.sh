#!/bin/sh
# Runs the tests of exports with HLO text among them, read by XLA's own parser.
# usage: hlo_text.sh VENV      VENV is a folder for a Python environment; made, and jaxlib installed, if need be
set -eu
venv=${1:?usage: hlo_text.sh VENV}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
venv=$(cd "$venv" && pwd)
"$venv/bin/python" -c 'import jaxlib._hlo' 2>/dev/null ||
    "$venv/bin/python" -m pip install --quiet --no-deps jaxlib==0.10.2 numpy ml_dtypes
cd "$(dirname "$0")/../.."
GOPHER_JAXLIB_PYTHON="$venv/bin/python" cargo test -p runtime --test ops --test random --test collectives
