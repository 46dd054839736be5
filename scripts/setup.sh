#!/bin/sh
# Make .venv in this clone from requirements.lock, and install the project into it, editable.
#
# Does nothing when nothing changed since the last time (a stamp in .venv says for what it was made). PYTHON=... chooses
# the interpreter. No dependency is resolved here and none is built: the lock is complete, hash-pinned and made of wheels.
set -eu
cd "$(dirname "$0")/.."

fail() {
    printf 'make setup: %s\n' "$1" >&2
    exit 1
}

# Making an environment anew empties the folder, and through a link that would be another clone's.
[ ! -L .venv ] || fail "expected .venv to be a folder of this clone; found: a link to $(readlink .venv).
Remove the link: rm .venv"

# The environment holds absolute paths, so a clone that moved needs a new one: the path is part of the stamp.
stamp_now() {
    printf '%s %s\n' "$(cat pyproject.toml sdk/pyproject.toml requirements.lock scripts/setup.sh | cksum)" "$(pwd -P)"
}

is_current() {
    [ -x .venv/bin/python ] && [ -f .venv/titan-setup ] && [ "$(cat .venv/titan-setup)" = "$(stamp_now)" ]
}

can_make_environments() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && "$1" -c 'import ensurepip, venv' 2>/dev/null
}

# 3.11 first: the lock is resolved on it. A pyenv shim may exist and yet refuse to run, so each is tried.
find_python() {
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.13 python3 python; do
        if can_make_environments "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    found=$(python3 -c 'import sys; print("python3 is", sys.version.split()[0])' 2>/dev/null || echo "no python3")
    fail "expected Python 3.11 or newer with the modules venv and ensurepip; found: $found.
Install one (Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.11), or name one: make setup PYTHON=/path/to/python3"
}

# True when .venv was made at this very path by an interpreter that still runs: then an update is enough.
can_be_updated() {
    [ -f .venv/pyvenv.cfg ] && .venv/bin/python -c '
import os, sys
sys.exit(sys.version_info < (3, 11) or os.path.realpath(sys.prefix) != os.path.realpath(".venv"))' 2>/dev/null &&
        .venv/bin/python -m pip --version >/dev/null 2>&1 && { [ ! -f .venv/titan-setup ] || grep -qF " $(pwd -P)" .venv/titan-setup; }
}

install() {
    # pip as root warns about itself; inside a virtual environment there is nothing to warn about.
    PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        .venv/bin/python -m pip install --quiet --no-deps "$@"
}

if is_current; then exit 0; fi  # before anything is written: the clone may belong to another user
[ -w . ] || fail "expected a clone that $(id -un) may write, to make .venv in; found $(pwd -P) read-only.
Clone it again as $(id -un), or run make as its owner"
if command -v flock >/dev/null 2>&1; then
    exec 9>.setup.lock  # two makes at once would write the same environment
    flock 9
fi
if is_current; then exit 0; fi

if ! can_be_updated; then
    python=$(find_python)
    echo "make setup: making .venv with $("$python" --version) ($python)"
    "$python" -m venv --clear .venv || fail "$python could not make .venv; its message stands above"
fi
rm -f .venv/titan-setup
echo "make setup: installing what requirements.lock names into .venv (about a minute, more on a slow line)"
install --only-binary :all: --require-hashes -r requirements.lock ||
    fail "the locked packages could not be installed; pip's message stands above (is the package index reachable?)"
install --no-build-isolation --editable sdk --editable . || fail "the project could not be installed into .venv; pip's message stands above"
stamp_now >.venv/titan-setup
echo "make setup: done"
