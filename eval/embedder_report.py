"""How often the built-in embedder finds a sentence's English: `python -m eval.embedder_report …`.

The sentences are the questions of a parallel data set that it was never trained on; the pool is
their English ones and, up to 1,012, English lines of the parallel text that were kept out.
"""

from collections.abc import Iterable
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


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("parallel", metavar="PARALLEL_DIR", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
def main(parallel: Path, folder: Path) -> None:
    """Print a table of recall@1, sentence to English, for every language of DIR."""
    distractors = [
        line.text
        for line in read_parallel(parallel, kept_out=True)
        if line.language == ENGLISH and len(line.text) >= _MIN_CHARS
    ]
    found = recall_of_english(StaticEmbedder(), Dataset.load(folder), distractors)
    click.echo(f"recall@1, sentence to English among {_POOL}: {np.mean(list(found.values())):.3f}")
    click.echo("\n| language | recall@1 |\n| --- | --- |")
    for code in sorted(found, key=lambda code: found[code]):
        click.echo(f"| {languages()[code].name} ({code}) | {found[code]:.2f} |")


def recall_of_english(
    embedder: Embedder, dataset: Dataset, distractors: Iterable[str]
) -> dict[str, float]:
    """Return, for each language but English, how often its sentences find their English.

    :param distractors: English lines that fill the pool.
    """
    texts = {
        code: {query.query_id: query.text for query in dataset.read_queries(code)}
        for code in dataset.queries
        if code in languages()
    }
    ids = list(texts[ENGLISH])
    pool = [*texts[ENGLISH].values(), *dict.fromkeys(distractors)][:_POOL]
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
