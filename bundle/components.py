"""Who made what the bundle brings: name, version, licence and its text, of every component."""

from __future__ import annotations

import platform
import pyexpat
import re
import subprocess
import sysconfig
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from bundle import contents

# Licences as SPDX expressions (https://spdx.org/licenses), by Debian's source package:
# of the libraries alone, as their copyright files declare them.
_LICENSE_OF_SOURCE = {
    "bzip2": "bzip2-1.0.6",
    "expat": "MIT",
    "gcc": "GPL-3.0-or-later WITH GCC-exception-3.1",
    "libffi": "MIT",
    "openssl": "Apache-2.0",
    "simdjson": "Apache-2.0",
    "sqlite3": "blessing",
    "util-linux": "BSD-3-Clause",
    "xz-utils": "0BSD",
    "zlib": "Zlib",
}
# Packages that give theirs in words of their own.
_LICENSE_OF_PACKAGE = {
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "s3transfer": "Apache-2.0",
}
_SPDX_ID = re.compile(r"(?:[A-Za-z0-9]+-)?[A-Za-z0-9.+-]+")
_COMMON_LICENSE = re.compile(r"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9])")


class UnknownComponentError(Exception):
    """Where a file comes from, or under which licence, can't be said."""


@dataclass(frozen=True)
class Component:
    """One part that somebody else made.

    Attributes:
        purl: where it comes from (https://github.com/package-url/purl-spec), "" if nowhere.
        license: an SPDX expression.
        texts: files with the licence's text, copyright and notices.
    """

    name: str
    version: str
    purl: str
    license: str
    texts: tuple[Path, ...]
    description: str = ""


def all_components(shared_libraries: Collection[Path]) -> list[Component]:
    """Everything in the bundle but the plugin itself, in order of name.

    Args:
        shared_libraries: as they are on this machine.

    Raises:
        UnknownComponentError: one is not known well enough to hand it on.
    """
    libpython = str(sysconfig.get_config_var("INSTSONAME"))
    found = [_python(), *_taken_in(shared_libraries), *map(_wheel, contents.PACKAGES)]
    packages = {_package_of(path) for path in shared_libraries if path.name != libpython}
    found += [_debian(package) for package in packages]
    return sorted(found, key=lambda component: component.name)


def _python() -> Component:
    version = platform.python_version()
    candidates = (
        Path(sysconfig.get_path("stdlib"), "LICENSE.txt"),
        Path(f"/usr/share/doc/python{sysconfig.get_python_version()}/copyright"),
    )
    texts = tuple(path for path in candidates if path.exists())
    if not texts:
        raise UnknownComponentError(f"no licence text of Python in {candidates[0].parent}")
    return Component("python", version, f"pkg:generic/python@{version}", "PSF-2.0", texts[:1])


def _wheel(name: str) -> Component:
    about = metadata.metadata(name)
    version = about["Version"]
    fields = [about[key] for key in ("License-Expression", "License") if key in about]
    declared = fields[0] if fields else ""
    license_ = _LICENSE_OF_PACKAGE.get(name, declared)
    if not _SPDX_ID.fullmatch(license_) and name not in _LICENSE_OF_PACKAGE:
        raise UnknownComponentError(
            f"the package {name} is under {declared!r}: add its SPDX expression to {__file__}"
        )
    texts = tuple(
        Path(str(metadata.distribution(name).locate_file(file)))
        for file in metadata.files(name) or ()
        if ".dist-info/" in str(file) and re.match(r"(?i)(licen|notice|copying)", file.name)
    )
    return Component(name, version, f"pkg:pypi/{name}@{version}", license_, texts)


def _inside(name: str, version: str, license_: str, text: str, where: str) -> Component:
    """What a component has taken in without a licence's text: Debian has one, at `text`."""
    purl = f"pkg:generic/{name}@{version}" if version else ""
    texts = sorted(Path("/usr/share").glob(text))[:1]
    if not texts:
        raise UnknownComponentError(f"no licence text of {name} at /usr/share/{text}")
    return Component(name, version, purl, license_, tuple(texts), where)


def _taken_in(shared_libraries: Collection[Path]) -> list[Component]:
    where = "as botocore's wheel has it, in botocore/cacert.pem"
    found = [_inside("mozilla-ca-certificates", "", "MPL-2.0", "common-licenses/MPL-2.0", where)]
    where = "as cffi's wheel has it, in _cffi_backend"
    found.append(_inside("libffi", "", "MIT", "doc/libffi[0-9]*/copyright", where))
    if not any(path.name.startswith("libexpat.") for path in shared_libraries):
        version = pyexpat.EXPAT_VERSION.removeprefix("expat_")
        where = "as Python has it, in pyexpat"
        found.append(_inside("expat", version, "MIT", "doc/libexpat1/copyright", where))
    return found


def _package_of(path: Path) -> str:
    """Debian's package that a file belongs to."""
    # A package that is older than the merged /usr has it without that.
    for name in (str(path), str(path).removeprefix("/usr")):
        finished = subprocess.run(
            ["dpkg-query", "--search", name],  # noqa: S607 - Debian's
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode == 0:
            return finished.stdout.split(": ")[0]
    raise UnknownComponentError(f"{path} belongs to no Debian package: build the bundle on Debian")


def _debian(package: str) -> Component:
    shown = "${binary:Package}\t${Version}\t${Architecture}\t${source:Package}"
    finished = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={shown}", package],  # noqa: S607 - Debian's
        capture_output=True,
        text=True,
        check=True,
    )
    full_name, version, architecture, source = finished.stdout.split("\t")
    name = full_name.split(":")[0]
    license_ = _LICENSE_OF_SOURCE.get(re.sub(r"-\d+$", "", source))
    if license_ is None:
        raise UnknownComponentError(
            f"the licence of Debian's {source} is not known: add its SPDX expression to {__file__}"
        )
    copyright_ = Path("/usr/share/doc", name, "copyright")
    referred = set(_COMMON_LICENSE.findall(copyright_.read_text("utf-8")))
    common = [Path("/usr/share/common-licenses", one) for one in sorted(referred)]
    return Component(
        name,
        version,
        f"pkg:deb/debian/{name}@{quote(version, safe='')}?arch={architecture}",
        license_,
        (copyright_, *(path for path in common if path.exists())),
        "with symbols and sonames of the bundle's own",
    )
