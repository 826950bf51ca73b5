#!/bin/sh
# Makes sure that what `make` needs from the system is there: compilers, Python's
# headers and venv, simdjson, and debootstrap where a host root can be built.
#
# Installs with apt-get as root; otherwise prints the command to run and fails.
# Looks before it installs, so a complete machine is left alone.
# Usage: scripts/system-packages.sh [build|host|fuzz]...    (default: build)
set -eu
exec </dev/null
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

root=$(cd "$(dirname "$0")/.." && pwd)
missing=""
want() { missing="$missing $1"; }
has() { command -v "$1" >/dev/null 2>&1; }

check_build() {
    has gcc || want gcc
    has g++ || want g++
    has make || want make
    has git || want git
    has pkg-config || want pkg-config
    # pkg-config answers for the library and its headers at once.
    { has pkg-config && pkg-config --exists simdjson; } || want libsimdjson-dev
    # A Python that can be embedded: headers, a shared libpython, venv. Any that
    # the user points to, or has on the PATH, will do; else Debian's.
    if ! "$root/scripts/find-python.sh" >/dev/null 2>&1; then
        want python3-dev
        want python3-venv
    fi
}

check_host() {
    # Only root can build the host root; an existing host is used by anybody.
    if [ "$(id -u)" -eq 0 ]; then
        has debootstrap || want debootstrap
        has wget || want wget
        [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || want debian-archive-keyring
    fi
}

check_fuzz() {
    # The sanitizers' runtime is a package of its own; newer ones lie elsewhere.
    for runtime in "libclang_rt.fuzzer-$(uname -m).a" libclang_rt.fuzzer.a; do
        has clang++ && [ -e "$(clang++ -print-file-name="$runtime")" ] && return
    done
    want clang
    want libclang-rt-dev
}

for part in "${@:-build}"; do
    case $part in
        build) check_build ;;
        host) check_host ;;
        fuzz) check_fuzz ;;
        *) echo "system-packages.sh: no such part: $part (build, host, fuzz)" >&2; exit 2 ;;
    esac
done

[ -n "$missing" ] || exit 0
command="apt-get install -y --no-install-recommends$missing"
if ! has apt-get; then
    echo "missing:$missing (Debian's names); this machine has no apt-get, install them your way" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "missing:$missing" >&2
    echo "run: sudo $command" >&2
    exit 1
fi
echo "installing$missing (a minute at most)"
# Old package lists may still do: the installation decides.
apt-get update -qq >/dev/null 2>&1 || echo "apt-get update failed; trying the package lists that are already here"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# $missing is a list of words.
# shellcheck disable=SC2086
if ! apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1; then
    cat "$log" >&2
    echo "could not install:$missing" >&2
    exit 1
fi
