"""The environment variable TF_CONFIG: TensorFlow's form is read, and any other is one sentence."""

import json

import pytest

from rnn_keras.distributed.cluster import Cluster, read_tf_config
from rnn_keras.utils.errors import UserError

WORKERS = ["a:1", "b:2"]


@pytest.mark.parametrize(
    ("cluster", "task", "expected"),
    [
        ({"worker": WORKERS}, {"type": "worker", "index": 1}, (1, 2)),
        ({"worker": WORKERS}, {"type": "worker", "index": "0"}, (0, 2)),  # a text, as some services set it
        ({"chief": ["c:1"], "worker": WORKERS}, {"type": "worker", "index": 1}, (2, 3)),
        ({"chief": ["[::1]:1"], "worker": WORKERS}, {"type": "chief", "index": 0}, (0, 3)),
    ],
)
def test_the_form_of_tensorflow_is_read(cluster, task, expected):
    assert read_tf_config(json.dumps({"cluster": cluster, "task": task, "environment": "cloud"})) == expected


TASK = {"type": "worker", "index": 0}


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ([1], "not an object with the objects cluster and task"),
        (3, "not an object with the objects"),
        (None, "not an object with the objects"),
        ("worker", "not an object with the objects"),
        ({"cluster": {"worker": WORKERS}}, "not an object with the objects"),
        ({"cluster": WORKERS, "task": TASK}, "not an object with the objects"),
        ({"cluster": {"worker": WORKERS}, "task": [0]}, "not an object with the objects"),
        ({"cluster": {"worker": "a:1"}, "task": TASK}, "the addresses of worker are not a list of host:port"),
        ({"cluster": {"worker": {"0": "a:1"}}, "task": TASK}, "the addresses of worker are not a list"),
        ({"cluster": {"worker": [WORKERS]}, "task": TASK}, "the addresses of worker are not a list"),
        ({"cluster": {"worker": ["a"]}, "task": TASK}, "the addresses of worker are not a list"),
        ({"cluster": {"worker": [1, 2]}, "task": TASK}, "the addresses of worker are not a list"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": TASK}, "two processes have the same address"),
        ({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": True}}, "not a number from 0"),
        ({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": None}}, "not a number from 0"),
        ({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": -1}}, "not a number from 0"),
        ({"cluster": {"worker": WORKERS}, "task": {"type": "worker", "index": 2}}, "no task worker with the index 2"),
        ({"cluster": {"worker": WORKERS}, "task": {"type": ["worker"], "index": 0}}, "no task .* with the index 0"),
        ({"cluster": {}, "task": TASK}, "no task worker with the index 0"),
    ],
)
def test_any_other_form_is_a_sentence(config, reason):
    with pytest.raises(UserError, match=rf'TF_CONFIG is .* \(.*{reason}.*\): expected \{{"cluster": \{{"worker"'):
        read_tf_config(json.dumps(config))


@pytest.mark.parametrize("text", ["{", "", "[" * 100_000])
def test_what_is_not_json_is_a_sentence(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(UserError, match=r"TF_CONFIG is .* expected"):
        Cluster()
