"""The best path, verified against all paths."""

import itertools

import keras
import numpy as np
import pytest

from apps.video_tagging.viterbi import ViterbiDecoding, count_transitions


def find_best_path(probabilities, layer):
    """`(time, tags)` -> the path of the highest score, by trying each."""
    time, tags = probabilities.shape
    emissions = layer.weight * (np.log(probabilities) - layer.discount * np.log(layer.frequencies))
    transitions = np.log(layer.transitions)

    def score(path):
        steps = sum(emissions[step, tag] for step, tag in enumerate(path))
        return steps + sum(transitions[before, after] for before, after in itertools.pairwise(path))

    return max(itertools.product(range(tags), repeat=time), key=score)


def make_random_layer(generator, **settings):
    transitions = generator.dirichlet(np.ones(3), size=3)
    return ViterbiDecoding(transitions, generator.dirichlet(np.full(3, 3.0)), **settings)


@pytest.mark.parametrize("time", [1, 2, 7])
def test_it_is_the_best_of_all_paths_with_any_padding(time):
    generator = np.random.default_rng(time)
    for _ in range(8):
        layer = make_random_layer(generator, discount=generator.uniform(), weight=generator.uniform(0.2, 3))
        probabilities = generator.dirichlet(np.ones(3), size=(2, 7)).astype("float32")
        mask = np.arange(7) < [[time], [7]]
        tags = layer(probabilities, mask).numpy()

        assert tuple(tags[0, :time]) == find_best_path(probabilities[0, :time], layer)
        assert tuple(tags[1]) == find_best_path(probabilities[1], layer)


def test_with_a_stride_the_steps_up_to_the_next_have_the_same_tag():
    generator = np.random.default_rng(3)
    layer = make_random_layer(generator, stride=3)
    few = generator.dirichlet(np.ones(3), size=4).astype("float32")
    tags = layer(np.repeat(few, 3, axis=0)[np.newaxis, :11], np.ones((1, 11), bool)).numpy()[0]

    np.testing.assert_array_equal(tags, np.repeat(find_best_path(few, layer), 3)[:11])


def test_transitions_are_counted():
    counts = count_transitions([np.array([0, 0, 0, 1]), np.array([2])], tags=3, stride=1)

    np.testing.assert_allclose(counts["transitions"][0], np.array([2.5, 1.5, 0.5]) / 4.5)
    np.testing.assert_allclose(counts["transitions"][1], np.full(3, 1 / 3))  # nothing is known
    np.testing.assert_allclose(counts["frequencies"], np.array([4, 2, 2]) / 8)
    slower = count_transitions([np.array([0, 0, 1, 1, 1, 2])], tags=3, stride=2)  # sees steps 1, 3 and 5: tags 0, 1, 2
    np.testing.assert_allclose(slower["frequencies"], np.array([2, 2, 2]) / 6)


def test_it_is_saved_with_its_tables(tmp_path):
    generator = np.random.default_rng(5)
    inputs, mask = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    model = keras.Model([inputs, mask], make_random_layer(generator, stride=2, discount=0.3)(inputs, mask))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")

    probabilities = generator.dirichlet(np.ones(3), size=(4, 9)).astype("float32")
    inputs = [probabilities, np.arange(9) < np.array([[9], [1], [4], [7]])]
    np.testing.assert_array_equal(model.predict(inputs, verbose=0), loaded.predict(inputs, verbose=0))
