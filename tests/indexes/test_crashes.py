"""What is left when a process is killed, and when two write at once."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from indexes.store import Store
from tests.fakes import CountingEmbedder, put_texts

ROOT = Path(__file__).parents[2]
OPEN = """
import os, signal, sys
from pathlib import Path
from indexes.store import Store
from ingest.documents import content_hash
from tests.fakes import CountingEmbedder, embedded, make_cutter, make_document, put_texts
from tests.fakes import PlainParser
def die(): os.kill(os.getpid(), signal.SIGKILL)
embedder = CountingEmbedder()
store = Store(Path(sys.argv[1]), embedder)
index = store.collection("default", create=True)
"""
AFTER_COMMIT = """
put_texts(index, embedder, ferry="The ferry leaves at nine.", dogs="Dogs stay on deck.")
die()
"""
IN_THE_TRANSACTION = """
class Deadly(list):
    passes = 0
    def __iter__(self):
        self.passes += 1
        return super().__iter__() if self.passes < 2 else die()
document, chunks = embedded(make_document("dogs", "Dogs stay on deck."), embedder)
ferry = embedded(make_document("ferry", "The ferry leaves at nine."), embedder)
index.put([ferry, (document, Deadly(chunks))], "recipe")
"""
BETWEEN_THE_INDEXES = """
from indexes.keywords import KeywordIndex
KeywordIndex.apply = lambda *_: die()
put_texts(index, embedder, ferry="The ferry leaves at nine.", dogs="Dogs stay on deck.")
index.refresh()
"""
BEFORE_THE_MANIFEST = """
from indexes.keywords import KeywordIndex
KeywordIndex._write_manifest = lambda *_: die()
put_texts(index, embedder, ferry="The ferry leaves at nine.", dogs="Dogs stay on deck.")
index.refresh()
"""
BEFORE_THE_VECTORS_ARE_NAMED = """
from indexes import vectors
write = vectors._write_whole
vectors._write_whole = lambda path, data: write(path, data) if "faiss" in path.name else die()
put_texts(index, embedder, ferry="The ferry leaves at nine.", dogs="Dogs stay on deck.")
index.save()
"""
INGEST = """
from ingest.pipeline import Pipeline
from ingest.sources import find_sources
print("ready", flush=True)
sys.stdin.readline()
pipeline = Pipeline(index, PlainParser(), make_cutter(embedder))
results = list(pipeline.ingest(find_sources([sys.argv[2]])))
assert [r.status for r in results] == ["ingested"] * 70, results
store.close()
"""


def texts(store: Store, embedder: CountingEmbedder) -> dict[str, str]:
    """Return what either leg finds of all documents, by id, and check that they agree."""
    index = store.collection("default")
    query = embedder.embed_query("the ferry and dogs")
    dense = {chunk_id for chunk_id, _ in index.dense(query, 999)}
    lexical = {chunk_id for chunk_id, _ in index.lexical(["ferry", "dogs"], 999)}
    assert dense == lexical
    found = index.chunks(sorted(dense)).values()
    assert len(found) == len(dense)
    return {stored.document_id: stored.chunk.text for stored in found}


@pytest.mark.parametrize(
    ("code", "ferry"),
    [
        pytest.param(AFTER_COMMIT, "nine", id="after the commit"),
        pytest.param(IN_THE_TRANSACTION, "six", id="in the transaction"),
        pytest.param(BETWEEN_THE_INDEXES, "nine", id="between the indexes"),
        pytest.param(BEFORE_THE_MANIFEST, "nine", id="before the manifest"),
        pytest.param(BEFORE_THE_VECTORS_ARE_NAMED, "nine", id="before the vectors are named"),
    ],
)
def test_a_killed_process_loses_nothing_and_leaves_nothing_half_done(
    tmp_path: Path, embedder: CountingEmbedder, code: str, ferry: str
) -> None:
    with Store(tmp_path, embedder) as store:
        index = store.collection("default", create=True)
        put_texts(index, embedder, ferry="The ferry leaves at six.")
        index.save()
    done = subprocess.run(
        [sys.executable, "-c", OPEN + code, str(tmp_path)], cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    expected = {"ferry": f"The ferry leaves at {ferry}."}
    if ferry == "nine":
        expected["dogs"] = "Dogs stay on deck."
    with Store(tmp_path, embedder) as again:
        assert texts(again, embedder) == expected
        put_texts(again.collection("default"), embedder, cats="No cats on the ferry.")
        assert set(texts(again, embedder)) == {*expected, "cats"}


def test_two_processes_ingest_into_one_folder_at_once(
    tmp_path: Path, embedder: CountingEmbedder
) -> None:
    processes = []
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        for n in range(70):
            (folder / f"{n}.txt").write_text(f"The ferry {name}{n} takes dogs.")
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", OPEN + INGEST, str(tmp_path / "data"), str(folder)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outcomes = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outcomes
    with Store(tmp_path / "data", embedder) as store:
        expected = {f"The ferry {name}{n} takes dogs." for name in ("a", "b") for n in range(70)}
        assert set(texts(store, embedder).values()) == expected
