"""The server in a process of its own: right answers, every refusal a sentence, and none of it ends the server."""

import asyncio
import base64
import concurrent.futures
import gzip
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.server import serve
from rnn_keras.utils.errors import UserError

LIMITS = Limits()
MODEL = "/v1/models/reviews"
PREDICT = MODEL + ":predict"

START = """
import json
import sys
from pathlib import Path
from rnn_keras.utils.tf_logging import quiet_tensorflow
quiet_tensorflow()
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.server import serve
try:
    limits = Limits(**json.loads(sys.argv[2]))
    serve(Path(sys.argv[1]), "reviews", port=0, limits=limits, grpc_port=0, labels=("stable",), as_json=True)
finally:
    loaded = [name for name in sys.modules if name.split(".")[0] == "keras" or name.startswith("rnn_keras.layers")]
    print("loaded:", loaded)
"""

REFUSED = """
import sys
from pathlib import Path
from rnn_keras.utils.errors import UserError
from rnn_keras.utils.tf_logging import quiet_tensorflow
quiet_tensorflow()
from rnn_keras.serving.server import serve
for folder in sys.argv[1:]:
    try:
        serve(Path(folder), "reviews", port=0)
    except UserError as error:
        print(error)
"""


def write_saved_models(folder):
    """Three models: `reviews` (in two versions), `sums`, and `none` without the signature that is served."""
    import tensorflow as tf

    class Reviews(tf.Module):
        # The text "divide" stands for values that a model cannot compute with; "twice" makes it answer more than asked.
        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def reviews(self, text):
            length = tf.strings.length(text)
            divisor = tf.where(text == "divide", 0, 1)
            with tf.control_dependencies([tf.debugging.assert_greater(divisor, 0, message="no text may be divide")]):
                score = tf.cast(length, tf.float32) / 8.0  # exact, in batches of any size
            score = tf.cond(tf.reduce_any(text == "twice"), lambda: tf.tile(score, [2]), lambda: score)
            return {"score": score, "reverse_bytes": tf.strings.reduce_join(tf.strings.bytes_split(text)[:, ::-1], -1)}

        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None), tf.float32, name="steps"),
                tf.TensorSpec((None,), tf.int32, name="factor"),
            ]
        )
        def sums(self, steps, factor):
            return {"sums": tf.cumsum(steps, axis=1) * tf.cast(factor, tf.float32)[:, None]}

    module = Reviews()
    tf.saved_model.save(module, str(folder / "reviews" / "9"), signatures=module.sums)  # an older version
    tf.saved_model.save(module, str(folder / "reviews" / "10"), signatures=module.reviews)
    tf.saved_model.save(module, str(folder / "sums" / "1"), signatures=module.sums)
    tf.saved_model.save(module, str(folder / "none" / "1"), signatures={"other": module.sums})


class Server:
    def __init__(self, directory, **limits):
        command = [sys.executable, "-c", START, str(directory), json.dumps({"max_bytes": 100_000, **limits})]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        first_line = self.process.stdout.readline()
        assert first_line, self.process.communicate()[1]
        answering = json.loads(first_line)
        self.port = int(answering["rest"].split("/v1/")[0].rsplit(":", 1)[1])
        self.grpc = answering["grpc"]

    def request(self, method, path, body=None, headers=(), connection=None):
        """Status, JSON and headers of the answer."""
        own = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        own.request(method, path, body, dict(headers))
        response = own.getresponse()
        answer = json.loads(response.read())
        if connection is None:
            own.close()
        assert response.headers["content-type"] == "application/json"
        return response.status, answer, response.headers

    def predict(self, instances, **kwargs):
        status, answer, _ = self.request("POST", PREDICT, json.dumps({"instances": instances}), **kwargs)
        assert status == 200, answer
        return answer["predictions"]

    def refusal(self, status, method, path, body=None, headers=()):
        came, answer, _ = self.request(method, path, body, headers)
        assert came == status and set(answer) == {"error"}, answer
        sentence = answer["error"]
        assert "Traceback" not in sentence and "\n" not in sentence
        return sentence

    def end(self, how=signal.SIGINT):
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def saved_models(tmp_path_factory):
    pytest.importorskip("kserve")  # whatever is served is one of these
    folder = tmp_path_factory.mktemp("saved_models")
    write_saved_models(folder)
    return folder


