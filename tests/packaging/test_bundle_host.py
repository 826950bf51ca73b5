"""The bundle in a host without Python: any folder, no rights, no home, credentials of a pod."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aws_endpoints import Authority, PodIdentityAgent
from bare_root import BareRoot, Run
from demo.local_cloudwatch import CREDENTIALS, LocalCloudWatch
from unpacked import PLUGINS, Installation, look, unpack, watch

# Of the account that the local CloudWatch Logs takes invented credentials for.
ROLE = "arn:aws:iam::123456789012:role/falco"


@pytest.fixture(scope="module")
def installed(bundle_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The bundle where Falco looks for plugins."""
    return unpack(bundle_archive, tmp_path_factory.mktemp("layer"))


@pytest.fixture(scope="module")
def events(cloudwatch: LocalCloudWatch) -> list[str]:
    """Names of pods that somebody looked at, as the cluster's audit log has them."""
    names = [f"pod-{number}" for number in range(5)]
    cloudwatch.put([look(name) for name in names])
    return names


def seen(run: Run, number: int) -> list[str]:
    """Names of the pods in so many events, sorted; the host's errors where they don't come."""
    found = run.events(number)
    if len(found) < number:
        run.process.terminate()
        pytest.fail(f"{len(found)} events; {run.end()}")
    return sorted(event["ka.target.name"] for event in found)


@pytest.mark.parametrize("folder", [PLUGINS, Path("srv/Fälcö plug-ins, 2")], ids=str)
def test_a_cluster_is_read_from_any_folder(
    bare_root: BareRoot,
    bundle_archive: Path,
    cloudwatch: LocalCloudWatch,
    events: list[str],
    tmp_path: Path,
    folder: Path,
) -> None:
    """No Python, nothing to write to, nobody's rights, no HOME, no locale, nonsense in PYTHON*."""
    bundle = unpack(bundle_archive, tmp_path, folder)
    environment = {**CREDENTIALS, "PYTHONHOME": "/nonsense", "PYTHONPATH": "/etc:/nonsense"}
    command = watch(tmp_path, bundle.plugin(cloudwatch))
    with bare_root.running(tmp_path, command, environment) as run:
        assert seen(run, len(events)) == events
        run.process.terminate()
        assert run.end() == ""


def test_only_the_state_dir_is_written_to(
    bare_root: BareRoot,
    installed: Installation,
    cloudwatch: LocalCloudWatch,
    tmp_path: Path,
) -> None:
    """In a root that is read-only but for it, a restart goes on where the host stopped."""
    cluster = "remembered"
    cloudwatch.create_cluster(cluster)
    plugin = {**installed.plugin(cloudwatch, state_dir="/mnt"), "open_params": cluster}
    command = watch(installed.layer, plugin)
    for expected in ("before", "after"):
        cloudwatch.put([look(expected, age_s=1)], cluster)
        with bare_root.running(installed.layer, command, CREDENTIALS, writable=tmp_path) as run:
            assert seen(run, 1) == [expected]
            run.process.send_signal(signal.SIGINT)
            assert run.end() == ""
            assert run.line() is None
    assert list(tmp_path.iterdir())


def test_the_root_is_bare(bare_root: BareRoot, installed: Installation) -> None:
    """Beside the bundle there is neither Python nor a certificate, and nothing can be written."""
    script = """
        find /usr/bin /usr/lib /usr/local /etc /opt /srv /home /root \\( -name '*.py' \\
            -o -name 'libpython*' -o -path '*/bin/python*' -o -path '*/lib/python*' \\
            -o -name '*.pem' -o -name '*.crt' \\) \\
            2>/dev/null
        for folder in / /tmp /usr/share/falco/plugins; do
            ! (: >"$folder/file") 2>/dev/null || echo "$folder can be written to"
        done
        id -u
    """
    with bare_root.running(installed.layer, ["/bin/sh", "-c", script], {}) as run:
        assert run.line() == "65534\n"
        assert run.line() is None


def test_beside_another_python(
    bare_root: BareRoot, installed: Installation, cloudwatch: LocalCloudWatch, events: list[str]
) -> None:
    """A Python of another version in the host's own process disturbs nothing."""
    find = ["/bin/sh", "-c", "ls /usr/lib/*/libpython3.*.so.1.0"]
    with bare_root.running(installed.layer, find, {}, with_python=True) as run:
        line = run.line()
    assert line is not None
    environment = {
        **CREDENTIALS,
        "PYTHONHOME": "/usr",
        "PYTHONPATH": "/usr/lib/python3",
    }
    command = ["/usr/bin/env", f"LD_PRELOAD={line.strip()}"]
    command += watch(installed.layer, installed.plugin(cloudwatch))
    with bare_root.running(installed.layer, command, environment, with_python=True) as run:
        assert seen(run, len(events)) == events
        maps = Path(f"/proc/{run.process.pid}/maps").read_text("utf-8")
        assert Path(line.strip()).name in maps
        assert "libpython3" in maps.replace(line.strip(), "")


