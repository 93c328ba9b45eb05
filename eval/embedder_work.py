"""The folder of what training makes on the way, so that a run that was cut off can go on."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

_ARGUMENTS = "arguments.json"


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give another path of the same folder to write to, whose file takes the place at the end.

    So `path` is as it was or whole, also after a kill, and what is open on the old file stays.
    The name's ending is kept, which NumPy would add.
    """
    temporary = path.with_name(f"tmp.{path.name}")
    yield temporary
    temporary.replace(path)


def claim(work: Path, arguments: Mapping[str, object]) -> None:
    """Note the arguments that what is made in a folder depends on.

    :param arguments: as JSON can hold them.
    :raises click.UsageError: if the folder has what was made with others.
    """
    work.mkdir(parents=True, exist_ok=True)
    path = work / _ARGUMENTS
    if all(made == path for made in work.iterdir()):
        with whole(path) as temporary:
            temporary.write_text(json.dumps(arguments, indent=1) + "\n", "utf-8")
        return
    kept = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    differing = [
        f"{name} was {kept.get(name, 'not noted')} and is {value}"
        for name, value in arguments.items()
        if kept.get(name) != value
    ]
    if differing:
        raise click.UsageError(
            f"what is in {work} was made with other arguments: {'; '.join(differing)}. "
            "Give another --work, or delete it"
        )
