"""The normal form of `rnn_keras.data.characters` in the graph, by operations of TensorFlow itself.

TensorFlow has no operation for it. So each code point is looked up in tables that are constants of the graph: what it
decomposes into, its combining class, and which pairs compose (Unicode Standard Annex 15).
"""

import functools
import re
import unicodedata
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from rnn_keras.data.characters import INVISIBLE, kept_characters

_PAGE = 64  # code points of a page; equal pages are stored once
_LAST = 0x110000
_SHIFT = 21  # bits of a code point
# Hangul syllables are composed by arithmetic (section 3.12 of the standard).
_SYLLABLE, _LEADING, _VOWEL, _TRAILING = 0xAC00, 0x1100, 0x1161, 0x11A7
_LEADINGS, _VOWELS, _TRAILINGS = 19, 21, 28
_SYLLABLES = range(_SYLLABLE, _SYLLABLE + _LEADINGS * _VOWELS * _TRAILINGS)


class _Tables(NamedTuple):
    """NumPy's arrays, or tensors.

    Attributes:
    pages: `(code points / _PAGE,)`, where each page begins in the next four.
    lengths: into how many code points one decomposes.
    starts: where these begin in `values`; -1: it stays as it is.
    classes: combining classes.
    is_second: whether a code point composes with one before it.
    values: the decompositions.
    pairs: rising, the two code points of a pair in one number.
    composites: what each pair composes to.
    is_plain: whether a code point stays as it is, whatever is before and after it.
    """

    pages: Any
    lengths: Any
    starts: Any
    classes: Any
    is_second: Any
    values: Any
    pairs: Any
    composites: Any
    is_plain: Any


def normalise_texts(texts: Any) -> Any:
    """Strings of valid UTF-8, of any shape -> the same in the normal form; see `characters.normalise_characters`."""
    result = _normalise_flat(tf.reshape(texts, [-1]))
    return tf.ensure_shape(tf.reshape(result, tf.shape(texts)), texts.shape)


# One function of the graph, with one copy of the tables, wherever it is called.
@tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
def _normalise_flat(texts: Any) -> Any:
    is_plain = tf.strings.regex_full_match(texts, _make_plain_pattern())

    def normalise_some() -> Any:
        changed = _normalise(tf.boolean_mask(texts, ~is_plain))
        number = tf.size(texts)
        place = number + tf.cumsum(tf.cast(~is_plain, tf.int32)) - 1
        return tf.gather(tf.concat([texts, changed], 0), tf.where(is_plain, tf.range(number), place))

    return tf.cond(tf.reduce_all(is_plain), lambda: texts, normalise_some)


def _normalise(texts: Any) -> Any:
    """Strings `(n,)` by their code points, all of them in one array with the number of the text of each."""
    tables = _Tables(*map(tf.constant, _build_tables()._replace(is_plain=())))
    ragged = tf.strings.unicode_decode(texts, "UTF-8")
    points, rows = _decompose(tables, ragged.flat_values, ragged.value_rowids())
    points, classes, rows = _order(tables, points, rows)

    def compose(points: Any, classes: Any, rows: Any, _: Any) -> tuple[Any, ...]:
        return _compose_once(tables, points, classes, rows)

    variables = (points, classes, rows, tf.constant(True))
    shapes = (*(tf.TensorShape([None]) for _ in range(3)), tf.TensorShape([]))
    points, _, rows, _ = tf.while_loop(lambda *state: state[-1], compose, variables, shapes)
    result: Any = tf.RaggedTensor
    return tf.strings.unicode_encode(result.from_value_rowids(points, rows, nrows=tf.size(texts, tf.int64)), "UTF-8")


