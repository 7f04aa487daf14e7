"""The gRPC service in this process: claims that do not hold, and requests whose message never comes."""

import asyncio
import socket
import time

import numpy as np
import pytest

pytest.importorskip("kserve")
pytest.importorskip("tensorflow_serving")
import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from rnn_keras.serving import grpc_service
from rnn_keras.serving.application import Application
from rnn_keras.serving.grpc_service import start_grpc
from rnn_keras.serving.limits import Limits
from rnn_keras.serving.versions import Versions

PREDICT = "/tensorflow.serving.PredictionService/Predict"


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """A model that adds the steps of each row, and measures the light of images."""

    class Sums(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None), tf.float32, name="steps")])
        def add(self, steps):
            return {"sum": tf.reduce_sum(steps, 1)}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="text")])
        def measure_text(self, text):
            return {"length": tf.strings.length(text)}

        @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, name="image")])
        def light(self, image):
            def measure(content):
                return tf.reduce_mean(tf.cast(tf.io.decode_png(content), tf.float32))

            return {"light": tf.map_fn(measure, image, fn_output_signature=tf.float32)}

    folder = tmp_path_factory.mktemp("sums")
    sums = Sums()
    tf.saved_model.save(
        sums,
        str(folder / "1"),
        signatures={"serving_default": sums.add, "light": sums.light, "text": sums.measure_text},
    )
    return Versions(folder, "sums")


def run(versions, client, held_bytes=0, **limits):
    """Runs a client, which is given a channel to the service."""

    async def serve():
        application = Application(versions, Limits(**limits))
        application.held_bytes = held_bytes
        server, port = await start_grpc(application, "127.0.0.1", 0)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(60):
                await client(channel)
            assert application.held_bytes == held_bytes
        finally:
            await server.stop(0)
            application.stop()

    return asyncio.run(serve())


def make_request(signature="", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "sums", signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


async def ask(channel, message):
    """The outputs, or the code and the sentence."""
    try:
        answer = predict_pb2.PredictResponse.FromString(await channel.unary_unary(PREDICT)(message, timeout=30))
    except grpc.RpcError as error:
        return error.code().name, error.details()
    return {name: tf.make_ndarray(value).tolist() for name, value in answer.outputs.items()}


def test_all_signatures_answer(versions):
    png = tf.io.encode_png(np.full((2, 3, 1), 7, np.uint8)).numpy()

    async def client(channel):
        steps = np.array([[1, 2], [3, 4]], np.float32)
        assert await ask(channel, make_request(steps=steps).SerializeToString()) == {"sum": [3, 7]}
        assert await ask(channel, make_request("light", image=[png]).SerializeToString()) == {"light": [7]}
        # The beginnings of image files, in texts that nothing decodes.
        texts = [b"BMW is a car", b"GIF89a is a form", b"RIFF"]
        answer = await ask(channel, make_request("text", text=texts).SerializeToString())
        assert answer == {"length": [len(text) for text in texts]}
        assert [signature.decodes_images for signature in versions.current.signatures.values()].count(True) == 1

    run(versions, client)


def test_a_few_bytes_that_claim_much_are_refused_at_once(versions):
    claim = make_request(steps=np.ones((1, 1), np.float32))
    tensor = claim.inputs["steps"]
    tensor.ClearField("tensor_content")
    del tensor.float_val[:]
    tensor.float_val.append(1.0)
    for dimension, size in zip(tensor.tensor_shape.dim, (10_000, 100_000), strict=True):
        dimension.size = size
    png = tf.io.encode_png(np.zeros((5000, 5000, 1), np.uint8)).numpy()

    async def client(channel):
        assert len(claim.SerializeToString()) < 60
        for message, sentence in (
            (claim.SerializeToString(), "100,000 values in its open dimensions"),
            (make_request("light", image=[png]).SerializeToString(), "more than the 16,777,216 pixels"),
            (b"\xff\xff", "not a PredictRequest"),
        ):
            code, details = await ask(channel, message)
            assert code == "INVALID_ARGUMENT" and sentence in details

    started = time.monotonic()
    run(versions, client)
    assert time.monotonic() - started < 10


def test_long_messages_wait_while_others_hold_much_memory(versions):
    async def client(channel):
        long = make_request("text", text=[b"a" * 60_000] * 3).SerializeToString()
        code, details = await ask(channel, long)
        assert code == "UNAVAILABLE" and "too many long requests" in details
        assert await ask(channel, make_request("text", text=[b"ab"]).SerializeToString()) == {"length": [2]}

    run(versions, client, held_bytes=Limits().max_held_bytes)


def test_compressed_messages_are_unpacked_within_the_limit(versions):
    fine = make_request(steps=np.ones((1, 3000), np.float32)).SerializeToString()
    bomb = make_request("text", text=[bytes(10**8)]).SerializeToString()

    async def client(channel):
        async def ask_compressed(message, compression):
            try:
                call = channel.unary_unary(PREDICT)
                answer = await call(message, timeout=30, compression=compression)
            except grpc.RpcError as error:
                return error.code().name, error.details()
            return predict_pb2.PredictResponse.FromString(answer).outputs["sum"].float_val[:]

        assert await ask_compressed(fine, grpc.Compression.Gzip) == [3000]
        code, details = await ask_compressed(bomb, grpc.Compression.Gzip)
        assert code == "RESOURCE_EXHAUSTED" and "unfolds to more than the 10,485,760 bytes" in details
        assert (await ask_compressed(bomb, grpc.Compression.Deflate))[0] == "UNIMPLEMENTED"

    run(versions, client)


def test_messages_that_never_come_do_not_keep_others_out(versions, monkeypatch):
    monkeypatch.setattr(grpc_service, "MAX_RECEIVING", 2)

    async def client(channel):
        async def silence():
            await asyncio.sleep(30)
            yield b""

        started = time.monotonic()
        silent = [channel.stream_unary(PREDICT)(silence()) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert await ask(channel, make_request(steps=np.ones((1, 3), np.float32)).SerializeToString()) == {"sum": [3]}
        for call in silent:
            assert (await call.code()).name == "UNAVAILABLE" and "did not arrive in time" in await call.details()
        assert time.monotonic() - started < 20

    run(versions, client, receive_timeout=3.0)


def test_connections_that_stay_silent_do_not_keep_others_out(versions):
    message = make_request(steps=np.ones((1, 3), np.float32)).SerializeToString()

    def connect_silently(port):
        return [socket.create_connection(("127.0.0.1", port), timeout=5) for _ in range(300)]

    async def serve():
        application = Application(versions, Limits(receive_timeout=2.0))
        server, port = await start_grpc(application, "127.0.0.1", 0)
        silent = await asyncio.to_thread(connect_silently, port)
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(60):
                assert await ask(channel, message) == {"sum": [3]}
            for client in silent:
                client.settimeout(20)
                while await asyncio.to_thread(client.recv, 1000):  # until the server closes it
                    pass
        finally:
            for client in silent:
                client.close()
            await server.stop(0)
            application.stop()

    asyncio.run(serve())


def test_an_address_that_is_taken_is_a_sentence(versions):
    from rnn_keras.utils.errors import UserError

    async def start():
        application = Application(versions, Limits())
        try:
            await start_grpc(application, "192.0.2.1", 0)
        finally:
            application.stop()

    with pytest.raises(UserError, match=r"cannot listen on 192\.0\.2\.1.*--grpc-port"):
        asyncio.run(start())
