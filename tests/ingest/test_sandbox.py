"""Reading in child processes: what a bad file costs, and what it doesn't."""

import ctypes
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.sandbox import ParserPool
from ragqwen.errors import DocumentRefused
from ragqwen.records import Element, ParsedFile


def act(path: Path, *, name: str) -> ParsedFile:
    """Stand in for a reader: do what the file says."""
    order = path.read_text()
    match order:
        case "sleep":
            time.sleep(60)
        case "exit":
            os._exit(7)
        case "crash":
            ctypes.string_at(0)
        case "raise":
            raise RuntimeError("odd thing")
        case "recurse":
            return act(path, name=name)
        case "refuse":
            raise DocumentRefused(f"{name} is refused; do this") from OSError("cause")
        case "allocate":
            return ParsedFile((Element(str(len(bytearray(8 * 2**30)))),))
        case "child":
            child = subprocess.Popen(["sleep", "60"])
            path.with_suffix(".pid").write_text(str(child.pid))
            child.wait()
        case "leave":
            Path(tempfile.mkdtemp(), "left").touch()
            return ParsedFile((Element(tempfile.gettempdir()),))
        case "signals":
            return ParsedFile((Element(str(signal.getsignal(signal.SIGINT))),))
    return ParsedFile((Element(order),))


def write(path: Path, order: str) -> Path:
    path.write_text(order)
    return path


def test_a_file_is_read_in_another_process(tmp_path: Path) -> None:
    with ParserPool(1, 60, 4 * 2**30) as pool:
        parsed = pool.parse(write(tmp_path / "a.md", "# სათაური\n\nტექსტი"), "a.md")
    assert parsed.title == ""
    assert [element.kind for element in parsed.elements] == ["heading", "text"]


def test_constructing_a_pool_starts_nothing() -> None:
    threads = threading.active_count()
    pool = ParserPool(4)
    assert threading.active_count() == threads
    pool.close()


def test_a_closed_pool_says_so(tmp_path: Path) -> None:
    pool = ParserPool(1)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.parse(tmp_path / "a", "a")


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ("exit", "ended the process that read it"),
        ("crash", "ended the process that read it"),
        ("raise", "the file looks damaged .RuntimeError: odd thing."),
        ("recurse", "the file looks damaged .RecursionError"),
        ("refuse", "^a is refused; do this$"),
        ("allocate", "needs more memory"),
    ],
)
def test_a_bad_file_is_refused_and_the_pool_goes_on(
    tmp_path: Path, order: str, message: str
) -> None:
    with ParserPool(1, 60, reader=act) as pool:
        with pytest.raises(DocumentRefused, match=message):
            pool.parse(write(tmp_path / "bad", order), "a")
        assert pool.parse(write(tmp_path / "good", "fine"), "b").elements[0].text == "fine"


def test_a_file_over_its_time_is_left_and_the_pool_goes_on(tmp_path: Path) -> None:
    with ParserPool(1, 2, reader=act) as pool:
        with pytest.raises(DocumentRefused, match="a took longer than 2 seconds"):
            pool.parse(write(tmp_path / "bad", "sleep"), "a")
        assert pool.parse(write(tmp_path / "good", "fine"), "b").elements[0].text == "fine"


def is_running(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
def test_a_converter_ends_with_the_time_of_its_file(tmp_path: Path) -> None:
    with ParserPool(1, 2, reader=act) as pool, pytest.raises(DocumentRefused):
        pool.parse(write(tmp_path / "order", "child"), "a")
    pid = int((tmp_path / "order.pid").read_text())
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(pid)


def test_temporary_files_of_children_go_with_the_pool(tmp_path: Path) -> None:
    with ParserPool(1, 60, reader=act) as pool:
        parsed = pool.parse(write(tmp_path / "a", "leave"), "a")
        assert Path(parsed.elements[0].text).is_dir()
    assert not Path(parsed.elements[0].text).exists()


def test_children_leave_ctrl_c_to_the_parent(tmp_path: Path) -> None:
    with ParserPool(1, 60, reader=act) as pool:
        parsed = pool.parse(write(tmp_path / "a", "signals"), "a")
    assert parsed.elements[0].text == str(signal.SIG_IGN)


def test_many_files_come_back_in_order_with_their_refusals(tmp_path: Path) -> None:
    orders = ["one", "raise", "two", "exit", *map(str, range(20))]
    items = [(write(tmp_path / str(n), order), f"f{n}") for n, order in enumerate(orders)]
    with ParserPool(2, 60, reader=act) as pool:
        found = list(pool.parse_many(items))
    assert [(path, name) for path, name, _ in found] == items
    outcomes = [
        "refused" if isinstance(outcome, DocumentRefused) else outcome.elements[0].text
        for _, _, outcome in found
    ]
    assert outcomes == ["one", "refused", "two", "refused", *map(str, range(20))]


def test_reading_ahead_is_bounded(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "x")
    taken = 0

    def items() -> Iterator[tuple[Path, str]]:
        nonlocal taken
        for n in range(1000):
            taken += 1
            yield path, str(n)

    with ParserPool(2, 60, reader=act) as pool:
        next(iter(pool.parse_many(items())))
        assert taken < 20


def test_threads_share_a_pool(tmp_path: Path) -> None:
    found: dict[int, str] = {}
    with ParserPool(2, 60, reader=act) as pool:

        def work(n: int) -> None:
            parsed = pool.parse(write(tmp_path / str(n), f"text {n}"), str(n))
            found[n] = parsed.elements[0].text

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {n: f"text {n}" for n in range(8)}