def test_credentials_by_web_identity(
    bare_root: BareRoot, installed: Installation, cloudwatch: LocalCloudWatch, events: list[str]
) -> None:
    """IRSA: a token in a file is changed for credentials at STS; there are no others."""
    token = installed.layer / "var/run/secrets/eks.amazonaws.com/serviceaccount/token"
    token.parent.mkdir(parents=True)
    token.write_text("a.projected.token", "utf-8")
    environment = {
        "AWS_ROLE_ARN": ROLE,
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"/{token.relative_to(installed.layer)}",
        "AWS_ENDPOINT_URL_STS": cloudwatch.endpoint_url,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    command = watch(installed.layer, installed.plugin(cloudwatch))
    with bare_root.running(installed.layer, command, environment) as run:
        assert seen(run, len(events)) == events
    del environment["AWS_ROLE_ARN"], environment["AWS_WEB_IDENTITY_TOKEN_FILE"]
    with bare_root.running(installed.layer, command, environment) as run:
        assert run.events(1) == []
        assert "credentials" in run.end()


def test_credentials_by_pod_identity(
    bare_root: BareRoot, installed: Installation, cloudwatch: LocalCloudWatch, events: list[str]
) -> None:
    """EKS Pod Identity: the agent is asked with the token of the pod's file."""
    token = installed.layer / "var/run/secrets/pods.eks.amazonaws.com/serviceaccount/token"
    token.parent.mkdir(parents=True)
    token.write_text("the.pods.token", "utf-8")
    agent = PodIdentityAgent("the.pods.token")
    with agent.running() as uri:
        environment = {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": uri,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"/{token.relative_to(installed.layer)}",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        command = watch(installed.layer, installed.plugin(cloudwatch))
        with bare_root.running(installed.layer, command, environment) as run:
            assert seen(run, len(events)) == events
    assert set(agent.authorizations) == {"the.pods.token"}


@pytest.fixture(scope="module")
def authority(installed: Installation, tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    (installed.layer / "srv").mkdir()
    (installed.layer / "srv/ca.pem").write_bytes(authority.ca_file.read_bytes())
    return authority


@pytest.fixture(scope="module")
def https_url(authority: Authority, cloudwatch: LocalCloudWatch) -> Iterator[str]:
    with authority.in_front_of(cloudwatch.endpoint_url) as url:
        yield url


def watched_over_tls(
    bare_root: BareRoot, installed: Installation, plugin: dict[str, Any], **environment: str
) -> tuple[Sequence[str], str]:
    """What one event shows, if one comes, and the host's errors."""
    command = watch(installed.layer, plugin)
    with bare_root.running(installed.layer, command, {**CREDENTIALS, **environment}) as run:
        found = [event["ka.target.name"] for event in run.events(1)]
        run.process.terminate()
        return found, run.end()


def test_an_unknown_authority_is_refused(
    bare_root: BareRoot, installed: Installation, cloudwatch: LocalCloudWatch, https_url: str
) -> None:
    """Certificates are checked, also where the host has no certificate authorities."""
    plugin = installed.plugin(cloudwatch, endpoint_url=https_url)
    found, errors = watched_over_tls(bare_root, installed, plugin)
    assert found == []
    assert "certificate" in errors.lower()


def test_an_authority_can_be_added(
    bare_root: BareRoot,
    installed: Installation,
    cloudwatch: LocalCloudWatch,
    events: list[str],
    https_url: str,
) -> None:
    """AWS_CA_BUNDLE names the authority of a proxy, say."""
    plugin = installed.plugin(cloudwatch, endpoint_url=https_url)
    found, errors = watched_over_tls(bare_root, installed, plugin, AWS_CA_BUNDLE="/srv/ca.pem")
    assert found[0] in events
    assert errors == ""


def test_authorities_are_those_of_the_bundle(
    bare_root: BareRoot,
    bundle_archive: Path,
    cloudwatch: LocalCloudWatch,
    events: list[str],
    authority: Authority,
    https_url: str,
    tmp_path: Path,
) -> None:
    """The bundle's own file of more than 100 authorities is what is believed."""
    bundle = unpack(bundle_archive, tmp_path)
    (known,) = (tmp_path / PLUGINS).rglob("cacert.pem")
    assert known.read_text("utf-8").count("BEGIN CERTIFICATE") > 100
    with known.open("ab") as file:
        file.write(authority.ca_file.read_bytes())
    plugin = bundle.plugin(cloudwatch, endpoint_url=https_url)
    found, errors = watched_over_tls(bare_root, bundle, plugin)
    assert found[0] in events
    assert errors == ""
