"""Scores of translations: BLEU and chrF as sacrebleu computes them, against all references."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from rich.progress import track
from rich.table import Table
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from apps.translation.data import has_no_spaces, is_chinese
from apps.translation.sentence_pairs import Pairs
from rnn_keras.seq2seq.text_to_text import TextGenerator
from rnn_keras.utils.terminal import console

LENGTH_GROUPS = (5, 8, 12, 16, 10**9)  # the largest number of source tokens in each group of sentences
SHOWN_CHARACTERS = 80  # of a sentence in a table


class RankedTranslation(NamedTuple):
    """A translation with its sentence-level chrF, 0 to 100."""

    chrf: float
    source: str
    translation: str
    reference: str


def choose_tokenizer(references: Sequence[Sequence[str]]) -> str:
    """sacrebleu's tokenizer: zh for Chinese references, char for other scripts without spaces, else 13a."""
    texts = [row[0] for row in references]
    if is_chinese(texts):
        return "zh"
    return "char" if has_no_spaces(texts) else "13a"


def score_corpus(translations: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[dict[str, float], str]:
    """`bleu` and `chrf`, 0 to 100, of translations against all references of each; and BLEU's signature."""
    most = max(map(len, references))
    # sacrebleu expects the first reference of every sentence, then the second; None where there is none.
    columns = [[row[number] if number < len(row) else None for row in references] for number in range(most)]
    bleu: Any = BLEU(tokenize=choose_tokenizer(references))
    chrf: Any = CHRF()
    scores = {"bleu": bleu.corpus_score(translations, columns), "chrf": chrf.corpus_score(translations, columns)}
    return {name: round(score.score, 2) for name, score in scores.items()}, str(bleu.get_signature())


def compute_metrics(translator: TextGenerator, pairs: Pairs) -> tuple[dict[str, Any], list[str]]:
    """BLEU and chrF with beam search, and with greedy search as `bleu_greedy`, `chrf_greedy`; and the translations."""
    sources, references = pairs.references()
    greedy, beam = (translator.generate(sources, search, track=_show_progress) for search in ("greedy", "beam"))
    scores, signature = score_corpus(beam.texts, references)
    greedy_scores, _ = score_corpus(greedy.texts, references)
    return {
        **scores,
        **{f"{name}_greedy": score for name, score in greedy_scores.items()},
        "sentences": len(sources),
        "sentences_per_second": round(len(sources) / beam.seconds),
        "sentences_per_second_greedy": round(len(sources) / greedy.seconds),
        "signature": signature,
    }, beam.texts


def compute_bleu_by_length(
    translator: TextGenerator, pairs: Pairs, translations: Sequence[str]
) -> list[dict[str, Any]]:
    """BLEU of groups of sentences of similar length: rows of `tokens`, `sentences` and `bleu`.

    Args:
        translator: that made the translations; its vocabulary counts the tokens.
        pairs: the sentences.
        translations: of each distinct source sentence, in the order of `pairs.references()`.
    """
    sources, references = pairs.references()
    lengths = np.array([len(ids) for ids in translator.vocabulary.encode(sources)])
    rows, least = [], 1
    for most in LENGTH_GROUPS:
        group = np.flatnonzero((lengths >= least) & (lengths <= most)).tolist()
        if group:
            scores, _ = score_corpus([translations[index] for index in group], [references[index] for index in group])
            tokens = f"{least} to {most}" if most < LENGTH_GROUPS[-1] else f"{least} and more"
            rows.append({"tokens": tokens, "sentences": len(group), "bleu": scores["bleu"]})
        least = most + 1
    return rows


def rank_translations(pairs: Pairs, translations: Sequence[str]) -> list[RankedTranslation]:
    """The translations of all distinct source sentences, the best first, with the first reference of each.

    By chrF, since BLEU says little about a single sentence.
    """
    chrf = CHRF()
    rows = [
        RankedTranslation(chrf.sentence_score(translation, references).score, source, translation, references[0])
        for source, references, translation in zip(*pairs.references(), translations, strict=True)
    ]
    return sorted(rows, key=lambda row: -row.chrf)


def show_details(translator: TextGenerator, pairs: Pairs, translations: Sequence[str], number: int = 5) -> None:
    """Prints BLEU by length, and the best and the worst translations."""
    table = Table(title="BLEU by length, beam search", title_justify="left")
    for name in ("tokens of the source", "sentences", "BLEU"):
        table.add_column(name, justify="right")
    for row in compute_bleu_by_length(translator, pairs, translations):
        table.add_row(row["tokens"], str(row["sentences"]), f"{row['bleu']:.1f}")
    console.print(table)
    ranked = rank_translations(pairs, translations)
    for title, rows in (("best", ranked[:number]), ("worst", ranked[-number:])):
        table = Table("chrF", "source", "translation", "reference", title=f"the {title} by chrF", title_justify="left")
        for score, *sentences in rows:
            table.add_row(f"{score:.1f}", *map(_shorten, sentences))
        console.print(table)


def _show_progress(batches: Sequence[np.ndarray]) -> Iterable[np.ndarray]:
    return track(batches, "translating ...", console=console, transient=True, disable=len(batches) < 5)


def _shorten(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"
