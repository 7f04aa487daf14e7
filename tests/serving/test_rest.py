"""Instances to arrays and arrays to predictions, as TF Serving has them."""

import json

import numpy as np
import pytest

from rnn_keras.serving.limits import Limits
from rnn_keras.serving.request import Input, RequestError
from rnn_keras.serving.rest import Body, encode_json, parse_body, to_answer, to_arrays

TEXT = {"text": Input(np.dtype(object), (None,))}
IDS = {"ids": Input(np.dtype(np.int32), (None, None))}
IMAGE = {"image": Input(np.dtype(np.float32), (None, 2, 3))}
TWO = {"text": Input(np.dtype(object), (None,)), "weight": Input(np.dtype(np.float32), (None,))}


LIMITS = Limits()


def rows(instances, inputs, limits=LIMITS):
    return to_arrays(Body("serving_default", True, instances), inputs, limits)


def columns(values, inputs, limits=LIMITS):
    return to_arrays(Body("serving_default", False, values), inputs, limits)


def predictions(outputs, count):
    return to_answer(outputs, count, by_rows=True)["predictions"]


def refusal(instances, inputs, convert=rows, **limits):
    with pytest.raises(RequestError) as refused:
        convert(instances, inputs, Limits(**limits))
    assert refused.value.status == 400
    return str(refused.value)


@pytest.mark.parametrize("body", [b"", b"{", b'{"instances": [1,]}', b"\xff\xfe\x00", b"[" * 9_000, b"1" * 5000])
def test_a_body_that_is_not_json_is_refused(body):
    with pytest.raises(RequestError, match=r"(?s)^the body is .*; send an object"):
        parse_body(body, 10_000)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("[1]", "a list, not an object"),
        ('"text"', "a string, not an object"),
        ("null", "null, not an object"),
        ("{}", 'no "instances"'),
        ('{"input": [1]}', 'no "instances", nor "inputs"'),
        ('{"instances": "a"}', "a string, not a list"),
        ('{"instances": {"a": 1}}', "an object, not a list"),
        ('{"instances": []}', "empty list"),
        ('{"instances": [1], "inputs": [1]}', "both"),
        ('{"instances": [1], "signature_name": 1}', "a number, not a string"),
    ],
)
def test_a_body_without_instances_is_refused(body, sentence):
    with pytest.raises(RequestError) as refused:
        parse_body(body.encode(), 10_000)
    assert sentence in str(refused.value)


def test_one_input_takes_bare_values_and_objects_with_its_name():
    expected = [b"fine", "schön".encode(), b"\xff\x00"]

    assert rows(["fine", "schön", {"b64": "/wA="}], TEXT)["text"].tolist() == expected
    objects = [{"text": "fine"}, {"text": "schön"}, {"text": {"b64": "/wA="}}]
    assert rows(objects, TEXT)["text"].tolist() == expected


def test_several_inputs_take_objects():
    given = rows([{"text": "a", "weight": 1}, {"weight": 0.5, "text": "b"}], TWO)

    assert given["text"].tolist() == [b"a", b"b"]
    assert given["weight"].dtype == np.float32 and given["weight"].tolist() == [1, 0.5]


def test_numbers_keep_their_shape_and_get_the_inputs_dtype():
    image = np.arange(12).reshape(2, 2, 3)
    given = rows(image.tolist(), IMAGE)["image"]

    assert given.dtype == np.float32
    np.testing.assert_array_equal(given, image)
    assert rows([[], []], IDS)["ids"].shape == (2, 0)
    assert rows([True, False], {"x": Input(np.dtype(bool), (None,))})["x"].tolist() == [True, False]
    assert rows([[1], [2]], {"x": Input(np.dtype(np.int64), None)})["x"].tolist() == [[1], [2]]


@pytest.mark.parametrize(
    ("instances", "inputs", "sentence"),
    [
        ([5], TEXT, "takes strings, or"),
        ([None], TEXT, "got null"),
        (["a", ["b"]], TEXT, "different shapes"),
        ([["a"]], TEXT, "instances of shape ()"),
        ([{"text": {"b64": "?"}}], TEXT, "not base64"),
        ([{"text": {"b64": 5}}], TEXT, "got an object"),
        ([{"txt": "a"}], TEXT, 'unknown input "txt"'),
        ([{"text": "a", "more": 1}], TEXT, 'unknown input "more"'),
        (["\ud800"], TEXT, "surrogate"),
        (["a"], TWO, "a string, not an object"),
        ([{"text": "a"}], TWO, 'lacks the input "weight"'),
        ([{"text": "a", "weight": True}], TWO, "got true or false"),
        ([[1, 2], [3]], IDS, "different shapes"),
        ([[1, 2], 3], IDS, "different shapes"),
        ([[1.5]], IDS, "got a fraction"),
        ([["1"]], IDS, "got a string"),
        ([[2**40]], IDS, "int32 cannot hold"),
        ([1, 2], IDS, "shape (any)"),
        ([[[1, 2, 3]]], IMAGE, "takes instances of shape (2, 3), but got shape (1, 3)"),
        ([[[1, 2, 3], [1, 2, 1e39]]], IMAGE, "float32 cannot hold"),
        ([[[1, 2, 3], [1, 2, 10**400]]], IMAGE, "float32 cannot hold"),
        ([1, 2], {"x": Input(np.dtype(np.float32), (1,))}, "exactly 1 instances"),
    ],
)
def test_instances_that_do_not_fit_are_refused(instances, inputs, sentence):
    assert sentence in refusal(instances, inputs)


