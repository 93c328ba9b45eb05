"""ragqwen's parts as LangChain's: embeddings, a retriever, and the whole answer path.

service = Service(load_settings())
retriever = LangChainRetriever(retriever=service.retriever("default"), k=8)
chain = answer_runnable(service.answerer("default"))
chain.invoke("When does the ferry leave?").answer
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableGenerator, RunnableLambda
from pydantic import ConfigDict, Field, SkipValidation

from ragqwen.answer import Answerer, AnswerEvent
from ragqwen.cancellation import Cancellation
from ragqwen.embedding import Embedder
from ragqwen.records import Answer, Passage
from ragqwen.retrieval import Leg, Retriever


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


class LangChainRetriever(BaseRetriever):
    """A collection as a LangChain retriever; `k` and `leg` may be given with a call too.

    A document's metadata say where its text is: `document_id`, `version`, `start` and `end` in code
    points, `title`, `source`, `language`, `page`, `headings` and `score`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    retriever: SkipValidation[Retriever] = Field(exclude=True, repr=False)
    k: int = Field(10, ge=1)
    leg: Leg = "hybrid"

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        leg: Leg | None = None,
    ) -> list[Document]:
        found = self.retriever.retrieve(query, k=k or self.k, leg=leg or self.leg)
        return [_document(passage) for passage in found.passages]


def answer_runnable(answerer: Answerer, **options: Any) -> Runnable[str, Answer]:
    """Return the answer path as a runnable: a question goes in, an `Answer` comes out.

    Where a task that awaits it is cancelled, the language model stops.

    :param options: for every question, as `Answerer.ask` takes them.
    """

    def ask(question: str) -> Answer:
        return answerer.ask(question, **options)

    async def aask(question: str) -> Answer:
        answers = Cancellation().in_threads(map(ask, [question]))
        (answer,) = [answer async for answer in answers]
        return answer

    return RunnableLambda(ask, aask, name="ragqwen")


def event_runnable(answerer: Answerer, **options: Any) -> Runnable[str, AnswerEvent]:
    """Return the answer path as a runnable that yields what `Answerer.stream` does.

    What it is invoked to is the last event, the `AnswerDone`. Where a task that awaits it is
    cancelled, or `astream` is closed early, the language model stops.

    :param options: for every question, as `Answerer.stream` takes them.
    """

    def stream(questions: Iterator[str]) -> Iterator[AnswerEvent]:
        yield from answerer.stream("".join(questions), **options)

    async def astream(questions: AsyncIterator[str]) -> AsyncIterator[AnswerEvent]:
        question = "".join([piece async for piece in questions])
        async for event in Cancellation().in_threads(answerer.stream(question, **options)):
            yield event

    return _Events(stream, astream, name="ragqwen")


class _Events(RunnableGenerator[str, AnswerEvent]):
    """A stream of events, which don't add up: the last one has it all."""

    def invoke(self, input: str, config: RunnableConfig | None = None, **more: Any) -> AnswerEvent:
        *_, last = self.stream(input, config, **more)
        return last

    async def ainvoke(
        self, input: str, config: RunnableConfig | None = None, **more: Any
    ) -> AnswerEvent:
        *_, last = [event async for event in self.astream(input, config, **more)]
        return last


def _document(passage: Passage) -> Document:
    return Document(
        page_content=passage.text,
        id=f"{passage.document_id}@{passage.version}:{passage.start}-{passage.end}",
        metadata={
            "document_id": passage.document_id,
            "version": passage.version,
            "title": passage.title,
            "source": passage.source,
            "language": passage.language,
            "page": passage.page,
            "headings": list(passage.headings),
            "start": passage.start,
            "end": passage.end,
            "score": passage.score,
        },
    )
