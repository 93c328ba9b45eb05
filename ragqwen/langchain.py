"""ragqwen's parts as LangChain's."""

from langchain_core.embeddings import Embeddings

from ragqwen.embedding import Embedder


class LangChainEmbeddings(Embeddings):
    """An embedder as a LangChain `Embeddings`."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed passages, each as a list of numbers of length 1 together."""
        return [[float(x) for x in vector] for vector in self._embedder.embed_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return [float(x) for x in self._embedder.embed_query(text)]
