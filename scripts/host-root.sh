#!/bin/sh
# Builds a root in which a real host lives, in the user's cache folder. Programs of it
# run with its own loader, so no chroot and no mounts are needed afterwards.
#
# Usage: scripts/host-root.sh [SUITE] [--with-python]
#   forky          (default) sysdig, libsinsp (what Falco is built on), the headers of
#                  the plugin API
#   trixie         libsinsp as the oldest supported Falco has it
#   --with-python  also what a build of the plugin with forky's own Python needs
# Needs root and debootstrap. Does nothing when the root is there. DEBIAN_MIRROR, if
# set, is where packages come from instead of debootstrap's default.
set -eu
exec </dev/null
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

suite=forky
with_python=no
for argument in "$@"; do
    case $argument in
        forky | trixie) suite=$argument ;;
        --with-python) with_python=yes ;;
        *) echo "usage: scripts/host-root.sh [forky|trixie] [--with-python]" >&2; exit 2 ;;
    esac
done
case $suite in
    # What says that the root is there, and what is installed in it.
    forky) proof=usr/bin/sysdig host_packages="sysdig libfalcosecurity0-dev" ;;
    # uthash-dev: the headers want it, their package does not say so.
    trixie) proof=usr/include/uthash.h host_packages="libfalcosecurity0-dev uthash-dev" ;;
esac
python_packages="python3-dev python3-venv gcc g++ libsimdjson-dev pkg-config libffi-dev"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/k8saudit-eks
target=$cache/$suite
log=$cache/$suite.log

complete() {
    [ -e "$target/$proof" ] || return 1
    [ "$with_python" = no ] || [ -e "$target/.with-python" ]
}

complete && exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "no host in $target: run 'sudo XDG_CACHE_HOME=${XDG_CACHE_HOME:-$HOME/.cache} make hosts' once" >&2
    exit 1
fi
mkdir -p "$cache"
# Two builds at once would make one broken root: the second waits.
exec 9>"$cache/$suite.lock"
flock 9
complete && exit 0

fail() {
    echo "$1; the end of $log:" >&2
    tail -n 15 "$log" >&2
    exit 1
}

install_packages() {
    # $2 is a list of words. A mirror whose index has outlived its date is still
    # signed; signatures are checked as ever.
    chroot "$1" apt-get -o Acquire::Check-Valid-Until=false update -qq >>"$log" 2>&1 ||
        echo "apt-get update failed in $1; trying the package lists that are already here"
    # shellcheck disable=SC2086
    chroot "$1" apt-get -o Acquire::Check-Valid-Until=false install -y -qq \
        --no-install-recommends $2 >>"$log" 2>&1
}

: >"$log"
if ! [ -e "$target/$proof" ]; then
    echo "building a Debian $suite root with ${host_packages%% *} in $target (about a minute, 450 MB)"
    unfinished=$cache/$suite.unfinished
    rm -rf "$unfinished"
    # debootstrap of Debian 12 has no script of that name; sid's is the one all
    # Debian suites use.
    debootstrap --variant=minbase "$suite" "$unfinished" "${DEBIAN_MIRROR:-}" sid >>"$log" 2>&1 ||
        fail "debootstrap failed"
    install_packages "$unfinished" "$host_packages" || fail "installing $host_packages failed"
    rm -rf "$unfinished"/var/cache/apt/archives/*.deb
    # Others than root may use it.
    chmod 755 "$unfinished"
    mv "$unfinished" "$target"
fi
if [ "$with_python" = yes ]; then
    echo "adding Python and compilers to $target (about a minute)"
    install_packages "$target" "$python_packages" || fail "installing $python_packages failed"
    rm -rf "$target"/var/cache/apt/archives/*.deb
    : >"$target/.with-python"
fi
