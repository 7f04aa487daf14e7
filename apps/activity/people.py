"""Which people train, validate and test: nobody is in two of these."""

from collections.abc import Iterable, Sequence

from rnn_keras.data.splits import hash_key

FOLDS = 5


def deal_people(people: Iterable[str], folds: int) -> list[list[str]]:
    """The people in so many groups of nearly equal size, in which the order of the data makes no difference.

    >>> deal_people(["ann", "bob", "eva", "bob"], 2)
    [['bob', 'eva'], ['ann']]
    """
    ordered = sorted(set(people), key=lambda person: (hash_key(person), person))
    return [ordered[start::folds] for start in range(folds)]


def assign_people(people: Sequence[str], folds: int = FOLDS, fold: int = 1) -> dict[str, str]:
    """For each person the split: one group tests, the next one validates, and the others train.

    Args:
        people: at least three different ones; repeated ones count once.
        folds: groups, at most as many as there are people, and at least three.
        fold: the number of the group that tests, from 1; over all folds, each person tests once.
    """
    groups = deal_people(people, folds)
    test, validation = groups[fold - 1], groups[fold % folds]
    return {
        person: "test" if person in test else "validation" if person in validation else "train"
        for person in dict.fromkeys(people)
    }
