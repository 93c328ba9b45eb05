"""How often the built-in embedder finds a sentence's English: `python -m eval.embedder_report …`.

The sentences are the questions of a parallel data set that it was never trained on; the pool is
their English ones and, up to 1,012, English lines of the parallel text that were kept out. Beside
each language stands how many lines of parallel text the embedder was trained on.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import click
import numpy as np

from eval.datasets import ENGLISH, Dataset
from eval.parallel import read_parallel
from ragqwen.embedding import Embedder
from ragqwen.languages import languages
from ragqwen.static_embedding import StaticEmbedder

_POOL = 1012  # as many as FLORES-200's devtest has
_MIN_CHARS = 60  # of a line beside them, so that it is a sentence
_COLUMNS = 3  # languages beside one another in the table


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parallel", metavar="PARALLEL_DIR", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
def main(parallel: Path, folder: Path) -> None:
    """Print a table of recall@1, sentence to English, for every language of DIR, worst first."""
    distractors = [
        line.text
        for line in read_parallel(parallel, kept_out=True)
        if line.language == ENGLISH and len(line.text) >= _MIN_CHARS
    ]
    dataset = Dataset.load(folder)
    pool = english_pool(dataset, distractors)
    found = recall_of_english(StaticEmbedder(), dataset, pool)
    mean = np.mean(list(found.values()))
    click.echo(f"recall@1, sentence to English among {len(pool)}: {mean:.3f}")
    lines = trained_lines()
    click.echo(f"lines of English that it was trained on: {lines[ENGLISH]:,}\n")
    click.echo("| language | lines | recall@1 " * _COLUMNS + "|\n" + "| --- " * 3 * _COLUMNS + "|")
    cells = [
        f"| {languages()[code].name} ({code}) | {lines.get(code, 0):,} | {found[code]:.2f} "
        for code in sorted(found, key=lambda code: found[code])
    ]
    n_rows = -(-len(cells) // _COLUMNS)
    for row in range(n_rows):
        some = cells[row::n_rows]
        click.echo("".join(some) + "|  |  |  " * (_COLUMNS - len(some)) + "|")


def trained_lines() -> Mapping[str, int]:
    """Return how many lines the built-in embedder was trained on, of each language that had any."""
    about = json.loads(files("ragqwen").joinpath("data/embedder/training.json").read_text("utf-8"))
    found: dict[str, int] = about["lines"]
    return found


def english_pool(dataset: Dataset, distractors: Iterable[str]) -> list[str]:
    """Return the data set's English sentences, in its order, and others beside them.

    :param distractors: English lines that fill the pool up to 1,012, each once.
    """
    sentences = [query.text for query in dataset.read_queries(ENGLISH)]
    return [*sentences, *dict.fromkeys(distractors)][:_POOL]


def recall_of_english(
    embedder: Embedder, dataset: Dataset, pool: Sequence[str]
) -> dict[str, float]:
    """Return, for each language but English, how often its sentences find their English.

    :param pool: as `english_pool` makes it.
    """
    texts = {
        code: {query.query_id: query.text for query in dataset.read_queries(code)}
        for code in dataset.queries
        if code in languages()
    }
    ids = list(texts[ENGLISH])
    vectors = embedder.embed_documents(pool)
    return {
        code: float(
            np.mean(
                [
                    ids.index(query_id) == (vectors @ vector).argmax()
                    for query_id, vector in zip(
                        some, embedder.embed_documents(list(some.values())), strict=True
                    )
                ]
            )
        )
        for code, some in texts.items()
        if code != ENGLISH
    }


if __name__ == "__main__":
    main()
