"""The catalogue's SQLite file: how it is opened, its transactions, and its schema on disk."""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from indexes.schema import SCHEMA_VERSION, metadata
from ragqwen.errors import StoreError

_SCHEMA_WITHOUT_PROBES = 2


def create_or_migrate(connection: sa.Connection, path: Path) -> None:
    """Make the tables where there are none, and bring those of schema 2 up to date.

    :param path: the file's, for the error.
    :raises StoreError: if the file has another schema.
    """
    if _schema_version(connection) == SCHEMA_VERSION:
        return
    begin_writing(connection)
    version = _schema_version(connection)  # another process may just have been here
    if version == 0:
        metadata.create_all(connection)
    elif version == _SCHEMA_WITHOUT_PROBES:
        connection.exec_driver_sql("ALTER TABLE collections ADD COLUMN probe BLOB")
    elif version != SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema {version}, this ragqwen reads {SCHEMA_VERSION}: use the "
            "version that wrote it, or ingest into a new data folder"
        )
    connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _schema_version(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())


def configure_connection(dbapi_connection: Any, _record: Any) -> None:
    """Set up a new connection, as SQLAlchemy's event has it."""
    dbapi_connection.isolation_level = None  # we begin transactions ourselves, see `begin`
    dbapi_connection.execute("PRAGMA journal_mode = WAL")
    dbapi_connection.execute("PRAGMA synchronous = FULL")  # a commit outlives a power cut
    dbapi_connection.execute("PRAGMA foreign_keys = ON")
    dbapi_connection.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten


def begin(connection: sa.Connection) -> None:
    """Begin a transaction that reads."""
    connection.exec_driver_sql("BEGIN")


def begin_writing(connection: sa.Connection) -> None:
    """Turn the transaction into a writing one before it reads, so that it can't be outrun."""
    connection.exec_driver_sql("ROLLBACK")
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_busy(error: sa.exc.DatabaseError) -> bool:
    """Tell whether another process that writes was in the way."""
    code = getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)  # the rest says why
