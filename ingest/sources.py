"""What is to be ingested: files, folders, globs, standard input and `.jsonl` corpora."""

import glob
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import regex

from ingest.documents import check_document_id, content_hash, elements_from_text, hash_stream
from ragqwen.errors import DocumentRefused, InputError, RagqwenError
from ragqwen.languages import check_language
from ragqwen.records import ParsedFile
from ragqwen.text import normalise_text

_MAX_SLUG_CHARS = 60
_HASH_CHARS = 8


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file to be read by the readers."""

    path: Path
    name: str
    document_id: str
    language: str | None = None

    def read_content_hash(self) -> str:
        """Hash the file's bytes.

        :raises DocumentRefused: if it can't be read.
        """
        try:
            with self.path.open("rb") as file:
                return hash_stream(file)
        except OSError as exc:
            raise DocumentRefused(f"{self.name} can't be read: {exc.strerror}") from exc


@dataclass(frozen=True, slots=True)
class RecordSource:
    """A document that came as a line of a corpus."""

    name: str
    document_id: str
    content: ParsedFile
    content_hash: str
    language: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedSource:
    """What was named but can't be ingested, and why."""

    name: str
    reason: str


Source = FileSource | RecordSource | RefusedSource


def document_id_for(name: str, origin: str) -> str:
    """Return a document's id: its name made plain, and a short hash that tells its origin apart.

    :param origin: what stays the same when the document is ingested again, such as its path.
    """
    slug = regex.sub(r"[^\p{L}\p{M}\p{N}._]+", "-", name).strip("-.")[:_MAX_SLUG_CHARS]
    told_apart = content_hash(origin.encode("utf-8", "surrogatepass"))[:_HASH_CHARS]
    return f"{slug or 'document'}-{told_apart}"


def find_sources(paths: Sequence[str], *, language: str | None = None) -> Iterator[Source]:
    """Yield what the paths name: each a file, a folder, a glob or a corpus (`.jsonl`).

    Folders are walked in order; hidden files in them are passed over. A path that names nothing
    comes as a `RefusedSource`.

    :param language: FLORES-200 code of all of it; found out for each document if None.
    """
    for given in paths:
        found = [given] if Path(given).exists() else sorted(glob.glob(given, recursive=True))  # noqa: PTH207
        if not found:
            shown = normalise_text(given)
            yield RefusedSource(shown, f"{shown}: there is no such file or folder")
        for name in found:
            yield from _from_path(Path(name), language)


def count_sources(paths: Sequence[str]) -> int:
    """Count what `find_sources` will yield, for a progress bar: files, and lines of corpora."""
    total = 0
    for given in paths:
        for name in [given] if Path(given).exists() else glob.glob(given, recursive=True):  # noqa: PTH207
            total += sum(
                _count_lines(path) if _is_corpus(path) else 1 for path in _files(Path(name))
            )
    return total


def stdin_sources(path: Path, name: str, language: str | None) -> Iterator[Source]:
    """Yield what came through standard input: a corpus if it begins as one, else one document.

    :param path: the file in which it was kept.
    """
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        first = next((line for line in lines if line.strip()), "")
        try:
            is_corpus = isinstance(json.loads(first), dict) and "text" in json.loads(first)
        except (ValueError, RecursionError):
            is_corpus = False
        if is_corpus:
            lines.seek(0)
            yield from read_corpus(lines, name, language)
    if not is_corpus:
        yield FileSource(path, name, document_id_for(name, f"stdin:{name}"), language)


def upload_source(
    path: Path, name: str, document_id: str | None, language: str | None
) -> FileSource:
    """Return the source of an uploaded file; the same name again means a new version of it."""
    safe_name = normalise_text(Path(name.replace("\\", "/")).name)
    if safe_name in ("", ".."):
        safe_name = "upload"
    return FileSource(
        path, safe_name, document_id or document_id_for(safe_name, f"upload:{safe_name}"), language
    )


