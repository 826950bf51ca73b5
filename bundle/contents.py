"""What goes into the bundle of Python: modules of the standard library, packages, data.

The standard library is taken whole but for what is listed here: parts that are big and
that nothing in a plugin can want. Packages are those of PACKAGES, as pip installed them
in the environment that runs this.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path, PurePosixPath

from bundle import aws_models

ROOT = Path(__file__).resolve().parent.parent

# Everything that is imported while the plugin runs, and what that requires.
PACKAGES = (
    "botocore",
    "cffi",
    "jmespath",
    "python-dateutil",
    "pyyaml",
    "six",
    "urllib3",
)

# A client asks for no other data of a service (aws_models.py says which services).
_DATA_OF_A_SERVICE = ("endpoint-rule-set-1.json.gz", "service-2.json.gz")

# Patterns of fnmatch(3), on paths inside site-packages.
_LEFT_OUT_OF_PACKAGES = (
    "*.dist-info/*",
    "*/__pycache__/*",
    "../*",
    "*.pyi",
    "*/py.typed",
    "*.egg-link",
    "*.pth",
    "botocore/data/*/*",  # the services that are used come back in
    "botocore/docs/*.rst",
    "cffi/*",  # only needed to build
    "dateutil/zoneinfo/*.tar.gz",
    "urllib3/contrib/emscripten/*",
    "yaml/_yaml.*.so",  # pure Python reads an init_config just as well
    "_yaml/*",
)

# Rooms of the plugin's own package that run in a host. tests/unit/test_rooms.py compares
# them with what embed.py imports.
ROOMS_OF_THE_PLUGIN = (
    "__init__",
    "aws",
    "config",
    "delivery",
    "embed",
    "envelope",
    "errors",
    "event_queue",
    "host_log",
    "iam_policy",
    "log_events",
    "metrics",
    "native_log_events",
    "native_queue",
    "partitions",
    "plugin",
    "rfc3339",
    "sources",
    "targets",
)

# Interactive, packaging, building, testing, other systems; and paths of this machine.
_LEFT_OUT_OF_STANDARD_LIBRARY = (
    "EXTERNALLY-MANAGED",
    "__phello__*",
    "_aix_support.py",
    "_android_support.py",
    "_apple_support.py",
    "_ios_support.py",
    "_osx_support.py",
    "_pyrepl/*",
    "_sysconfigdata*",
    "antigravity.py",
    "config-*",
    "ctypes/*",
    "curses/*",
    "dbm/*",
    "dist-packages/*",
    "distutils/*",
    "doctest.py",
    "ensurepip/*",
    "idlelib/*",
    "lib-dynload/*",
    "lib2to3/*",
    "msilib/*",
    "pdb.py",
    "pydoc.py",
    "pydoc_data/*",
    "site-packages/*",
    "sitecustomize.py",
    "sqlite3/__main__.py",
    "test/*",
    "this.py",
    "tkinter/*",
    "turtle.py",
    "turtledemo/*",
    "unittest/*",
    "venv/*",
    "*/test/*",
    "*/tests/*",
    "*/__pycache__/*",
)

# Terminals, databases, other character sets, foreign functions, old compressions: not
# imported, and each would bring shared libraries of its own.
_LEFT_OUT_OF_EXTENSIONS = (
    "_bz2.*",
    "_codecs_*",
    "_crypt.*",
    "_ctypes*",
    "_curses*",
    "_dbm.*",
    "_gdbm.*",
    "_lzma.*",
    "_test*",
    "_tkinter.*",
    "_uuid.*",
    "_xx*",
    "_zstd.*",
    "audioop.*",
    "nis.*",
    "ossaudiodev.*",
    "readline.*",
    "spwd.*",
    "xx*",
)


def standard_library() -> dict[PurePosixPath, Path]:
    """Python files of the standard library: path in it, file here."""
    root = Path(sysconfig.get_path("stdlib"))
    files = ((_inside(path, root), path) for path in root.rglob("*.py"))
    return _without(dict(files), _LEFT_OUT_OF_STANDARD_LIBRARY)


def extension_modules() -> dict[PurePosixPath, Path]:
    """Shared objects that Python imports, its own and cffi's: file name, file here."""
    root = Path(sysconfig.get_path("stdlib"), "lib-dynload")
    modules = {_inside(path, root): path for path in root.glob("*.so")}
    for path in _files_of("cffi"):
        if fnmatch(str(path), "_cffi_backend.*.so"):
            modules[path] = path_of(path)
    return _without(modules, _LEFT_OUT_OF_EXTENSIONS)


def packages() -> dict[PurePosixPath, Path]:
    """Files of site-packages: path in it, file here. The plugin's own package is one."""
    files = {path: path_of(path) for name in PACKAGES for path in _files_of(name)}
    kept = _without(files, _LEFT_OUT_OF_PACKAGES)
    for path in files:
        is_of_a_client = path.name in _DATA_OF_A_SERVICE
        if is_of_a_client and aws_models.service_of(path) in aws_models.OPERATIONS:
            kept[path] = files[path]
    own = ROOT / "src" / "k8saudit_eks"
    for file in own.rglob("*.py"):
        path = _inside(file, own)
        if path.parts[0].removesuffix(".py") in ROOMS_OF_THE_PLUGIN:
            kept[PurePosixPath("k8saudit_eks", path)] = file
    return {path: file for path, file in kept.items() if not fnmatch(path.name, "*.so")}


def path_of(path: PurePosixPath) -> Path:
    """Where a path inside site-packages is on this machine."""
    for scheme in ("platlib", "purelib"):
        file = Path(sysconfig.get_path(scheme), path)
        if file.exists():
            return file
    raise FileNotFoundError(path)


def _files_of(package: str) -> Iterator[PurePosixPath]:
    for path in metadata.files(package) or ():
        if path.suffix != ".pyc":
            yield PurePosixPath(path)


def _inside(path: Path, root: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(root))


def _without(
    files: dict[PurePosixPath, Path], patterns: tuple[str, ...]
) -> dict[PurePosixPath, Path]:
    return {
        path: file
        for path, file in files.items()
        if not any(fnmatch(str(path), pattern) for pattern in patterns)
    }


def rules() -> list[Path]:
    """The project's rule files."""
    return sorted((ROOT / "rules").glob("*.yaml"))
