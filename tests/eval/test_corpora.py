"""Corpora ingested for a while, and what is ranked in them."""

from dataclasses import dataclass, replace
from pathlib import Path

from eval.corpora import (
    ingested,
    ingested_together,
    origin_of,
    rank_documents,
    temporary_service,
)
from eval.datasets import Dataset
from eval.records import Stopwatch
from ragqwen.records import Passage
from ragqwen.retrieval import Evidence, Leg, Retriever
from ragqwen.settings import Settings

PASSAGE = Passage("", 1, "", "", "und", 0, 1, "x", (), 1.0, (1,), ((0, None),))


@dataclass
class FakeRetriever(Retriever):
    """Finds one passage after the other of the documents it is given."""

    documents: list[str]
    asked: int = 0

    def retrieve(
        self, question: str, *, k: int = 10, leg: Leg = "hybrid", max_tokens: int | None = None
    ) -> Evidence:
        self.asked += 1
        found = tuple(replace(PASSAGE, document_id=name) for name in self.documents[:k])
        return Evidence(question, "und", (), {}, found)


def test_passages_are_asked_for_until_ten_documents_are_there() -> None:
    names = [f"d{n}" for n in range(12)]
    retriever = FakeRetriever(["long"] * 70 + names)
    assert rank_documents(retriever, "?", "lexical") == ["long", *names[:9]]
    assert retriever.asked == 3


def test_no_more_is_asked_for_where_there_is_no_more() -> None:
    retriever = FakeRetriever(["a"] * 20 + ["b"])
    assert rank_documents(retriever, "?", "lexical") == ["a", "b"]
    assert retriever.asked == 1


def test_a_corpus_is_there_for_a_while(folder: Path) -> None:
    watch = Stopwatch()
    with temporary_service(Settings()) as service:
        with ingested(service, Dataset.load(folder), "deu_Latn", watch) as name:
            documents = service.index(name).documents()
            assert [info.document_id for info in documents] == ["d1", "d2", "d3"]
            assert {info.language for info in documents} == {"deu_Latn"}
        assert service.collections() == []
    assert watch.stages["ingest"] > 0


def test_all_corpora_stand_together_under_ids_of_their_own(folder: Path) -> None:
    with (
        temporary_service(Settings()) as service,
        ingested_together(service, Dataset.load(folder), Stopwatch()) as name,
    ):
        found = {origin_of(info.document_id) for info in service.index(name).documents()}
    assert found == {(code, f"d{n}") for code in ("deu_Latn", "eng_Latn") for n in (1, 2, 3)}


def test_an_original_id_may_have_a_colon() -> None:
    assert origin_of("deu_Latn:a:b") == ("deu_Latn", "a:b")
