"""The likeliest path, against trying all paths."""

import itertools

import keras
import numpy as np
import pytest

from apps.video_tagging.viterbi import TagChain, counted


def best_of_all(probabilities, chain):
    """`(time, tags)` -> the path of the highest score, by trying each."""
    time, tags = probabilities.shape
    emissions = np.log(probabilities) - chain.discount * np.log(chain.frequencies)
    changes = np.log(chain.transitions)

    def score(path):
        steps = sum(emissions[step, tag] for step, tag in enumerate(path))
        return steps + sum(changes[before, after] for before, after in itertools.pairwise(path))

    return max(itertools.product(range(tags), repeat=time), key=score)


def random_chain(generator, **settings):
    transitions = generator.dirichlet(np.ones(3), size=3)
    return TagChain(transitions, generator.dirichlet(np.full(3, 3.0)), **settings)


@pytest.mark.parametrize("time", [1, 2, 7])
def test_it_is_the_best_of_all_paths_whatever_the_padding(time):
    generator = np.random.default_rng(time)
    for _ in range(20):
        chain = random_chain(generator, discount=generator.uniform())
        probabilities = generator.dirichlet(np.ones(3), size=(2, 7)).astype("float32")
        inside = np.arange(7) < [[time], [7]]
        tags = chain(probabilities, inside).numpy()

        assert tuple(tags[0, :time]) == best_of_all(probabilities[0, :time], chain)
        assert tuple(tags[1]) == best_of_all(probabilities[1], chain)


def test_with_a_stride_each_such_step_decides_for_those_up_to_the_next():
    generator = np.random.default_rng(3)
    chain = random_chain(generator, stride=3)
    few = generator.dirichlet(np.ones(3), size=4).astype("float32")
    tags = chain(np.repeat(few, 3, axis=0)[np.newaxis, :11], np.ones((1, 11), bool)).numpy()[0]

    np.testing.assert_array_equal(tags, np.repeat(best_of_all(few, chain), 3)[:11])


def test_what_follows_what_is_counted():
    known = counted([np.array([0, 0, 0, 1]), np.array([2])], tags=3, stride=1)

    np.testing.assert_allclose(known["transitions"][0], np.array([2.5, 1.5, 0.5]) / 4.5)
    np.testing.assert_allclose(known["transitions"][1], np.full(3, 1 / 3))  # nothing is known
    np.testing.assert_allclose(known["frequencies"], np.array([4, 2, 2]) / 8)
    slower = counted([np.array([0, 0, 1, 1, 1, 2])], tags=3, stride=2)  # sees steps 1, 3 and 5: tags 0, 1, 2
    np.testing.assert_allclose(slower["frequencies"], np.array([2, 2, 2]) / 6)


def test_it_is_saved_with_what_it_knows(tmp_path):
    generator = np.random.default_rng(5)
    given, inside = keras.Input((None, 3)), keras.Input((None,), dtype="bool")
    model = keras.Model([given, inside], random_chain(generator, stride=2, discount=0.3)(given, inside))
    model.save(tmp_path / "chain.keras")
    loaded = keras.models.load_model(tmp_path / "chain.keras")

    probabilities = generator.dirichlet(np.ones(3), size=(4, 9)).astype("float32")
    inputs = [probabilities, np.arange(9) < np.array([[9], [1], [4], [7]])]
    np.testing.assert_array_equal(model.predict(inputs, verbose=0), loaded.predict(inputs, verbose=0))
