"""What fields mean, asked of both extractors; each correction to the Go plugin has a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from extractor import Event, MissingKeyError, UnknownFieldError, extract
from native_extract import TIME_NS, Key, Native, Values

Ask = Callable[..., Values]


@pytest.fixture
def ask(native: Native) -> Ask:
    """ask(event, field, argument): the answer that both extractors give."""

    def ask_both(event: dict[str, Any], name: str, arg: Key = None) -> Values:
        payload = json.dumps({"auditID": "a", **event}).encode()
        values = native.extract(payload, name, arg)
        assert Event(payload, TIME_NS).extract(name, arg) == values
        return values

    return ask_both


def pod(*containers: Any, **spec: Any) -> dict[str, Any]:
    """The creation of a pod with these containers."""
    return {
        "objectRef": {"resource": "pods"},
        "requestObject": {"spec": {"containers": list(containers), **spec}},
    }


class TestCorrections:
    """Where the Go plugin (0.12) answers wrongly."""

    def test_source_ips(self, ask: Ask) -> None:
        """The event's sourceIPs; the Go plugin looks under requestObject.rules."""
        event = {"sourceIPs": ["203.0.113.1", "10.0.0.1"]}
        assert ask(event, "ka.sourceips") == ["203.0.113.1", "10.0.0.1"]
        assert ask(event, "ka.sourceips", 1) == ["10.0.0.1"]
        assert ask(event, "ka.sourceips", 2) is None

    @pytest.mark.parametrize("family", ["containers", "initContainers", "ephemeralContainers"])
    @pytest.mark.parametrize(("suffix", "member"), [("user", "runAsUser"), ("group", "runAsGroup")])
    def test_effective_ids(self, ask: Ask, family: str, suffix: str, member: str) -> None:
        """A container's own, else the pod's, else 0; the Go plugin always says 0."""
        items = [{"securityContext": {member: 7}}, {"securityContext": {member: None}}, {}]
        name = f"ka.req.pod.{family}.eff_run_as_{suffix}"
        with_default = {"requestObject": {"spec": {family: items, "securityContext": {member: 5}}}}
        assert ask(with_default, name) == ["7", "5", "5"]
        assert ask(with_default, name, 2) == ["5"]
        assert ask({"requestObject": {"spec": {family: items}}}, name) == ["7", "0", "0"]

    @pytest.mark.parametrize(
        ("image", "repository"),
        [
            ("nginx", "nginx"),
            ("nginx:1.27", "nginx"),
            ("registry:5000/app:1", "registry:5000/app"),
            ("registry:5000/app", "registry:5000/app"),
            ("registry:5000/a/b@sha256:0123", "registry:5000/a/b"),
            ("r.example.com/app:1@sha256:0123", "r.example.com/app"),
        ],
    )
    def test_repository(self, ask: Ask, image: str, repository: str) -> None:
        """A registry's port is no tag; the Go plugin cuts at the first colon."""
        event = pod({"image": image})
        assert ask(event, "ka.req.pod.containers.image.repository") == [repository]
        assert ask(event, "ka.req.container.image.repository") == [repository]

    def test_container_without_a_member(self, ask: Ask) -> None:
        """The others' values; the Go plugin has none at all then."""
        event = pod({"name": "a", "image": "x"}, {"name": "b"}, {"image": "z"})
        assert ask(event, "ka.req.pod.containers.name") == ["a", "b"]
        assert ask(event, "ka.req.pod.containers.image") == ["x", "z"]
        assert ask(event, "ka.req.pod.containers.image", 1) is None

    def test_service_ports(self, ask: Ask) -> None:
        """The index selects a port; the Go plugin ignores it."""
        event = {"requestObject": {"spec": {"ports": [{"port": 80}, {"port": 443}]}}}
        assert ask(event, "ka.req.service.ports") == ['[{"port":80},{"port":443}]']
        assert ask(event, "ka.req.service.ports", 1) == ['{"port":443}']
        assert ask(event, "ka.req.service.ports", 2) is None

    def test_cluster_name(self, ask: Ask) -> None:
        """The cluster that the event came from; the Go plugin has no value on EKS."""
        envelope = {"k8saudit_eks": {"cluster": "prod"}}
        assert ask(envelope, "ka.cluster.name") == ["prod"]
        named = {**envelope, "annotations": {"cluster_name": "other"}}
        assert ask(named, "ka.cluster.name") == ["other"]

    def test_null_is_no_value(self, ask: Ask) -> None:
        """The Go plugin answers the text null."""
        event = {"verb": None, "user": {"groups": ["a", None]}, "objectRef": None}
        assert ask(event, "ka.verb") is None
        assert ask(event, "ka.target.name") is None
        assert ask(event, "ka.user.groups") == ["a"]

    def test_volume_hostpath(self, ask: Ask) -> None:
        """Equal, or starting so with a * at the key's end; an empty key is safe."""
        event = pod(volumes=[{"name": "a"}, {"hostPath": {"path": "/etc/ssl"}}])
        keys = {"/etc/ssl": "true", "/etc": "false", "/etc*": "true", "*": "true", "": "false"}
        for key, answer in keys.items():
            assert ask(event, "ka.req.volume.hostpath", key) == [answer]
        assert ask(pod(), "ka.req.volume.hostpath", "*") is None


