#!/bin/sh
# Makes .venv with everything the build, the tests and the demo need, and installs the
# package into it in editable form. Does nothing when that was done for the same
# pyproject.toml and the same Python.
set -eu
exec </dev/null
cd "$(dirname "$0")/.."

if ! python=$(scripts/find-python.sh); then
    exit 1
fi
wanted=$({ "$python" -VV; cat pyproject.toml setup.py; } | sha256sum)
stamp=.venv/k8saudit-eks.stamp
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_ROOT_USER_ACTION=ignore
echo "installing Python packages into .venv (about a minute the first time)"
[ -x .venv/bin/python ] || "$python" -m venv --clear .venv
# The build requirements come first: the package is then built with them, not in
# an isolated copy that would download them again.
.venv/bin/python -m pip install -qq 'setuptools>=70' wheel cffi jsonpath-ng
.venv/bin/python -m pip install -qq --no-build-isolation -e '.[dev]'
echo "$wanted" >"$stamp"
