#!/bin/sh
# Prints the Python to build with: $PYTHON if set, else the first of python3 on the
# PATH and Debian's that is 3.11 or newer and can be embedded (headers, a shared
# libpython) and can make virtual environments. Fails with one line if none can.
set -eu
exec </dev/null

probe='
import os, sys, sysconfig
def refuse(reason):
    sys.exit(f"{sys.executable}: {reason}")
if sys.version_info < (3, 11):
    refuse("older than Python 3.11")
if not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")):
    refuse("Python.h is missing (apt-get install python3-dev)")
if not sysconfig.get_config_var("Py_ENABLE_SHARED"):
    refuse("built without a shared libpython (--enable-shared)")
try:
    import ensurepip, venv
except ImportError:
    refuse("can not make virtual environments (apt-get install python3-venv)")
print(sys.executable)
'

if [ -n "${PYTHON:-}" ]; then
    exec "$PYTHON" -c "$probe"
fi
reasons=""
for candidate in python3 /usr/bin/python3; do
    if reason=$("$candidate" -c "$probe" 2>&1); then
        echo "$reason"
        exit 0
    fi
    [ "$reason" = "$reasons" ] || reasons="${reasons:+$reasons; }$reason"
done
echo "no usable Python: $reasons" >&2
exit 1