class TestConditions:
    """Fields that have a value only sometimes."""

    def test_target_pod_name(self, ask: Ask) -> None:
        """Only for pods themselves, not for their subresources or other resources."""
        event = {"responseObject": {"metadata": {"name": "web-1"}}}
        pods, subresource = {"resource": "pods"}, {"resource": "pods", "subresource": "exec"}
        assert ask({**event, "objectRef": pods}, "ka.target.pod.name") == ["web-1"]
        assert ask({**event, "objectRef": subresource}, "ka.target.pod.name") is None
        assert ask({**event, "objectRef": {"resource": "jobs"}}, "ka.target.pod.name") is None

    def test_exec_command(self, ask: Ask) -> None:
        """The words of exec and attach only, decoded and in order."""
        uri = "/api/v1/namespaces/d/pods/p/exec?command=sh&command=-c&command=echo+a%26b&tty=true"
        event = {"requestURI": uri, "objectRef": {"resource": "pods", "subresource": "exec"}}
        assert ask(event, "ka.exec.command") == ["sh", "-c", "echo a&b"]
        assert ask(event, "ka.exec.command_line") == ["sh -c echo a&b"]
        log = {**event, "objectRef": {"resource": "pods", "subresource": "log"}}
        assert ask(log, "ka.exec.command") is None
        assert ask(log, "ka.exec.command_line") is None

    def test_any_privileged(self, ask: Ask) -> None:
        """Any of the three lists; no value where the request holds no container."""
        privileged = {"securityContext": {"privileged": True}}
        assert ask(pod({}, initContainers=[privileged]), "ka.req.pod.any_privileged") == ["true"]
        assert ask(pod({}), "ka.req.pod.any_privileged") == ["false"]
        assert ask(pod({}, initContainers=[privileged]), "ka.req.container.privileged") == ["false"]
        assert ask({"requestObject": {"spec": {}}}, "ka.req.pod.any_privileged") is None
        as_text = {"securityContext": {"privileged": "true"}}
        assert ask(pod(as_text), "ka.req.pod.any_privileged") == ["false"]

    def test_truncated(self, ask: Ask) -> None:
        """Always says true or false."""
        assert ask({}, "ka.truncated") == ["false"]
        assert ask({"k8saudit_eks": {"truncated": True}}, "ka.truncated") == ["true"]
        assert ask({"k8saudit_eks": {"truncated": 1}}, "ka.truncated") == ["false"]

    def test_too_many_query_parameters(self, ask: Ask) -> None:
        """Go counts the & and one more; above 10,000 nobody knows what the API server read."""
        exec_ = {"resource": "pods", "subresource": "exec"}
        for number, refused in ((9_999, "false"), (10_000, "true")):
            uri = "/x?dryRun=All&command=sh" + "&" * (number - 1)
            event = {"requestURI": uri, "objectRef": exec_}
            is_obeyed = refused == "false"
            assert ask(event, "ka.uri.too_many_params") == [refused]
            assert ask(event, "ka.truncated") == [refused]
            assert ask(event, "ka.uri.param", "dryRun") == (["All"] if is_obeyed else None)
            assert ask(event, "ka.exec.command") == (["sh"] if is_obeyed else None)
            assert ask(event, "ka.exec.command_line") == (["sh"] if is_obeyed else None)
            assert ask(event, "ka.uri.path") == ["/x"]
        assert ask({"requestURI": "/&" + "&" * 10_000}, "ka.uri.too_many_params") == ["false"]
        assert ask({}, "ka.uri.too_many_params") is None

    def test_what_go_drops_of_a_query_is_not_answered(self, ask: Ask) -> None:
        """A pair with a ; or a bad %-escape, and no other one."""
        uri = "/x?command=pg_dump;x&command=%zz&command=%4&%&a%=1&command=sh&command=%3B+%26&;&c"
        exec_ = {"resource": "pods", "subresource": "exec"}
        event = {"requestURI": uri, "objectRef": exec_}
        assert ask(event, "ka.exec.command") == ["sh", "; &"]
        assert ask(event, "ka.exec.command_line") == ["sh ; &"]
        assert ask(event, "ka.uri.param", "command") == ["sh"]
        assert ask(event, "ka.uri.param", "c") == [""]
        assert ask(event, "ka.uri.param", "a%") is None
        wrong = {"requestURI": "/x?container=safe;&container=victim"}
        assert ask(wrong, "ka.uri.param", "container") == ["victim"]

    def test_a_negative_zero_is_zero(self, ask: Ask) -> None:
        """The API server makes an integer of it."""
        event = {"requestObject": {"spec": {"securityContext": {"runAsUser": -0.0}}}}
        assert ask(event, "ka.req.pod.run_as_user") == ["0"]

    def test_binding_service_accounts(self, ask: Ask) -> None:
        """Those without a namespace are left out of namespace:name."""
        account = {"kind": "ServiceAccount", "name": "a"}
        event = {"requestObject": {"subjects": [account, {**account, "namespace": "n"}]}}
        name = "ka.req.binding.subjects.serviceaccount"
        assert ask(event, f"{name}_ns_names") == ["n:a"]
        assert ask(event, f"{name}_names") == ["a", "a"]

    @pytest.mark.parametrize("member", ["arn", "ARN", "Arn"])
    def test_identity_in_any_letter_case(self, ask: Ask, member: str) -> None:
        """Older authentication writes the extra attributes in other letter case."""
        event = {"user": {"extra": {member: ["arn:aws:iam::123456789012:root"]}}}
        assert ask(event, "ka.user.arn") == ["arn:aws:iam::123456789012:root"]
        assert ask(event, "ka.user.extra", member) == ["arn:aws:iam::123456789012:root"]
        assert ask(event, "ka.user.extra", "aRN") is None

    @pytest.mark.parametrize(
        ("extra", "first", "last"),
        [
            ({"arn": ["a"], "ARN": ["b"]}, ["a"], ["b"]),
            ({"arn": None, "ARN": ["b"]}, None, ["b"]),
            ({"ARN": ["b"], "arn": None}, ["b"], None),
        ],
    )
    def test_identity_twice(self, ask: Ask, extra: dict[str, Any], first: Any, last: Any) -> None:
        """The first counts, in a patch the last, as of members with one name."""
        assert ask({"verb": "get", "user": {"extra": extra}}, "ka.user.arn") == first
        assert ask({"verb": "patch", "user": {"extra": extra}}, "ka.user.arn") == last


