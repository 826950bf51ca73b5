"""init_config: what is accepted, what is refused and how, and the schema hosts see."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from k8saudit_eks.config.init_config import json_schema, parse_init_config
from k8saudit_eks.config.table import Config, table
from k8saudit_eks.errors import ConfigError


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_init_config(text)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("text", ["", " \n", "{}", "null", "# nothing but a comment\n"])
def test_nothing_configured_gives_the_defaults(text: str) -> None:
    """Every form of an empty configuration is the defaults of the Go plugin and the docs."""
    config = parse_init_config(text)
    assert config == Config()
    assert (config.region, config.profile, config.state_dir) == (None, None, None)
    assert (config.shift, config.polling_interval, config.buffer_size) == (1, 5, 200)
    assert config.use_async is True
    assert config.log_group_of("prod") == "/aws/eks/prod/cluster"
    assert config.log_stream_prefix_of("prod") == "kube-apiserver-audit-"
    assert (config.late_window, config.max_catch_up, config.api_rate) == (300, 3600, 5.0)


@pytest.mark.parametrize(
    "text",
    [
        '{"region":"us-east-1","profile":"default","shift":10,"use_async":false}',
        "region: us-east-1\nprofile: default\nshift: 10\nuse_async: false\n",
        "{region: us-east-1, profile: default, shift: 10.0, use_async: no}",
    ],
)
def test_json_and_yaml_mean_the_same(text: str) -> None:
    """A map arrives as JSON, a text as it was written: both are understood."""
    config = parse_init_config(text)
    assert (config.region, config.profile, config.shift) == ("us-east-1", "default", 10)
    assert config.use_async is False


def test_the_go_plugins_readme_example_is_understood() -> None:
    """The configuration its users have now works unchanged."""
    config = parse_init_config(
        json.dumps(
            {
                "region": "us-east-1",
                "profile": "default",
                "shift": 10,
                "polling_interval": 10,
                "use_async": False,
                "buffer_size": 500,
            }
        )
    )
    assert (config.shift, config.polling_interval, config.buffer_size) == (10, 10, 500)


def test_empty_and_null_values_count_as_unset() -> None:
    """YAML's `region:` and the Go plugin's "" both mean: not configured."""
    assert parse_init_config('{"region":"","profile":null,"shift":null,"log_group":""}') == Config()


def test_zero_means_the_default_only_where_documented() -> None:
    """0 is the default for polling_interval and buffer_size, and now for shift."""
    config = parse_init_config('{"polling_interval":0,"buffer_size":0,"shift":0}')
    assert (config.polling_interval, config.buffer_size, config.shift) == (5, 200, 0)


def test_integral_floats_are_integers() -> None:
    """Hosts turn integers of 2^31 and more into floats."""
    config = parse_init_config('{"shift":5.0,"max_event_size":2097152.0,"api_rate":2}')
    assert (config.shift, config.max_event_size, config.api_rate) == (5, 2_097_152, 2.0)
    assert type(config.shift) is int
    assert type(config.api_rate) is float


def test_a_shift_in_nanoseconds_is_refused_with_its_seconds() -> None:
    """3,600 s as the Go plugin really takes them must not become 114,000 years."""
    message = refusal('{"shift":3600000000000.0}')
    assert message.startswith("init_config: shift is 3600000000000.0, ")
    assert "write 3600 if you meant nanoseconds" in message


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('{"regoin":"x"}', ['"regoin"', "did you mean region?"]),
        ('{"Region":"x"}', ['"Region"', "did you mean region?"]),
        ('{"pollingInterval":5}', ['"pollingInterval"', "did you mean polling_interval?"]),
        ('{"polling-interval":5}', ["did you mean polling_interval?"]),
        ('{"zzz":1}', ['"zzz"', "the keys are region, profile"]),
        ('{"shift":-1}', ["shift is -1", "at least 0", "seconds"]),
        ('{"shift":1.5}', ["shift is 1.5", "whole number of seconds"]),
        ('{"shift":"10"}', ['shift is "10"', "without quotes"]),
        ('{"shift":true}', ["shift is true", "whole number"]),
        ('{"shift":[1]}', ["shift is [1]", "whole number"]),
        ('{"shift":1e999}', ["shift is Infinity"]),
        ('{"polling_interval":3601}', ["polling_interval is 3601", "at most 3600 seconds"]),
        ('{"late_window":0}', ["late_window is 0", "at least 1"]),
        ('{"api_rate":0}', ["api_rate is 0", "above 0"]),
        ('{"api_rate":-2.5}', ["api_rate is -2.5", "above 0"]),
        ('{"use_async":"false"}', ['use_async is "false"', "true or false", "without quotes"]),
        ('{"use_async":1}', ["use_async is 1", "true or false"]),
        ('{"region":5}', ["region is 5", "in quotes"]),
        ('{"region":"us-east-1a"}', ['"us-east-1a"', "availability zone", "us-east-1"]),
        ('{"region":"Frankfurt"}', ['region is "Frankfurt"', "eu-central-1"]),
        ('{"profile":"a\\nb"}', ['profile is "a\\nb"', "AWS config file"]),
        ('{"role_arn":"falco"}', ['role_arn is "falco"', "arn:aws:iam::<account>:role/<name>"]),
        ('{"endpoint_url":"localhost:4566"}', ["endpoint_url is", "http://"]),
        ('{"endpoint_url":"http://h:99999"}', ["endpoint_url is", "no endpoint"]),
        ('{"log_group":"/a b/{cluster}"}', ["log_group is", "log group's name"]),
        ('{"log_group":"/x/{clustr}"}', ["log_group is", "only {cluster}"]),
        ('{"log_stream_prefix":"a:b"}', ["log_stream_prefix is", "neither ':'"]),
        ('{"state_dir":"state"}', ['state_dir is "state"', "absolute path"]),
        ('{"external_id":"x-1"}', ["external_id needs role_arn"]),
        ("[1]", ["[1]", "map of keys"]),
        ("hello", ['"hello"', "map of keys"]),
        ("{a: [", ["neither JSON nor YAML", "line 1"]),
        ("[" * 100_000, ["nested too deeply"]),
    ],
)
def test_a_mistake_is_named_with_its_cure(text: str, parts: list[str]) -> None:
    """Every refusal is one line with the key, the value and what to write instead."""
    message = refusal(text)
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    "text",
    [
        '{"aws_secret_access_key":"hunter2"}',
        '{"session_tokn":"hunter2"}',
        '{"role_arn":"arn:aws:iam::123456789012:role/r","external_id":"hunter2 "}',
        '{"endpoint_url":"https://me:hunter2@logs"}',
        '{"endpoint_url":"me:hunter2@logs"}',
    ],
)
def test_what_may_be_a_credential_is_not_repeated(text: str) -> None:
    """Messages end up in logs; a password must not."""
    assert "hunter2" not in refusal(text)


def test_a_long_value_is_cut_in_the_message() -> None:
    """A message stays one readable line whatever was configured."""
    assert len(refusal(json.dumps({"region": "x" * 100_000}))) < 300


@pytest.mark.parametrize(
    "region",
    ["us-east-1", "eu-central-2", "us-gov-west-1", "us-iso-east-1", "eusc-de-east-1", "cn-north-1"],
)
def test_regions_of_every_partition_are_accepted(region: str) -> None:
    """No list of regions has to be kept up to date."""
    assert parse_init_config(json.dumps({"region": region})).region == region


def test_templates_replace_the_cluster() -> None:
    """Both names may hold the cluster's, anywhere."""
    config = parse_init_config(
        '{"log_group":"/audit/{cluster}","log_stream_prefix":"{cluster}-kube-apiserver-audit-"}'
    )
    assert config.log_group_of("prod") == "/audit/prod"
    assert config.log_stream_prefix_of("prod") == "prod-kube-apiserver-audit-"


def test_the_schema_describes_every_key() -> None:
    """Title, description, type, and the default where there is one."""
    schema = json.loads(json_schema())
    assert list(schema["properties"]) == [row.name for row in table()]
    for row in table():
        described = schema["properties"][row.name]
        assert described["title"] == row.name
        assert described["description"].startswith(row.key.description)
        assert described.get("default") == row.default


def test_the_schema_lets_mistakes_through_to_our_messages() -> None:
    """Numbers are never "integer" (hosts make floats of them), nothing has bounds."""
    schema = json.loads(json_schema())
    assert schema["type"] == ["object", "null"]  # an empty YAML map arrives as null
    assert "additionalProperties" not in schema
    assert "required" not in schema
    for described in schema["properties"].values():
        assert {"string", "null"} <= set(described["type"])
        assert "integer" not in described["type"]
        assert set(described) <= {"title", "description", "type", "default"}


def test_nothing_heavy_is_imported_with_the_module() -> None:
    """It runs in the host at every start: YAML only once it is needed."""
    program = (
        "import sys, k8saudit_eks.config.init_config as c; c.parse_init_config('{\"shift\":1}'); "
        "sys.exit(bool({'yaml', 'jsonschema', 'boto3', 'click', 'jsonpath_ng'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
