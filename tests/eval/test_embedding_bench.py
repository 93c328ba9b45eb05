"""The benchmark of the built-in embedder holds it against others on the same texts."""

from eval.bench import made_texts
from eval.embedding_bench import measure


def test_the_built_in_embedder_is_measured_against_others() -> None:
    found = measure(list(made_texts(100, 80)), n_runs=1)
    assert found["minilm_to_builtin"] > 10
    assert 0 < found["builtin_to_tokenizer"] < 100
    assert 0 < found["builtin_load_s"] < 60
    assert found["builtin_passages_per_s"] > 0