class TestWorkload:
    """The pod spec of whatever workload the request writes."""

    SPEC: ClassVar[dict[str, Any]] = {
        "containers": [{"image": "a", "securityContext": {"capabilities": {"add": ["X", "Y"]}}}],
        "initContainers": [{"image": "b", "securityContext": {"privileged": True}}],
        "ephemeralContainers": [{"image": "c"}],
        "hostNetwork": True,
    }

    @pytest.mark.parametrize(
        ("resource", "spec"),
        [
            ("pods", SPEC),
            ("deployments", {"template": {"spec": SPEC}}),
            ("jobs", {"template": {"spec": SPEC}}),
            ("cronjobs", {"jobTemplate": {"spec": {"template": {"spec": SPEC}}}}),
        ],
    )
    def test_wherever_it_stands(self, ask: Ask, resource: str, spec: dict[str, Any]) -> None:
        """Pods, templates and job templates give the same answers."""
        event = {"objectRef": {"resource": resource}, "requestObject": {"spec": spec}}
        assert ask(event, "ka.req.workload.images") == ["a", "b", "c"]
        assert ask(event, "ka.req.workload.any_privileged") == ["true"]
        assert ask(event, "ka.req.workload.host_network") == ["true"]
        assert ask(event, "ka.req.workload.host_pid") is None
        assert ask(event, "ka.req.workload.add_capabilities") == ["X", "Y"]

    def test_host_paths_have_one_spelling(self, ask: Ask) -> None:
        """However a path is written, rules see the one that the kernel makes of it."""
        written = ["/", "", "/.", "//etc/", "/./etc//ssh/.", "run", "/var/.run", "/a/../b"]
        volumes = [{"hostPath": {"path": path}} for path in written]
        spec = {"volumes": volumes}
        event = {"objectRef": {"resource": "pods"}, "requestObject": {"spec": spec}}
        paths = ["/", "/", "/", "/etc", "/etc/ssh", "/run", "/var/.run", "/a/../b"]
        assert ask(event, "ka.req.workload.hostpaths") == paths

    def test_prefixes_of_host_paths(self, ask: Ask) -> None:
        """Every folder above a path to the eighth level, and the path."""
        deep = "/".join("abcdefghijklmnopqrstuvwxyz")
        volumes = [{"hostPath": {"path": path}} for path in ["/", "//etc/ssh/", deep]]
        spec = {"volumes": volumes}
        event = {"objectRef": {"resource": "pods"}, "requestObject": {"spec": spec}}
        prefixes = ask(event, "ka.req.workload.hostpath_prefixes")
        assert prefixes is not None
        assert prefixes[:4] == ["/", "/", "/etc", "/etc/ssh"]
        assert prefixes[4:6] == ["/", "/a"]
        assert prefixes[-2] == "/a/b/c/d/e/f/g/h"
        assert prefixes[-1] == f"/{deep}"
        assert len(prefixes) == 1 + 3 + 9 + 1

    @pytest.mark.parametrize("kind", ["hostPath", "local"])
    def test_path_of_a_persistent_volume(self, ask: Ask, kind: str) -> None:
        """A volume lies on a path of the host in one way or the other; no other object does."""
        spec = {kind: {"path": "/etc//ssh"}}
        event = {"objectRef": {"resource": "persistentvolumes"}, "requestObject": {"spec": spec}}
        assert ask(event, "ka.req.persistentvolume.hostpath") == ["/etc/ssh"]
        prefixes = ask(event, "ka.req.persistentvolume.hostpath_prefixes")
        assert prefixes == ["/", "/etc", "/etc/ssh"]
        event = {**event, "objectRef": {"resource": "pods"}}
        assert ask(event, "ka.req.persistentvolume.hostpath") is None

    def test_capabilities_have_one_spelling(self, ask: Ask) -> None:
        """However a capability is written, rules see the name that the runtime makes of it."""
        written = ["sys_admin", "CAP_NET_RAW", "cap_Bpf", "CAP_", "cap", "", "\u00b5\u0000x", 7]
        container = {"securityContext": {"capabilities": {"add": written, "drop": ["all"]}}}
        spec = {"containers": [container, container]}
        event = {"objectRef": {"resource": "pods"}, "requestObject": {"spec": spec}}
        names = ["SYS_ADMIN", "NET_RAW", "BPF", "", "CAP", "", "\u00b5\ufffdX", "7"]
        assert ask(event, "ka.req.workload.add_capabilities") == names * 2

    @pytest.mark.parametrize(
        ("kind", "found"), [("Pod", ["a"]), ("CronJob", ["c"]), ("Job", ["b"])]
    )
    def test_without_object_reference(self, ask: Ask, kind: str, found: list[str]) -> None:
        """The kind decides where the event does not name the resource."""
        spec = {
            "serviceAccountName": "a",
            "template": {"spec": {"serviceAccountName": "b"}},
            "jobTemplate": {"spec": {"template": {"spec": {"serviceAccountName": "c"}}}},
        }
        event = {"requestObject": {"kind": kind, "spec": spec}}
        assert ask(event, "ka.req.workload.service_account") == found

    def test_decoys_are_not_looked_at(self, ask: Ask) -> None:
        """Members that the API server ignores can't stand in for the real pod spec."""
        decoy = {"containers": [{"image": "harmless"}], "hostNetwork": False}
        spec = {**decoy, "jobTemplate": {"spec": {"template": {"spec": decoy}}}}
        spec["template"] = {"spec": self.SPEC}
        event = {"objectRef": {"resource": "deployments"}, "requestObject": {"spec": spec}}
        assert ask(event, "ka.req.workload.images") == ["a", "b", "c"]
        assert ask(event, "ka.req.workload.host_network") == ["true"]

    def test_other_objects_have_none(self, ask: Ask) -> None:
        """A service has a spec, but no pods."""
        event = {"objectRef": {"resource": "services"}, "requestObject": {"spec": self.SPEC}}
        assert ask(event, "ka.req.workload.images") is None
        assert ask(event, "ka.req.workload.any_privileged") is None


