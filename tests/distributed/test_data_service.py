"""A training whose batches another process makes is the training that makes them itself."""

import json
import re
import signal
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from rnn_keras.data.batching import FixedBatches
from rnn_keras.distributed import data_service
from rnn_keras.distributed.data_service import read_from_service, watch_service
from rnn_keras.training.config import hash_config
from rnn_keras.utils.errors import UserError
from tests.helpers.tiny_app import TinyApp, TinyConfig
from tests.helpers.tiny_runs import (
    read_history,
    start_app,
    start_training,
    train,
    train_here,
    wait_for,
    wait_for_epochs,
)

EPOCHS = 30


class Service:
    """A `serve-data` in a process of its own, for trainings of 30 epochs."""

    def __init__(self):
        options = ("--patience", 500, "--epochs", EPOCHS, "--port", 0, "--json")
        self.process = start_app("serve-data", *options, stderr=subprocess.PIPE)
        answer = self.process.stdout.readline()
        assert answer, self.process.stderr.read()
        self.address = json.loads(answer)["data_service"]

    def stop(self, number):
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=300)
        assert self.process.returncode == 0 and errors.endswith("ended\n")


@pytest.fixture(scope="module")
def service():
    running = Service()
    yield running.address
    running.stop(signal.SIGINT)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("alone")
    return run_dir, train_here(run_dir, "--epochs", EPOCHS)


@pytest.mark.slow
def test_the_batches_of_a_service_are_those_of_this_process(service):
    config = TinyConfig(patience=500, epochs=EPOCHS)
    batches = TinyApp().load_data(config).training_batches(config)
    served = read_from_service(batches, hash_config("tiny", config), service)
    for epoch in (0, 5):
        count = 2 * batches.number_of_batches
        for batch, expected in zip(served(epoch).take(count), batches.endless(epoch).take(count), strict=True):
            for part, other in zip(batch, expected, strict=True):
                np.testing.assert_array_equal(part, other)


@pytest.mark.slow
def test_the_batches_of_other_settings_are_refused(service):
    batches = FixedBatches((np.zeros((4, 2), np.float32),), 2, shuffle=False)
    with pytest.raises(UserError, match="has the batches of other settings"):
        read_from_service(batches, "tiny-of-other-settings", service)(0)


def test_an_address_without_a_service_is_refused():
    batches = FixedBatches((np.zeros((4, 2), np.float32),), 2, shuffle=False)
    for address, sentence in (("5050", "expected host:port"), ("localhost:1", "nothing answers there")):
        with pytest.raises(UserError, match=sentence):
            read_from_service(batches, "tiny", address)


def test_a_process_ends_when_its_service_is_lost(monkeypatch, capfd):
    class Exit(Exception):
        pass

    def leave(code):
        codes.append(code)
        raise Exit

    codes = []
    # Not the module of the whole process: others use it meanwhile.
    monkeypatch.setattr(data_service, "os", SimpleNamespace(_exit=leave))
    monkeypatch.setattr(data_service.threading, "excepthook", lambda arguments: None)
    monkeypatch.setattr(data_service, "TIMEOUT", 0.01)
    with watch_service("localhost:1"):
        wait_for(lambda: codes)
    assert codes == [2]
    assert re.fullmatch("error: the data service at localhost:1 was lost; .* resumes .*\n", capfd.readouterr().err)


@pytest.mark.slow
@pytest.mark.parametrize("options", [(), ("--workers", 2)])
def test_the_result_is_that_of_a_training_without_a_service(service, alone, tmp_path, options):
    """Also where each of two processes reads all the batches from the same service."""
    run_dir, expected = alone
    out, weights = train(tmp_path, "--epochs", EPOCHS, *options, "--data-service", service)
    assert f"batches come from {service}" in out
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(read_history(tmp_path)[name], read_history(run_dir)[name], atol=1e-5)


@pytest.mark.slow
def test_a_training_resumes_after_its_service_was_lost(alone, tmp_path):
    _, expected = alone
    service = Service()
    process = start_training(tmp_path, "--epochs", EPOCHS, "--data-service", service.address)
    wait_for_epochs(2, tmp_path, process)
    service.process.kill()
    service.process.communicate()
    out, _ = process.communicate(timeout=300)
    assert process.returncode == 2 and "was lost" in out, out

    again = Service()
    out, weights = train(tmp_path, "--epochs", EPOCHS, "--data-service", again.address)
    again.stop(signal.SIGTERM)
    assert "resuming after epoch" in out
    for weight, other in zip(expected, weights, strict=True):
        np.testing.assert_allclose(other, weight, atol=1e-5)
