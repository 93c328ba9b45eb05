"""What a reader says when it can't read: the file's name, what is wrong, what its owner can do."""

import struct
import zipfile
import zlib

from ragqwen.errors import DocumentRefused

REASON_CHARS = 200
"""Longest part of a library's message, in characters, that goes into ours."""

PARSER_ERRORS: tuple[type[Exception], ...] = (
    zipfile.BadZipFile, zlib.error, struct.error, SyntaxError, KeyError, IndexError, ValueError,
    TypeError, AttributeError, AssertionError, RuntimeError, ArithmeticError, OSError, EOFError,
)  # fmt: skip
"""What parsers of packages and XML raise over damaged files: documented, or seen on mutated ones.

lxml's XMLSyntaxError is a SyntaxError; an unknown compression or depth is a RuntimeError.
"""


def damaged(name: str, cause: BaseException) -> DocumentRefused:
    """Make the refusal for a file whose parser gave up; raise it `from` the cause."""
    lines = str(cause).split("\n", 1)
    reason = f"{type(cause).__name__}: {lines[0][:REASON_CHARS]}".rstrip(": ")
    return DocumentRefused(
        f"{name}: the file looks damaged ({reason}); open it in the program that made it, "
        "save it again and ingest that copy"
    )


def locked(name: str) -> DocumentRefused:
    """Make the refusal for an encrypted file."""
    return DocumentRefused(f"{name} needs a password: remove it, then ingest it again")


def empty(name: str) -> DocumentRefused:
    """Make the refusal for a file of no bytes or of white space alone."""
    return DocumentRefused(f"{name} is empty; ingest a file that holds some text")


def unsupported(name: str, kind: str, remedy: str) -> DocumentRefused:
    """Make the refusal for a kind of file that nothing here reads."""
    return DocumentRefused(f"{name} is {kind}, which can't be read here; {remedy}")
