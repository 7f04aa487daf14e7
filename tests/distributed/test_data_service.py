"""A training whose batches another process makes is the training that makes them itself."""

import json
import re
import signal
import socket
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.data.batching import FixedBatches
from rnn_keras.distributed import data_service
from rnn_keras.distributed.data_server import BatchService, is_loopback, listen, serve_training_data
from rnn_keras.distributed.data_service import check_connection, make_dataset, read_from_service, watch_service
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

EPOCHS = 16


class Service:
    """A `serve-data` in a process of its own, for trainings of 16 epochs."""

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


@pytest.fixture(scope="module")
def points():
    """Batches of 3 of 8 rows, a ragged part among them, and the address where they are served in this process."""
    x = np.arange(16, dtype=np.float32).reshape(8, 2)
    batches = FixedBatches((x, x[:, 0]), 3, shuffle=True, seed=1)
    with listen("127.0.0.1", 0) as (server, port):
        server.add_generic_rpc_handlers((BatchService(batches, "points").make_handler(),))
        server.start()
        yield batches, f"127.0.0.1:{port}"


def test_batches_by_grpc_are_the_same_each_time_they_are_read(points):
    batches, address = points
    served = read_from_service(batches, "points", address)
    for epoch in (0, 3):
        dataset = served(epoch)
        for _ in range(2):
            count = 2 * batches.number_of_batches
            for batch, expected in zip(dataset.take(count), batches.endless(epoch).take(count), strict=True):
                for part, other in zip(batch, expected, strict=True):
                    np.testing.assert_array_equal(part, other)
    with pytest.raises(UserError, match="has the batches of other settings"):
        read_from_service(batches, "lines", address)(0)


def test_elements_of_any_structure_are_sent():
    elements = [{"a": tf.ragged.constant([[1], [2, 3]]), "b": (tf.constant(b"x\0"), tf.constant(2.0))}] * 2
    spec = {"a": tf.RaggedTensorSpec((2, None), tf.int32), "b": (tf.TensorSpec((), tf.string), tf.TensorSpec(()))}
    parts = [tf.io.serialize_tensor(t).numpy() for e in elements for t in tf.nest.flatten(e, expand_composites=True)]
    read = list(make_dataset(lambda: iter(parts), spec).take(2))
    for element in read:
        assert element["a"].to_list() == [[1], [2, 3]] and element["b"][0] == b"x\0" and element["b"][1] == 2.0


def test_it_listens_at_the_named_address_alone(points):
    _, address = points
    check_connection(address)
    with pytest.raises(OSError):
        check_connection(address.replace("127.0.0.1", "127.0.0.2"))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_address_that_others_reach_needs_a_flag(host):
    with pytest.raises(UserError, match=r"neither a password nor encryption.*--allow-remote"):
        serve_training_data(TinyApp(), TinyConfig(), host, 0, as_json=False)


def test_hosts_of_this_machine_alone():
    assert is_loopback("localhost") and is_loopback("127.0.0.9") and is_loopback("::1")
    with pytest.raises(UserError, match="is not known here"):
        is_loopback("no-such-host.invalid")
    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1"), listen("192.0.2.1", 0):
        pass


def test_a_service_that_ends_while_batches_are_read_is_a_sentence():
    def break_off():
        yield tf.io.serialize_tensor(tf.constant(1.0)).numpy()

    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(UserError, match=r"was lost; .* resumes"),
        watch_service(f"127.0.0.1:{taken.getsockname()[1]}"),
    ):
        list(make_dataset(break_off, tf.TensorSpec(())).take(2))


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