def _look_up(tables: _Tables, column: Any, points: Any) -> Any:
    return tf.gather(column, tf.gather(tables.pages, points // _PAGE) + points % _PAGE)


def _decompose(tables: _Tables, points: Any, rows: Any) -> tuple[Any, Any]:
    lengths = _look_up(tables, tables.lengths, points)
    source = tf.repeat(tf.range(tf.size(points)), lengths)
    number = tf.range(tf.size(source)) - tf.gather(tf.cumsum(lengths, exclusive=True), source)
    starts = tf.gather(_look_up(tables, tables.starts, points), source)
    decomposed = tf.gather(tables.values, tf.maximum(starts, 0) + tf.where(starts < 0, 0, number))
    return tf.where(starts < 0, tf.gather(points, source), decomposed), tf.gather(rows, source)


def _order(tables: _Tables, points: Any, rows: Any) -> tuple[Any, Any, Any]:
    """Sorts the combining marks after each letter by their classes, in a stable way."""
    classes = _look_up(tables, tables.classes, points)
    begins = tf.concat([[True], rows[1:] != rows[:-1]], 0)[: tf.size(rows)]
    keys = tf.cumsum(tf.cast(begins | (classes == 0), tf.int64)) * 256 + tf.cast(classes, tf.int64)
    order = tf.cond(
        tf.reduce_any(keys[1:] < keys[:-1]), lambda: tf.argsort(keys, stable=True), lambda: tf.range(tf.size(keys))
    )
    return tf.gather(points, order), tf.gather(classes, order), rows


def _compose_once(tables: _Tables, points: Any, classes: Any, rows: Any) -> tuple[Any, Any, Any, Any]:
    """Composes at most one code point with each letter before it; the last result is whether there was any.

    A code point composes with the last letter (of class 0) before it, unless one between them has its class or a
    higher one.
    """
    is_letter = classes == 0
    letters = tf.where(is_letter)[:, 0]
    letters_before = tf.cumsum(tf.cast(is_letter, tf.int32), exclusive=True)
    second = tf.where(_look_up(tables, tables.is_second, points) & (letters_before > 0))[:, 0]
    first = tf.gather(letters, tf.gather(letters_before, second) - 1)
    class_between = tf.gather(classes, second - 1)
    composite = _find_composite(tables, tf.gather(points, first), tf.gather(points, second))
    composes = (composite > 0) & (tf.gather(rows, first) == tf.gather(rows, second))
    composes &= (first == second - 1) | (class_between < tf.gather(classes, second))
    first, second, composite = (tf.boolean_mask(part, composes) for part in (first, second, composite))
    # From left to right: not with one that is itself composed, and only the first of those after a letter.
    is_composed = tf.scatter_nd(second[:, None], tf.ones_like(composite), tf.shape(points, tf.int64)) > 0
    is_next = tf.concat([[True], first[1:] != first[:-1]], 0)[: tf.size(first)]
    is_next &= ~tf.gather(is_composed, first)
    first, second, composite = (tf.boolean_mask(part, is_next) for part in (first, second, composite))
    points = tf.tensor_scatter_nd_update(points, first[:, None], composite)
    stays = tf.scatter_nd(second[:, None], tf.ones_like(composite), tf.shape(points, tf.int64)) == 0
    points, classes, rows = (tf.boolean_mask(part, stays) for part in (points, classes, rows))
    return points, classes, rows, tf.size(second) > 0


def _find_composite(tables: _Tables, first: Any, second: Any) -> Any:
    """What each pair composes to, 0 where it does not."""
    pair = tf.bitwise.left_shift(tf.cast(first, tf.int64), np.int64(_SHIFT)) + tf.cast(second, tf.int64)
    place = tf.minimum(tf.searchsorted(tables.pairs, pair), tf.size(tables.pairs) - 1)
    found = tf.where(tf.gather(tables.pairs, place) == pair, tf.gather(tables.composites, place), 0)
    leading, vowel = first - _LEADING, second - _VOWEL
    is_open = (leading >= 0) & (leading < _LEADINGS) & (vowel >= 0) & (vowel < _VOWELS)
    found = tf.where(is_open, _SYLLABLE + (leading * _VOWELS + vowel) * _TRAILINGS, found)
    syllable, trailing = first - _SYLLABLE, second - _TRAILING
    is_closed = (syllable >= 0) & (syllable < len(_SYLLABLES)) & (syllable % _TRAILINGS == 0)
    return tf.where(is_closed & (trailing > 0) & (trailing < _TRAILINGS), first + trailing, found)


@functools.cache
def _make_plain_pattern() -> str:
    """What matches texts that are in the normal form already, which nearly all texts are."""
    is_plain = np.concatenate([[False], _build_tables().is_plain, [False]])
    edges = np.flatnonzero(is_plain[1:] != is_plain[:-1]).reshape(-1, 2)
    ranges = (f"\\x{{{first:x}}}-\\x{{{end - 1:x}}}" for first, end in edges)
    return f"[{''.join(ranges)}]*"


@functools.cache
def _build_tables() -> _Tables:
    lengths, starts = np.ones(_LAST, np.int32), np.full(_LAST, -1, np.int32)
    classes, is_second = np.zeros(_LAST, np.int32), np.zeros(_LAST, bool)
    values: list[int] = []
    pairs: dict[int, int] = {}
    invisible, kept = re.compile(INVISIBLE), set(kept_characters())
    assigned = "".join(map(chr, (*range(0x1, 0xD800), *range(0xE000, 0x30000), *range(0xE0000, 0xE1000))))
    for character in assigned:
        point = ord(character)
        classes[point] = unicodedata.combining(character)
        fields = unicodedata.decomposition(character).split()
        if not fields or point in _SYLLABLES or character in kept:
            continue
        decomposed = invisible.sub("", unicodedata.normalize("NFKD", character))
        lengths[point], starts[point] = len(decomposed), len(values)
        values += map(ord, decomposed)
        # A composite that the standard excludes from composition is not its own composed form.
        if len(fields) == 2 and fields[0][0] != "<" and unicodedata.normalize("NFC", character) == character:
            first, second = (int(field, 16) for field in fields)
            if chr(first) not in kept:
                pairs[(first << _SHIFT) + second] = point
                is_second[second] = True
    lengths[list(map(ord, invisible.findall(assigned)))] = 0
    is_second[_VOWEL : _VOWEL + _VOWELS] = is_second[_TRAILING + 1 : _TRAILING + _TRAILINGS] = True
    is_plain = (lengths == 1) & (classes == 0) & ~is_second
    stays = np.array([unicodedata.normalize("NFKC", chr(point)) == chr(point) for point in np.flatnonzero(starts >= 0)])
    is_plain[starts >= 0] = stays & (classes[starts >= 0] == 0) & ~is_second[starts >= 0]
    is_plain[0xD800:0xE000] = False  # surrogates
    rising = sorted(pairs)
    columns = np.stack([lengths, starts, classes, is_second], 1).reshape(-1, _PAGE * 4)
    number_of: dict[bytes, int] = {}
    pages = [number_of.setdefault(page.tobytes(), len(number_of)) for page in columns]
    distinct = np.frombuffer(b"".join(number_of), columns.dtype)
    lengths, starts, classes, is_second = distinct.reshape(-1, 4).T
    return _Tables(
        np.array(pages, np.int32) * _PAGE,
        lengths.astype(np.int32),
        starts.astype(np.int32),
        classes.astype(np.int32),
        is_second.astype(bool),
        np.array(values, np.int32),
        np.array(rising, np.int64),
        np.array([pairs[pair] for pair in rising], np.int32),
        is_plain,
    )