@pytest.fixture(scope="module")
def server(saved_models):
    started = Server(saved_models / "reviews")
    yield started
    if started.process.poll() is None:
        started.process.kill()
    started.process.communicate()


def expected(text):
    given = text.encode() if isinstance(text, str) else text
    return {"score": len(given) / 8, "reverse_bytes": {"b64": base64.b64encode(given[::-1]).decode()}}


def test_the_newest_version_answers(server):
    status, answer, _ = server.request("GET", MODEL)

    assert status == 200
    assert answer == {
        "model_version_status": [
            {"version": "10", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }


def test_predictions_are_what_the_model_computes(server):
    texts = ["fine", "", "schön \U0001f600", "a" * 1000]

    assert server.predict(texts) == [expected(text) for text in texts]
    assert server.predict([{"text": text} for text in texts]) == [expected(text) for text in texts]
    assert server.predict([{"b64": "/wA="}]) == [expected(b"\xff\x00")]
    # What curl -d says of its body, and a body of unknown length.
    assert server.predict(["fine"], headers={"Content-Type": "application/x-www-form-urlencoded"})
    status, _, _ = server.request("POST", PREDICT, iter([b'{"instances":', b' ["fine"]}']))
    assert status == 200


def test_columns_signatures_versions_and_labels_as_clients_of_tf_serving_send_them(server):
    texts = ["fine", "", "schön \U0001f600"]
    outputs = {
        "score": [expected(text)["score"] for text in texts],
        "reverse_bytes": [expected(text)["reverse_bytes"] for text in texts],
    }
    paths = (PREDICT, f"{MODEL}/versions/10:predict", f"{MODEL}/labels/stable:predict")
    for path in paths:
        for body in ({"inputs": texts}, {"inputs": {"text": texts}}, {"inputs": texts, "signature_name": ""}):
            assert server.request("POST", path, json.dumps(body))[:2] == (200, {"outputs": outputs})
        body = json.dumps({"instances": texts, "signature_name": "serving_default"})
        assert server.request("POST", path, body)[1] == {"predictions": [expected(text) for text in texts]}
    body = json.dumps({"inputs": texts, "signature_name": "other"})
    assert "no signature 'other'; there are serving_default" in server.refusal(400, "POST", PREDICT, body)
    for path in (f"{MODEL}/versions/9", f"{MODEL}/versions/9/metadata", f"{MODEL}/versions/99999999999"):
        assert "is not served, but 10" in server.refusal(404, "GET", path)
    assert "is not served, but 10" in server.refusal(404, "POST", f"{MODEL}/versions/9:predict", body)
    assert "no label 'canary'; the labels are stable" in server.refusal(404, "GET", f"{MODEL}/labels/canary")
    for path in (f"{MODEL}/versions/10", f"{MODEL}/labels/stable"):
        assert server.request("GET", path)[1] == server.request("GET", MODEL)[1]
    for path in (f"{MODEL}/versions/x", f"{MODEL}/versions/10/labels/stable", f"{MODEL}:predict/", f"{MODEL}:explain"):
        assert PREDICT in server.refusal(404, "GET", path)


def test_classify_and_regress_say_what_they_need(server):
    body = json.dumps({"examples": [{"text": "fine"}]})
    for verb in ("classify", "regress"):
        sentence = server.refusal(400, "POST", f"{MODEL}:{verb}", body)
        assert f":{verb} needs a signature that takes tf.Example" in sentence and PREDICT in sentence


def test_metadata_is_that_of_the_signatures(server):
    for path in (f"{MODEL}/metadata", f"{MODEL}/versions/10/metadata", f"{MODEL}/labels/stable/metadata"):
        status, answer, _ = server.request("GET", path)
        assert status == 200
        assert answer["model_spec"] == {"name": "reviews", "signature_name": "", "version": "10"}
        signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
        assert signature["inputs"]["text"]["dtype"] == "DT_STRING"
        assert signature["inputs"]["text"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]
        assert set(signature["outputs"]) == {"score", "reverse_bytes"}


def test_compressed_bodies_are_unpacked(server):
    body = gzip.compress(json.dumps({"instances": ["fine"]}).encode())
    status, answer, _ = server.request("POST", PREDICT, body, {"Content-Encoding": "gzip"})
    assert (status, answer) == (200, {"predictions": [expected("fine")]})
    bomb = gzip.compress(bytes(10**8))
    assert len(bomb) < 100_000
    for encoding, sent, code, sentence in (
        ("gzip", bomb, 413, "unfolds to more than the 100,000 bytes"),
        ("gzip", body[:-4], 400, "is not gzip"),
        ("br", body, 415, "send gzip or none"),
    ):
        assert sentence in server.refusal(code, "POST", PREDICT, sent, {"Content-Encoding": encoding})


def test_what_a_small_body_unfolds_to_is_refused(server):
    for body, sentence in {
        b'{"instances": [' + b'"",' * 30_100 + b'""]}': "more than the 30,016 values",
        b'{"instances": [' + b'"",' * 10_000 + b'""]}': "10,001 instances, more than the 10,000",
        json.dumps({"instances": ["a" * 70_000]}).encode(): "takes 70,000 bytes, more than the 65,536",
    }.items():
        assert sentence in server.refusal(400, "POST", PREDICT, body)
    texts = ["ab"] * 3000 + ["a" * 9000]
    assert server.predict(texts) == [expected(text) for text in texts]


def test_health_and_metrics(server):
    server.predict(["fine"])
    assert server.request("GET", "/v2/health/live")[:2] == (200, {"live": True})
    assert server.request("GET", "/v2/health/ready")[:2] == (200, {"ready": True})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("HEAD", "/v2/health/ready")
    assert connection.getresponse().status == 200
    connection.close()
    for path in ("/metrics", "/monitoring/prometheus/metrics"):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}{path}", timeout=30) as response:
            assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
            values = dict(line.rsplit(" ", 1) for line in response.read().decode().splitlines() if line[0] != "#")
        assert float(values['serving_requests_total{code="200",protocol="rest"}']) > 0
        assert float(values['serving_request_seconds_count{protocol="rest"}']) > 0
        assert float(values["serving_batch_rows_count"]) > 0
        assert float(values['serving_model_version{model="reviews"}']) == 10
        assert float(values["serving_connections"]) >= 1
    assert "POST" in server.request("POST", "/metrics")[1]["error"]


BAD_BODIES = {
    b"": "not valid JSON",
    b'{"instances": ["a"': "not valid JSON",
    b"\xff\xfe\xfd": "not valid JSON",
    b"[" * 20_000: "nested too deeply",
    b'["a"]': "a list, not an object",
    b"{}": 'no "instances"',
    b'{"instances": []}': "empty list",
    b'{"instances": "a"}': "a string, not a list",
    b'{"instances": [1]}': "got a number",
    b'{"instances": [null]}': "got null",
    b'{"instances": ["a", ["b"]]}': "different shapes",
    b'{"instances": [["a", "b"]]}': "shape ()",
    b'{"instances": [{"txt": "a"}]}': 'unknown input "txt"',
    b'{"instances": [{"\\ud800": "a"}]}': "unknown input",
    b'{"instances": ["\\ud800"]}': "surrogate",
    b'{"instances": [{"b64": "?"}]}': "not base64",
    b'{"instances": ["divide"]}': "no text may be divide",
}


@pytest.mark.parametrize("body", BAD_BODIES, ids=lambda body: repr(body[:40]))
def test_a_bad_body_is_refused_in_a_sentence(server, body):
    assert BAD_BODIES[body] in server.refusal(400, "POST", PREDICT, body)
    assert server.predict(["fine"]) == [expected("fine")]


TWICE = b'{"instances": ["twice"]}'


def test_the_servers_own_failures_are_a_sentence_too(server):
    assert "its log" in server.refusal(500, "POST", PREDICT, TWICE)
    assert server.predict(["fine"]) == [expected("fine")]


def test_unknown_models_paths_and_methods_are_refused(server):
    body = '{"instances": ["a"]}'

    assert '"other"' in server.refusal(404, "POST", "/v1/models/other:predict", body)
    assert '"other"' in server.refusal(404, "GET", "/v1/models/other")
    for path in ("/", "/v1/models/", "/v2/models/reviews", f"{MODEL}/x/y", "/v2/repository/models/reviews"):
        assert PREDICT in server.refusal(404, "POST", path, body)
    for method, path, right in (("GET", PREDICT, "POST"), ("DELETE", PREDICT, "POST"), ("POST", MODEL, "GET")):
        status, answer, headers = server.request(method, path)
        assert status == 405 and right in answer["error"] and headers["allow"] == right


def test_a_body_that_is_too_long_is_refused(server):
    body = b'{"instances": ["' + b"a" * 3_000_000 + b'"]}'

    assert "100,000 bytes" in server.refusal(413, "POST", PREDICT, body)
    assert "100,000 bytes" in server.refusal(413, "POST", PREDICT, iter([body[:60_000], body[60_000:]]))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    assert server.request("POST", PREDICT, body, connection=connection)[0] == 413
    assert server.predict(["fine"]) == [expected("fine")]


def test_requests_that_are_not_http_and_clients_that_leave_do_not_end_it(server):
    for sent in (b"hello\r\n\r\n", b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nContent-Length: 99\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(sent)
    assert server.predict(["fine"]) == [expected("fine")]


GRPC = """
import json, sys, base64
import grpc, tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_service_pb2_grpc
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

def describe(version):
    metadata = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    status = get_model_status_pb2.GetModelStatusRequest()
    for request in (metadata, status):
        request.model_spec.name = "reviews"
        if version is not None:
            request.model_spec.version.value = version
    try:
        states = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status).model_version_status
        described = get_model_metadata_pb2.SignatureDefMap()
        assert stub.GetModelMetadata(metadata).metadata["signature_def"].Unpack(described)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    assert [state.state for state in states] == [get_model_status_pb2.ModelVersionStatus.AVAILABLE]
    return [states[0].version, list(described.signature_def)]

def answer(stub, inputs, name="reviews", signature="", version=None, outputs=()):
    if inputs is None:
        return describe(version)
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = name, signature
    if version is not None:
        request.model_spec.version.value = version
    request.output_filter.extend(outputs)
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    try:
        response = stub.Predict(request, timeout=30)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    arrays = {key: tf.make_ndarray(value).tolist() for key, value in response.outputs.items()}
    text = lambda value: base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return [response.model_spec.version.value, {key: list(map(text, values)) for key, values in arrays.items()}]

channel = grpc.insecure_channel(sys.argv[1])
stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
for line in sys.stdin:
    print(json.dumps(answer(stub, **json.loads(line))), flush=True)
"""


@pytest.fixture(scope="module")
def ask_by_grpc(server):
    """Asks the server from a process of its own, with the packages of the official client alone."""
    arguments = [sys.executable, "-c", GRPC, server.grpc]
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(arguments, text=True, **streams) as client:

        def ask(request):
            print(json.dumps(request), file=client.stdin, flush=True)
            return json.loads(client.stdout.readline())

        yield ask
        client.stdin.close()


def test_grpc_by_the_official_protos_gives_the_same(server, ask_by_grpc):
    texts = ["fine", "", "schön \U0001f600"]
    predictions = server.predict(texts)

    version, outputs = ask_by_grpc({"inputs": {"text": texts}})
    _, filtered = ask_by_grpc({"inputs": {"text": texts}, "outputs": ["score"]})
    assert version == 10
    assert outputs["score"] == [prediction["score"] for prediction in predictions]
    assert outputs["reverse_bytes"] == [prediction["reverse_bytes"]["b64"] for prediction in predictions]
    assert filtered == {"score": outputs["score"]}


def test_metadata_and_status_by_grpc(ask_by_grpc):
    assert ask_by_grpc({"inputs": None})[0] == 10
    assert set(ask_by_grpc({"inputs": None})[1]) == {"serving_default"}
    assert ask_by_grpc({"inputs": None, "version": 9}) == ["NOT_FOUND", "version 9 is not served, but 10"]


def test_a_bad_grpc_request_gets_its_code_and_a_sentence(ask_by_grpc):
    fine = {"text": ["fine"]}
    refused = [
        ({"inputs": fine, "name": "other"}, "NOT_FOUND", "no model 'other'"),
        ({"inputs": fine, "version": 9}, "NOT_FOUND", "version 9 is not served, but 10"),
        ({"inputs": fine, "signature": "other"}, "INVALID_ARGUMENT", "no signature 'other'"),
        ({"inputs": fine, "outputs": ["other"]}, "INVALID_ARGUMENT", "no output 'other'"),
        ({"inputs": {"words": ["a"]}}, "INVALID_ARGUMENT", "the inputs are text; got words"),
        ({"inputs": {"text": [1]}}, "INVALID_ARGUMENT", "must be strings of shape (any), with at least one row; got"),
        ({"inputs": {"text": [["a"]]}}, "INVALID_ARGUMENT", "got strings of shape (1, 1)"),
        ({"inputs": {"text": ["divide"]}}, "INVALID_ARGUMENT", "no text may be divide"),
        ({"inputs": {"text": ["a" * 200_000]}}, "RESOURCE_EXHAUSTED", "larger than max"),
    ]
    for request, expected_code, sentence in refused:
        code, details = ask_by_grpc(request)
        assert code == expected_code and sentence in details
    assert ask_by_grpc({"inputs": fine})[1]["score"] == [0.5]


def test_16_clients_at_once_get_their_own_answers_among_malformed_requests(server):
    bad = list(BAD_BODIES)

    def client(number):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for turn in range(20):
            texts = [f"client {number}, turn {turn}" + "!" * row for row in range(1 + (number + turn) % 3)]
            assert server.predict(texts, connection=connection) == [expected(text) for text in texts]
            if turn % 4 == number % 4:
                body = bad[(number + turn) % len(bad)]
                status, answer, _ = server.request("POST", PREDICT, body, connection=connection)
                assert status == 400 and BAD_BODIES[body] in answer["error"]
            if turn == number:
                assert server.request("POST", PREDICT, TWICE, connection=connection)[0] == 500
        connection.close()

    with concurrent.futures.ThreadPoolExecutor(16) as clients:
        list(clients.map(client, range(16)))


def test_ctrl_c_ends_it_and_keras_was_not_loaded(server):
    """Last of those with the shared server."""
    code, out, err = server.end()

    assert code == 0
    assert out.splitlines() == ["loaded: []"] and "ended" in err.splitlines()
    failures = [line for line in err.splitlines() if line.endswith("failed")]
    assert err.count("Traceback") == len(failures) == 17  # of the requests for "twice", and no others


@pytest.mark.slow
def test_new_versions_silent_streams_and_the_end(saved_models, tmp_path):
    """A version that comes is served; a request that is not finished when the server ends is answered with 503."""
    shutil.copytree(saved_models / "reviews" / "10", tmp_path / "1")
    server = Server(tmp_path, drain_timeout=1.0, receive_timeout=30.0)
    assert server.request("GET", f"{MODEL}/versions/1")[0] == 200
    shutil.copytree(saved_models / "reviews" / "10", tmp_path / "2")
    deadline = time.monotonic() + 60
    while server.request("GET", f"{MODEL}/versions/2")[0] != 200:
        assert server.predict(["fine"]) == [expected("fine")] and time.monotonic() < deadline
        time.sleep(0.1)
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as client:
        client.sendall(b"POST " + PREDICT.encode() + b" HTTP/1.1\r\nContent-Length: 99\r\n\r\n{")
        time.sleep(0.5)
        server.process.send_signal(signal.SIGINT)
        assert b"503 Service Unavailable" in client.recv(1000)
    _, err = server.process.communicate(timeout=20)  # a second Ctrl-C would end the end
    code = server.process.returncode
    assert code == 0 and "Traceback" not in err and "version 2 of reviews is served now, instead of 1" in err


@pytest.mark.slow
def test_several_inputs_and_an_output_of_open_length(saved_models):
    server = Server(saved_models / "sums")
    try:

        def client(length):
            instances = [{"steps": [1] * length, "factor": 2}, {"steps": [0.5] * length, "factor": 4}]
            return server.predict(instances) == [[2.0 * (step + 1) for step in range(length)]] * 2

        with concurrent.futures.ThreadPoolExecutor(8) as clients:
            assert all(clients.map(client, range(1, 33)))
        body = json.dumps({"instances": [{"steps": [1], "factor": 1}, {"steps": [1, 2], "factor": 1}]})
        assert "different shapes" in server.refusal(400, "POST", PREDICT, body)
        body = json.dumps({"instances": [{"steps": [1], "factor": 1.5}]})
        assert "got a fraction" in server.refusal(400, "POST", PREDICT, body)
    finally:
        code, _, err = server.end(signal.SIGTERM)
    assert code == -signal.SIGTERM and err == ""


def test_what_cannot_be_served_is_a_sentence(saved_models, tmp_path):
    (tmp_path / "empty").mkdir()

    for missing in ("missing", "empty"):
        with pytest.raises(UserError, match="holds no version of a model"):
            serve(tmp_path / missing, "reviews")
    with pytest.raises(UserError, match="the port must be"):
        serve(saved_models / "reviews", "reviews", port=70_000)
    with pytest.raises(UserError, match="cannot listen on 192"):
        serve(saved_models / "reviews", "reviews", host="192.0.2.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"cannot listen on 127.0.0.1, port {port}"):
            serve(saved_models / "reviews", "reviews", port=port)


def test_a_model_alone_takes_several_inputs_and_gives_outputs_of_open_length(saved_models):
    model = load_served_model(saved_models / "sums" / "1")

    async def predict(length):
        instances = [{"steps": [1] * length, "factor": 2}, {"steps": [0.5] * length, "factor": 4}]
        signature, arrays, costs, _ = parse(model, json.dumps({"instances": instances}).encode(), "", LIMITS)
        return (await model.compute(signature, arrays, costs))["sums"].tolist()

    async def predict_all():
        model.scheduler = Scheduler(LIMITS, asyncio.get_running_loop())
        return await asyncio.gather(*map(predict, range(1, 9)))

    from rnn_keras.serving.application import parse
    from rnn_keras.serving.scheduler import Scheduler

    assert asyncio.run(predict_all()) == [[[2.0 * (step + 1) for step in range(n)]] * 2 for n in range(1, 9)]


def test_a_folder_that_holds_no_model_to_serve_is_a_sentence(saved_models, tmp_path):
    for folder, sentence in {
        tmp_path / "1": "cannot be loaded as a SavedModel",
        saved_models / "none" / "1": "has no signature serving_default",
    }.items():
        with pytest.raises(UserError, match=sentence):
            load_served_model(folder)


def load_served_model(version):
    from rnn_keras.serving.tensorflow_model import TensorFlowModel

    return TensorFlowModel("model", version)


@pytest.mark.slow
def test_a_folder_without_a_model_to_serve_is_a_sentence_of_the_server(saved_models, tmp_path):
    """In a process of its own, since this imports TensorFlow without Keras."""
    (tmp_path / "damaged" / "1").mkdir(parents=True)
    folders = [tmp_path / "damaged", saved_models / "none"]
    done = subprocess.run([sys.executable, "-c", REFUSED, *map(str, folders)], capture_output=True, text=True)

    assert done.returncode == 0 and done.stderr.count("VERSION 1 OF reviews IS NOT SERVED") == 2
    damaged, without_signature = done.stdout.splitlines()
    assert "damaged/1 cannot be loaded as a SavedModel" in damaged
    assert "none/1 has no signature serving_default" in without_signature


def test_a_missing_package_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match="uvicorn, httptools, prometheus_client are not installed, and serving a model needs them"
    ):
        serve(tmp_path, "reviews")
