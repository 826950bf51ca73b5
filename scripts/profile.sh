#!/bin/sh
# Runs bench/NAME.py under a profiler: perf, which sees native code, or else py-spy, which
# sees Python's. Usage: scripts/profile.sh NAME
set -eu
exec </dev/null
cd "$(dirname "$0")/.."

bench=bench/$1.py
if [ ! -f "$bench" ]; then
    echo "there is no $bench" >&2
    exit 2
fi
mkdir -p build/profile
if command -v perf >/dev/null 2>&1; then
    perf record --call-graph dwarf -o "build/profile/$1.perf" .venv/bin/python "$bench" || true
    echo "read it with: perf report -i build/profile/$1.perf"
    exit 0
fi
for spy in .venv/bin/py-spy py-spy; do
    if command -v "$spy" >/dev/null 2>&1; then
        "$spy" record --native --subprocesses -o "build/profile/$1.svg" -- \
            .venv/bin/python "$bench" || true
        echo "open build/profile/$1.svg in a browser"
        exit 0
    fi
done
echo "no profiler here: apt-get install linux-perf, or .venv/bin/pip install py-spy" >&2
exit 1
