"""How good translations are, as the field measures it: BLEU and chrF by sacrebleu, against all references."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table
from sacrebleu.metrics import BLEU, CHRF

from apps.translation.data import has_no_spaces, is_chinese
from apps.translation.sentence_pairs import Pairs
from rnn_keras.cli.app import console
from rnn_keras.seq2seq.text_to_text import TextWriter

# Upper ends of the groups of sentences by length, in tokens of the source.
LENGTHS = (5, 8, 12, 16, 10**9)


def tokenize_for(references: Sequence[Sequence[str]]) -> str:
    """sacrebleu's tokenizer: zh for Chinese references, char for others without spaces between words, else 13a."""
    texts = [row[0] for row in references]
    if is_chinese(texts):
        return "zh"
    return "char" if has_no_spaces(texts) else "13a"


def corpus_scores(texts: Sequence[str], references: Sequence[Sequence[str]]) -> tuple[dict, str]:
    """`bleu` and `chrf`, 0 to 100, of translations against all references of each; and BLEU's signature."""
    most = max(map(len, references))
    # sacrebleu wants the first reference of every sentence, then the second; None where there is none.
    columns = [[row[place] if place < len(row) else None for row in references] for place in range(most)]
    bleu = BLEU(tokenize=tokenize_for(references))
    scores = {"bleu": bleu.corpus_score(texts, columns).score, "chrf": CHRF().corpus_score(texts, columns).score}
    return {name: round(score, 2) for name, score in scores.items()}, str(bleu.get_signature())


def metrics(translator: TextWriter, pairs: Pairs) -> tuple[dict, list[str]]:
    """BLEU and chrF with beam search, and with greedy search as `bleu_greedy`, `chrf_greedy`; and the translations."""
    sources, references = pairs.references()
    found = {how: translator.write(sources, how) for how in ("greedy", "beam")}
    scores, signature = corpus_scores(found["beam"].texts, references)
    greedy, _ = corpus_scores(found["greedy"].texts, references)
    return {
        **scores,
        **{f"{name}_greedy": score for name, score in greedy.items()},
        "sentences": len(sources),
        "sentences_a_second": round(len(sources) / found["beam"].seconds),
        "sentences_a_second_greedy": round(len(sources) / found["greedy"].seconds),
        "signature": signature,
    }, found["beam"].texts


def bleu_by_length(translator: TextWriter, pairs: Pairs, texts: Sequence[str]) -> list[dict]:
    """BLEU of the sentences of each group by length: rows of `tokens`, `sentences` and `bleu`."""
    sources, references = pairs.references()
    lengths = np.array([len(ids) for ids in translator.vocabulary.encode(sources)])
    rows, least = [], 1
    for most in LENGTHS:
        places = np.flatnonzero((lengths >= least) & (lengths <= most))
        if len(places):
            scores, _ = corpus_scores([texts[place] for place in places], [references[place] for place in places])
            tokens = f"{least} to {most}" if most < LENGTHS[-1] else f"{least} and more"
            rows.append({"tokens": tokens, "sentences": len(places), "bleu": scores["bleu"]})
        least = most + 1
    return rows


def ranked(pairs: Pairs, texts: Sequence[str]) -> list[tuple[float, str, str, str]]:
    """`(chrF, source, translation, first reference)` of every sentence, the best first.

    By chrF, since BLEU says little of a single sentence.
    """
    chrf = CHRF()
    rows = []
    for source, answers, text in zip(*pairs.references(), texts, strict=True):
        rows.append((chrf.sentence_score(text, answers).score, source, text, answers[0]))
    return sorted(rows, key=lambda row: -row[0])


def show_details(translator: TextWriter, pairs: Pairs, texts: Sequence[str], number: int = 5) -> None:
    """Prints BLEU by length, and the best and the worst translations."""
    table = Table(title="BLEU by length, beam search", title_justify="left")
    for name in ("tokens of the source", "sentences", "BLEU"):
        table.add_column(name, justify="right")
    for row in bleu_by_length(translator, pairs, texts):
        table.add_row(row["tokens"], str(row["sentences"]), f"{row['bleu']:.1f}")
    console.print(table)
    rows = ranked(pairs, texts)
    for title, chosen in (("best", rows[:number]), ("worst", rows[-number:])):
        table = Table("chrF", "source", "translation", "reference", title=f"the {title} by chrF", title_justify="left")
        for score, *sentences in chosen:
            table.add_row(f"{score:.1f}", *(text if len(text) <= 80 else text[:79] + "…" for text in sentences))
        console.print(table)
