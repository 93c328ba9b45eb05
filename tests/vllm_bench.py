"""What our chat model costs on top of a real vLLM; `make bench-vllm` runs this.

It serves the tiny model of tests/chain_model.py, runs `python -m eval bench --only chat` on it, and
stops it. Further arguments are passed on.
"""

import os
import sys
import tempfile
from pathlib import Path

from eval.__main__ import main
from tests.chain_model import save_chain_model
from tests.vllm_server import CHAT_MODEL, VLLM, served


def bench(options: list[str]) -> None:
    """Measure with a server that lives for so long."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = save_chain_model(folder / "model")
        with served(model, folder / "log", "--served-model-name", CHAT_MODEL) as url:
            os.environ |= {"RAGQWEN_LLM_BASE_URL": url, "RAGQWEN_LLM_MODEL": CHAT_MODEL}
            main(["bench", "--only", "chat", *options], standalone_mode=False)


if __name__ == "__main__":
    if not VLLM:
        sys.exit("Error: RAGQWEN_TEST_VLLM names no vllm executable; run `make bench-vllm`")
    bench(sys.argv[1:])