class TestRequestUri:
    """Query parameters and path."""

    def test_parameters(self, ask: Ask) -> None:
        """The first value, decoded; empty where there is none; names are decoded too."""
        event = {"requestURI": "/a%20b+c/%zz?x=1&x=2&y&%6Eame=%C3%A9+%00%ff&&=none&z=a=b"}
        expected = {"x": "1", "y": "", "name": "é \ufffd\ufffd", "": "none", "z": "a=b"}
        for key, value in expected.items():
            assert ask(event, "ka.uri.param", key) == [value]
        assert ask(event, "ka.uri.param", "absent") is None
        assert ask(event, "ka.uri.path") == ["/a b+c/%zz"]

    def test_without_query(self, ask: Ask) -> None:
        """No ?, no parameters."""
        assert ask({"requestURI": "/livez"}, "ka.uri.param", "livez") is None
        assert ask({"requestURI": 7}, "ka.uri.path") is None


class TestTimes:
    """Durations in milliseconds."""

    @pytest.mark.parametrize(
        ("start", "end", "milliseconds"),
        [
            ("2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:01.250999Z", 1250),
            ("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", 1000),
            ("2024-02-28T23:00:00Z", "2024-03-01T00:00:00+01:00", 86_400_000),
            ("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z", 0),
        ],
    )
    def test_duration(self, ask: Ask, start: str, end: str, milliseconds: int) -> None:
        """From the request's arrival to the stage; never negative."""
        event = {"requestReceivedTimestamp": start, "stageTimestamp": end}
        assert ask(event, "ka.duration_ms") == [milliseconds]

    @pytest.mark.parametrize("broken", [None, "", "now", "2026-13-01T00:00:00Z", 5])
    def test_duration_of_broken_times(self, ask: Ask, broken: Any) -> None:
        """No value where one of the times is missing or none."""
        event = {"requestReceivedTimestamp": broken, "stageTimestamp": "2026-01-01T00:00:00Z"}
        assert ask(event, "ka.duration_ms") is None

    @pytest.mark.parametrize(
        ("after_ms", "delay_ms"), [(2_500, 2_500), (0, 0), (-1_000, 0), (0.5, None)]
    )
    def test_ingestion_delay(self, ask: Ask, after_ms: float, delay_ms: int | None) -> None:
        """From the event's time in the host's header; never negative."""
        event = {"k8saudit_eks": {"ingestion_time_ms": TIME_NS // 1_000_000 + after_ms}}
        assert ask(event, "ka.eks.ingestion_delay_ms") == (None if delay_ms is None else [delay_ms])


class TestPointer:
    """ka.value."""

    EVENT: ClassVar[dict[str, Any]] = {"a/b": {"m~n": [10, {"": "x"}]}, "01": [1], "n": None}

    @pytest.mark.parametrize(
        ("pointer", "value"),
        [
            ("/a~1b/m~0n/0", "10"),
            ("/a~1b/m~0n/1", '{"":"x"}'),
            ("/a~1b/m~0n/1/", "x"),
            ("/a~1b/m~0n/2", None),
            ("/a~1b/m~0n/00", None),
            ("/a~1b/m~0n/-", None),
            ("/a~1b/m~0n/18446744073709551616", None),
            ("/01/0", "1"),
            ("/n", None),
            ("a", None),
            ("/a~", None),
            ("/a~2b", None),
            ("", '{"auditID":"a","a/b":{"m~n":[10,{"":"x"}]},"01":[1],"n":null}'),
        ],
    )
    def test_pointer(self, ask: Ask, pointer: str, value: str | None) -> None:
        """RFC 6901; what is malformed or absent has no value."""
        assert ask(self.EVENT, "ka.value", pointer) == (None if value is None else [value])


class TestReference:
    """What only the reference extractor says."""

    def test_unknown_field(self) -> None:
        """A field that does not exist is an error."""
        with pytest.raises(UnknownFieldError, match=r"no field ka\.nothing"):
            extract(b'{"auditID":"a"}', "ka.nothing")

    def test_missing_key(self) -> None:
        """A key that is required is missed."""
        with pytest.raises(MissingKeyError, match=r"ka\.value needs a key"):
            extract(b'{"auditID":"a"}', "ka.value")
