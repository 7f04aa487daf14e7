"""Greedy and beam search against every sequence of a tiny vocabulary, scored one by one."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf

from rnn_keras.seq2seq import beam_search, greedy_search, iterate_beam_search, sample_sequences

START, END, VOCABULARY = 1, 2, 5
LENGTH = 4
BATCH = 6


class Chain:
    """An artificial language model: the logits depend on the sentence, the two tokens before, and the position."""

    def __init__(self, seed, sharpness=2.0, sentences=BATCH):
        self.sentences = sentences
        shape = (sentences, LENGTH, VOCABULARY, VOCABULARY, VOCABULARY)
        self.logits = sharpness * np.random.default_rng(seed).normal(size=shape).astype("float32")
        self.logits[..., :END] = -1e9  # padding and start are never written
        self.state = {
            "sentence": np.arange(sentences, dtype="int32"),
            "before": np.zeros(sentences, "int32"),
            "position": np.zeros(sentences, "int32"),
        }

    def step(self, tokens, state):
        positions = tf.minimum(state["position"], LENGTH - 1)
        logits = tf.gather_nd(self.logits, tf.stack([state["sentence"], positions, state["before"], tokens], axis=-1))
        return logits, {"sentence": state["sentence"], "before": tokens, "position": state["position"] + 1}

    def log_probability(self, sentence, tokens):
        total, before, last = 0.0, 0, START
        for position, token in enumerate(tokens):
            logits = self.logits[sentence, position, before, last].astype("float64")
            total += logits[token] - np.log(np.exp(logits).sum())
            before, last = last, token
        return total

    def best(self, sentence, length_penalty):
        """The best score of all sequences that end in time, and the sequence."""
        scored = []
        for length in range(1, LENGTH + 1):
            for words in itertools.product(range(END + 1, VOCABULARY), repeat=length - 1):
                tokens = (*words, END)
                penalty = ((5 + length) / 6) ** length_penalty
                scored.append((self.log_probability(sentence, tokens) / penalty, tokens))
        return max(scored)

    def search(self, search, compiled=False, **settings):
        def run():
            state = keras.tree.map_structure(tf.constant, self.state)
            return search(self.step, state, self.sentences, start=START, end=END, maximum_length=LENGTH, **settings)

        return (tf.function(run) if compiled else run)()


def pad(tokens):
    return [*tokens, *[0] * (LENGTH - len(tokens))]


@pytest.mark.parametrize(("length_penalty", "compiled"), [(0.0, False), (0.6, False), (1.0, False), (0.6, True)])
def test_a_wide_beam_finds_the_best_of_all_sequences(length_penalty, compiled):
    for seed in range(1 if compiled else 5):
        chain = Chain(seed)
        found = chain.search(beam_search, compiled, width=40, length_penalty=length_penalty)

        for sentence in range(BATCH):
            score, tokens = chain.best(sentence, length_penalty)
            assert found.tokens[sentence, 0].numpy().tolist() == pad(tokens)
            assert float(found.scores[sentence, 0]) == pytest.approx(score, abs=1e-4)


@pytest.mark.parametrize("width", [1, 2, 3])
def test_scores_are_those_of_the_tokens_and_fall(width):
    chain = Chain(7, sharpness=1.0)
    found = chain.search(beam_search, width=width, length_penalty=0.7)
    scores = found.scores.numpy()

    assert np.all(np.diff(scores, axis=1) <= 0)
    for sentence, row in enumerate(found.tokens.numpy()):
        for tokens, score in zip(row, scores[sentence], strict=True):
            tokens = tokens[tokens > 0].tolist()
            if score > -1e8 and tokens[-1] == END:
                expected = chain.log_probability(sentence, tokens) / ((5 + len(tokens)) / 6) ** 0.7
                assert score == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("width", [1, 3])
def test_step_by_step_it_ends_with_what_the_search_finds(width):
    chain = Chain(7, sharpness=1.0, sentences=1)
    found = chain.search(beam_search, width=width, length_penalty=0.7)
    *steps, last = chain.search(iterate_beam_search, width=width, length_penalty=0.7)

    np.testing.assert_array_equal(last.tokens, found.tokens)
    np.testing.assert_array_equal(last.scores, found.scores)
    assert steps
    for number, step in enumerate(steps, 1):
        for tokens, score in zip(step.tokens.numpy()[0], step.scores.numpy()[0], strict=True):
            tokens = tokens[tokens > 0].tolist()
            assert score < -1e8 or len(tokens) == number or (len(tokens) < number and tokens[-1] == END)
            if score > -1e8:
                expected = chain.log_probability(0, tokens) / ((5 + len(tokens)) / 6) ** 0.7
                assert score == pytest.approx(expected, abs=1e-4)


def test_a_wider_beam_finds_no_worse():
    chain = Chain(0, 1.0, sentences=60)
    best = [chain.search(beam_search, width=width, length_penalty=0.0).scores[:, 0] for width in (1, 2, 4, 40)]
    means = [float(np.mean(scores)) for scores in best]

    assert means == sorted(means) and means[0] < means[-1]


@pytest.mark.parametrize("compiled", [False, True])
def test_greedy_takes_the_likeliest_token_and_stops(compiled):
    chain = Chain(3)
    written = chain.search(greedy_search, compiled).numpy()

    for sentence, row in enumerate(written):
        before, last = 0, START
        for position, token in enumerate(row):
            expected = 0 if last in (END, 0) else int(chain.logits[sentence, position, before, last].argmax())
            assert token == expected
            before, last = last, token


def test_a_beam_of_one_is_greedy_where_all_end():
    chain = Chain(11, sharpness=3.0)
    greedy = chain.search(greedy_search).numpy()
    beam = chain.search(beam_search, width=1, length_penalty=0.0).tokens[:, 0].numpy()

    assert any(END in row for row in greedy)
    np.testing.assert_array_equal(beam, greedy)


def test_a_sentence_does_not_depend_on_its_neighbours():
    chain = Chain(5, sharpness=1.0)
    batch = chain.search(beam_search, width=2, length_penalty=1.0)
    for sentence in range(BATCH):
        state = keras.tree.map_structure(lambda x, row=sentence: tf.constant(x[row : row + 1]), chain.state)
        options = {"start": START, "end": END, "maximum_length": LENGTH, "width": 2, "length_penalty": 1.0}
        alone = beam_search(chain.step, state, 1, **options)
        np.testing.assert_array_equal(alone.tokens[0, 0], batch.tokens[sentence, 0])


def test_the_loop_stops_when_all_have_ended():
    calls = []

    def step(tokens, state):
        calls.append(1)
        logits = np.full((len(tokens), VOCABULARY), -20.0, "float32")
        logits[:, END if len(calls) == 3 else 3] = 20.0
        return tf.constant(logits), state

    options = {"start": START, "end": END, "maximum_length": 50}
    written = greedy_search(step, {"x": tf.zeros((2, 1))}, 2, **options)
    assert len(calls) == 3 and written.shape == (2, 50)
    calls.clear()
    beam_search(step, {"x": tf.zeros((2, 1))}, 2, width=1, **options)
    assert len(calls) == 3


def test_where_none_ends_the_likeliest_is_cut_off():
    def step(tokens, state):
        logits = tf.one_hot(tf.zeros_like(tokens) + 3, VOCABULARY, 5.0, -1e9)
        return logits, state

    found = beam_search(step, {"x": tf.zeros((2, 1))}, 2, start=START, end=END, maximum_length=3, width=2)
    assert found.tokens[:, 0].numpy().tolist() == [[3, 3, 3], [3, 3, 3]]
    assert np.all(found.scores[:, 0] > -1) and np.all(found.scores[:, 1] < -1e8)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match="width must be at least 1"):
        Chain(0).search(beam_search, width=0)


@pytest.mark.parametrize("compiled", [False, True])
def test_sequences_are_drawn_as_often_as_they_are_likely(compiled):
    draws = 3000
    one = Chain(3, sharpness=1.0, sentences=1)
    chain = Chain(3, sharpness=1.0, sentences=draws)
    chain.logits = np.repeat(one.logits, draws, axis=0)
    written = chain.search(sample_sequences, compiled, seed=keras.random.SeedGenerator(1)).numpy()

    counts = {}
    for row in written:
        tokens = tuple(row[row > 0].tolist())
        counts[tokens] = counts.get(tokens, 0) + 1
    assert len(counts) > 10
    for length in range(1, LENGTH + 1):
        for words in itertools.product(range(END + 1, VOCABULARY), repeat=length - 1):
            tokens = (*words, END)
            expected = np.exp(one.log_probability(0, tokens))
            error = 4 * np.sqrt(expected * (1 - expected) / draws) + 1e-9
            assert counts.get(tokens, 0) / draws == pytest.approx(expected, abs=error), tokens
