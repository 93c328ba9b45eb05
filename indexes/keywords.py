"""BM25 over one collection: a tantivy index of our own terms, derived from the catalogue."""

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import tantivy

from indexes.schema import AddedChunk
from ragqwen.analysis import ANALYSIS_VERSION, terms, with_pieces

_FORMAT = 2
_WRITER_BYTES = 64_000_000
_HEADINGS_BOOST = 0.3
_MAX_QUERY_TERMS = 1024


class KeywordIndex:
    """BM25 (k1 1.2, b 0.75) over the terms of chunks, and with less weight of title and headings.

    tantivy gets terms already cut and normalised, joined by spaces. `keywords.json` says which
    revision of the catalogue the index shows; a chunk is deleted before it is added, so that a
    change applied twice, after a crash between the two files, does no harm.
    """

    def __init__(self, folder: Path) -> None:
        """Open the index in a folder, or start an empty one if it is missing or can't be read."""
        self._folder = folder / "keywords"
        self._manifest_path = folder / "keywords.json"
        self._schema = (
            tantivy.SchemaBuilder()
            # not unsigned: tantivy-py 0.27 deletes by a signed term, which such a field never has
            .add_integer_field("chunk", stored=False, indexed=True, fast=True)
            .add_text_field("text", tokenizer_name="whitespace", index_option="freq")
            .add_text_field("headings", tokenizer_name="whitespace", index_option="freq")
            .build()
        )
        self.revision = self.revision_on_disk
        if self.revision < 0 or not tantivy.Index.exists(str(self._folder)):
            self._start_anew()
        try:
            self._index = tantivy.Index(self._schema, path=str(self._folder))
        except ValueError:  # what tantivy raises for any file it can't read
            self._start_anew()
            self._index = tantivy.Index(self._schema, path=str(self._folder))
        self._searcher = self._index.searcher()

    @property
    def revision_on_disk(self) -> int:
        """Return the revision that the index on disk shows, -1 if there is none to be used."""
        try:
            manifest = json.loads(self._manifest_path.read_bytes())
            fits = (manifest["format"], manifest["analysis"]) == (_FORMAT, ANALYSIS_VERSION)
            return int(manifest["revision"]) if fits and self._folder.is_dir() else -1
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return -1

    def __len__(self) -> int:
        """Count the chunks."""
        return int(self._searcher.num_docs)

    def apply(self, removed: Sequence[int], added: Iterable[AddedChunk], revision: int) -> None:
        """Catch up with the catalogue and commit; to apply the same change twice does no harm."""
        with self._index.writer(heap_size=_WRITER_BYTES, num_threads=1) as writer:
            for chunk_id in removed:
                writer.delete_documents_by_term("chunk", chunk_id)
            for chunk in added:
                writer.delete_documents_by_term("chunk", chunk.chunk_id)
                writer.add_document(_document(chunk))
            writer.commit()
        self.revision = revision
        self._write_manifest()
        self.reload()

    def reload(self) -> None:
        """Show what another process has committed."""
        self._index.reload()
        self._searcher = self._index.searcher()
        self.revision = max(self.revision_on_disk, 0)

    def search(self, query_terms: Sequence[str], k: int) -> list[tuple[int, float]]:
        """Return the k best chunks for any of the terms: (chunk id, BM25 score), best first."""
        clauses = []
        for term in list(dict.fromkeys(query_terms))[:_MAX_QUERY_TERMS]:
            text = tantivy.Query.term_query(self._schema, "text", term, "freq")
            headings = tantivy.Query.term_query(self._schema, "headings", term, "freq")
            clauses.append((tantivy.Occur.Should, text))
            clauses.append(
                (tantivy.Occur.Should, tantivy.Query.boost_query(headings, _HEADINGS_BOOST))
            )
        if not clauses or k <= 0:
            return []
        query = tantivy.Query.boolean_query(clauses)
        hits = self._searcher.search(query, limit=k, count=False).hits
        ids = self._searcher.fast_field_values("chunk", [address for _, address in hits])
        return [
            (int(i), float(score)) for i, (score, _) in zip(ids, hits, strict=True) if i is not None
        ]

    def document_frequencies(self, query_terms: Iterable[str]) -> dict[str, int]:
        """Return in how many chunks' texts each term occurs."""
        return {term: self._searcher.doc_freq("text", term) for term in set(query_terms)}

    def _start_anew(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._manifest_path.unlink(missing_ok=True)
        self._folder.mkdir(parents=True)
        self.revision = 0

    def _write_manifest(self) -> None:
        manifest = {"format": _FORMAT, "analysis": ANALYSIS_VERSION, "revision": self.revision}
        temporary = self._manifest_path.with_suffix(".tmp")
        temporary.write_text(json.dumps(manifest))
        temporary.replace(self._manifest_path)


def _document(chunk: AddedChunk) -> tantivy.Document:
    headings = "\n".join(dict.fromkeys((chunk.title, *chunk.headings)))
    document = tantivy.Document()
    document.add_integer("chunk", chunk.chunk_id)
    document.add_text("text", " ".join(with_pieces(terms(chunk.text))))
    document.add_text("headings", " ".join(with_pieces(terms(headings))))
    return document
