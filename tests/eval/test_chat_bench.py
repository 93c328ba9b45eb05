"""The benchmark of a chat model compares the same requests, bare and ours."""

import httpx
import pytest
from click.testing import CliRunner

from eval.__main__ import main
from eval.chat_bench import measure
from ragqwen.generation import QwenChat
from tests.api.model_server import ModelServer, content, run


def test_streams_are_counted_bare_and_ours() -> None:
    serving = run(ModelServer())
    server = next(serving)
    server.deltas = content("At ", "six.")
    figures = measure(QwenChat(base_url=server.base_url, model="m"), n_streams=2, n_pairs=1)
    serving.close()
    assert len(server.bodies) == 8  # two pairs of rounds, of which the first isn't counted
    assert figures["bare_pieces_per_s"] > 0
    assert figures["throughput_to_bare"] > 0
    assert figures["throughput_to_bare_interval"] == [figures["throughput_to_bare"]] * 2


def test_the_same_is_asked_bare_and_ours() -> None:
    serving = run(ModelServer())
    server = next(serving)
    server.deltas = content("At six.")
    measure(QwenChat(base_url=server.base_url, model="m"), n_streams=1, n_pairs=1)
    serving.close()
    assert all(body == server.bodies[0] for body in server.bodies)


def test_a_server_that_is_down_is_no_measurement() -> None:
    with pytest.raises(httpx.ConnectError):
        measure(QwenChat(base_url="http://127.0.0.1:9/v1", model="m"), n_streams=1)


def test_without_a_server_it_is_told_how_to_name_one() -> None:
    said = CliRunner().invoke(main, ["bench", "--only", "chat"])
    assert said.exit_code == 2
    assert "set RAGQWEN_LLM_BASE_URL and RAGQWEN_LLM_MODEL" in said.output
