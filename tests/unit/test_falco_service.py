"""Which systemd service runs Falco, and as whom."""

from __future__ import annotations

import pwd
from pathlib import Path, PurePosixPath

import pytest

from k8saudit_eks.falco.places import User, user
from k8saudit_eks.falco.service import Service, service


def units(root: Path, **files: str) -> None:
    """The units of a package, without ".service"; one of them is linked as falco.service."""
    packaged = root / "usr/lib/systemd/system"
    packaged.mkdir(parents=True)
    for name, text in files.items():
        (packaged / f"{name.replace('_', '-')}.service").write_text(text, "utf-8")
    enabled = root / "etc/systemd/system"
    enabled.mkdir(parents=True)
    # systemctl enable writes absolute targets, which are those of the root.
    (enabled / "falco.service").symlink_to("/usr/lib/systemd/system/falco-custom.service")


def test_no_service(tmp_path: Path) -> None:
    """An image, or a package whose service is not enabled."""
    assert service(tmp_path) is None


@pytest.mark.parametrize(
    ("text", "user"),
    [("[Service]\nUser=%u\n", "root"), ("[Service]\n", "root"), ("User = falco\n", "falco")],
)
def test_the_enabled_one(tmp_path: Path, text: str, user: str) -> None:
    """What falco.service links to; without User=, and with the manager's own, it is root."""
    units(tmp_path, falco_custom=text, falco_kmod="[Service]\nUser=somebody\n")
    assert service(tmp_path) == Service("falco-custom", user, sets_engine=False)


def test_the_last_word(tmp_path: Path) -> None:
    """The administrator's drop-in files win over the packages' units."""
    command = "ExecStart=/usr/bin/falco -o engine.kind=kmod\n"
    units(tmp_path, falco_custom=f"[Service]\nUser=root\n{command}")
    assert service(tmp_path) == Service("falco-custom", "root", sets_engine=True)
    more = tmp_path / "etc/systemd/system/falco-custom.service.d/more.conf"
    more.parent.mkdir()
    more.write_text("[Service]\nUser=falco\nExecStart=\nExecStart=/usr/bin/falco\n", "utf-8")
    assert service(tmp_path) == Service("falco-custom", "falco", sets_engine=False)


def test_a_user_of_a_directory_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by name and by number, although the service lists no users."""
    entry = pwd.struct_passwd(("falco", "x", 990, 980, "", "/var/lib/falco", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwall", list)
    monkeypatch.setattr(pwd, "getpwnam", {"falco": entry}.__getitem__)
    monkeypatch.setattr(pwd, "getpwuid", {990: entry}.__getitem__)
    expected = User("falco", 990, 980, PurePosixPath("/var/lib/falco"))
    assert user(Path("/"), "falco") == user(Path("/"), "990") == expected
