"""Retrieval metrics in BEIR's sense, computed by ir-measures (trec_eval)."""

from collections.abc import Mapping, Sequence

from ragqwen.errors import SettingsError

NAMES = ("recall@1", "recall@10", "mrr@10", "ndcg@10")


def measure(
    qrels: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return each metric's mean over the queries.

    :param qrels: relevance by query id and document id; all its queries count.
    :param rankings: document ids by query id, best first; a query without one scores 0.
    :raises SettingsError: if ir-measures is not installed.
    """
    try:
        import ir_measures
        from ir_measures import RR, R, nDCG
    except ImportError as exc:
        raise SettingsError("evaluation needs ir-measures: pip install 'ragqwen[eval]'") from exc
    measures = dict(zip(NAMES, (R @ 1, R @ 10, RR @ 10, nDCG @ 10), strict=True))
    # scores fall with the rank, so that trec_eval doesn't reorder equal ones by id
    run = {
        query_id: {document_id: -rank for rank, document_id in enumerate(ranking)}
        for query_id, ranking in rankings.items()
    }
    results = ir_measures.calc_aggregate(measures.values(), qrels, run)
    return {name: float(results[of]) for name, of in measures.items()}
