"""A training whose batches another process makes is the training that makes them itself."""

import json
import signal
import subprocess

import numpy as np
import pytest

from rnn_keras.data.batching import FixedBatches
from rnn_keras.distributed.data_service import served
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_runs import history, started, tiny_app, trained, wait_for_epochs

SETTINGS = ("--epochs", 30)


class Service:
    def __init__(self):
        self.process = tiny_app("serve-data", *SETTINGS, "--port", 0, "--json", stderr=subprocess.PIPE)
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        self.address = json.loads(answer)["data_service"]

    def end(self, how):
        self.process.send_signal(how)
        _, errors = self.process.communicate(timeout=60)
        assert self.process.returncode == 0 and errors.endswith("ended\n")


@pytest.fixture(scope="module")
def service():
    running = Service()
    yield running.address
    running.end(signal.SIGINT)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("alone")
    _, weights = trained(run_dir, *SETTINGS)
    return run_dir, weights


@pytest.mark.parametrize("further", [(), ("--workers", 2)])
def test_the_result_is_that_of_the_own_pipeline(service, alone, tmp_path, further):
    """Also where each of two processes reads all the batches from the same service."""
    there, expected = alone
    out, weights = trained(tmp_path, *SETTINGS, *further, "--data-service", service)
    assert f"batches come from {service}" in out
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(history(tmp_path)[name], history(there)[name], atol=1e-5)


def test_a_training_goes_on_where_the_service_was_lost(alone, tmp_path):
    _, expected = alone
    service = Service()
    process = started(tmp_path, *SETTINGS, "--data-service", service.address)
    wait_for_epochs(2, tmp_path, process)
    service.process.kill()
    service.process.communicate()
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 2 and "was lost" in out, out

    again = Service()
    out, weights = trained(tmp_path, *SETTINGS, "--data-service", again.address)
    again.end(signal.SIGTERM)
    assert "going on after epoch" in out
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)


def test_another_training_is_refused(service):
    batches = FixedBatches((np.zeros((4, 2), np.float32),), 2, shuffle=False)
    with pytest.raises(UserError, match="has other batches"):
        served(batches, "tiny-of-other-settings", service)(0)


def test_addresses_that_are_none_are_told():
    batches = FixedBatches((np.zeros((4, 2), np.float32),), 2, shuffle=False)
    for address, sentence in (("5050", "expected host:port"), ("localhost:1", "nothing answers there")):
        with pytest.raises(UserError, match=sentence):
            served(batches, "tiny", address)