def test_columns_are_the_same_as_rows():
    texts = ["fine", "schön", {"b64": "/wA="}]
    expected = [b"fine", "schön".encode(), b"\xff\x00"]

    assert columns(texts, TEXT)["text"].tolist() == columns({"text": texts}, TEXT)["text"].tolist() == expected
    given = columns({"weight": [1, 0.5], "text": ["a", "b"]}, TWO)
    assert given["text"].tolist() == [b"a", b"b"] and given["weight"].tolist() == [1, 0.5]
    image = np.arange(12).reshape(2, 2, 3)
    np.testing.assert_array_equal(columns(image.tolist(), IMAGE)["image"], image)


@pytest.mark.parametrize(
    ("values", "inputs", "sentence"),
    [
        ("a", TEXT, "a string for"),
        ({"b64": "/wA="}, TEXT, "an object for"),
        ([], TEXT, "an empty list for"),
        ({"text": []}, TEXT, "an empty list for"),
        ({"txt": ["a"]}, TEXT, 'unknown input "txt"'),
        (["a"], TWO, "a list, not an object"),
        ({"text": ["a"]}, TWO, 'lacks the input "weight"'),
        ({"text": ["a", "b"], "weight": [1]}, TWO, "different numbers of instances (text 2, weight 1)"),
        ([[1, 2], [3]], IDS, "different shapes"),
    ],
)
def test_columns_that_do_not_fit_are_refused(values, inputs, sentence):
    assert sentence in refusal(values, inputs, columns)


def test_requests_that_are_too_large_are_refused():
    for convert in (rows, columns):
        assert "3 instances, more than the 2" in refusal(["a"] * 3, TEXT, convert, max_instances=2)
        assert "has 6 values, more than the 5" in refusal([[1, 2]] * 3, IDS, convert, max_values=5)
        assert "7 values in its open dimensions, more than the 6" in refusal([[1] * 7], IDS, convert, max_length=6)
    assert rows(np.zeros((2, 2, 3)).tolist(), IMAGE, Limits(max_length=1))["image"].shape == (2, 2, 3)  # not open


def test_lists_nested_beyond_numpy_are_refused():
    nested = 1
    for _ in range(70):
        nested = [nested]

    assert "too deeply" in refusal([nested], IDS)


def test_one_output_is_bare_and_several_are_objects():
    label = np.array([b"neg", "schön".encode()], dtype=object)
    score = np.array([0.1, 0.9], np.float32)

    assert predictions({"label": label}, 2) == ["neg", "schön"]
    assert predictions({"label": label, "score": score}, 2) == [
        {"label": "neg", "score": 0.1},
        {"label": "schön", "score": 0.9},
    ]


def test_an_answer_by_columns():
    label = np.array([b"neg", "schön".encode()], dtype=object)
    score = np.array([0.1, 0.9], np.float32)

    assert to_answer({"label": label}, 2, by_rows=False) == {"outputs": ["neg", "schön"]}
    expected = {"outputs": {"label": ["neg", "schön"], "score": [0.1, 0.9]}}
    assert to_answer({"label": label, "score": score}, 2, by_rows=False) == expected


def test_strings_named_bytes_are_base64():
    png = np.array([[b"\xff\x00"], [b""]], dtype=object)

    assert predictions({"png_bytes": png}, 2) == [[{"b64": "/wA="}], [{"b64": ""}]]
    assert predictions({"png": png}, 2) == [["�\x00"], [""]]


def test_numbers_come_back_as_they_were():
    values = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float32)

    assert np.array_equal(np.array(predictions({"x": values}, 4), np.float32), values)
    assert predictions({"x": values.astype(np.float64)}, 4) == values.astype(np.float64).tolist()
    assert predictions({"x": np.array([True, False])}, 2) == [True, False]
    assert encode_json(predictions({"x": np.array([np.nan, np.inf], np.float32)}, 2)) == b"[NaN, Infinity]"


def test_outputs_without_a_row_for_each_instance_are_the_servers_fault():
    for array in (np.array(1.0), np.zeros((3, 2))):
        with pytest.raises(ValueError, match="2 instances"):
            predictions({"x": array}, 2)


def test_half_of_a_surrogate_pair_in_an_answer_is_escaped():
    assert json.loads(encode_json({"error": "\ud800 schön"})) == {"error": "\ud800 schön"}