def upload_sources(
    path: Path, name: str, document_id: str | None, language: str | None
) -> list[FileSource | RecordSource | RefusedSource]:
    """Return the sources of an uploaded file: one document, or the records of a corpus.

    :raises InputError: if a corpus, whose records have ids of their own, comes with an id.
    """
    source = upload_source(path, name, document_id, language)
    if not _is_corpus(Path(source.name)):
        return [source]
    if document_id is not None:
        raise InputError(f"{source.name} is a corpus: its records have ids, so give no document_id")
    with path.open(encoding="utf-8", errors="surrogateescape") as lines:
        return list(read_corpus(lines, source.name, language))


def read_corpus(lines: Iterable[str], name: str, language: str | None) -> Iterator[Source]:
    """Yield the records of a corpus: JSON objects with `_id` or `id`, `text`, `title`, `metadata`.

    A record's own `language` (FLORES-200 code or BCP 47 tag) goes before that of all.

    :param name: the corpus's name, for messages.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _record(line, name, language)
        except DocumentRefused as exc:
            yield RefusedSource(f"{name}:{number}", f"{name}, line {number}: {exc}")


def _from_path(path: Path, language: str | None) -> Iterator[Source]:
    for file in _files(path):
        name = normalise_text(file.name)  # a file's name need not be text
        if _is_corpus(file):
            try:
                with file.open(encoding="utf-8", errors="surrogateescape") as lines:
                    yield from read_corpus(lines, name, language)
            except OSError as exc:
                yield RefusedSource(name, f"{name} can't be read: {exc.strerror}")
        elif not file.is_file():
            yield RefusedSource(name, f"{name} is no regular file")
        else:
            origin = os.path.abspath(file)  # noqa: PTH100  # resolve() would follow links
            yield FileSource(file, name, document_id_for(file.name, origin), language)


def _files(path: Path) -> Iterator[Path]:
    """Yield a file itself, or the files of a folder in order, without hidden ones."""
    if not path.is_dir():
        yield path
        return
    for folder, subfolders, files in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(folder) / name for name in sorted(files) if not name.startswith("."))


def _is_corpus(path: Path) -> bool:
    return path.suffix.lower() in (".jsonl", ".ndjson")


def _count_lines(path: Path) -> int:
    try:
        with path.open("rb") as lines:
            return sum(1 for line in lines if line.strip())
    except OSError:
        return 1


def _record(line: str, name: str, language: str | None) -> RecordSource:
    try:
        record: Any = json.loads(line)
    except (ValueError, RecursionError) as exc:
        raise DocumentRefused(f"not JSON ({exc}); each line must be one JSON object") from exc
    if not isinstance(record, dict):
        raise DocumentRefused("not a JSON object; each line must be one")
    document_id = record.get("_id", record.get("id"))
    if type(document_id) not in (str, int) or document_id == "":  # a bool is an int too
        raise DocumentRefused('no id; give "_id" (or "id"), a string')
    check_document_id(str(document_id))
    text, title = record.get("text"), record.get("title") or ""
    if not isinstance(text, str) or not text.strip():
        raise DocumentRefused(f'document {document_id}: no text; give "text", a string')
    if not isinstance(title, str):
        raise DocumentRefused(f'document {document_id}: "title" is not a string')
    metadata = record.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise DocumentRefused(f'document {document_id}: "metadata" is not an object')
    given = record.get("language", language)
    try:
        checked = check_language(given) if isinstance(given, str) else None
    except RagqwenError as exc:
        raise DocumentRefused(f"document {document_id}: {exc}") from exc
    content = ParsedFile(
        elements_from_text(text), title or str(document_id), "text/plain", metadata
    )
    canonical = json.dumps([title, text, metadata, checked], sort_keys=True)
    return RecordSource(
        name=name,
        document_id=str(document_id),
        content=content,
        content_hash=content_hash(canonical.encode()),
        language=checked,
    )
