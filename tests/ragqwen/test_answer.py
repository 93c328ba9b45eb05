"""The answer path: what is streamed, what is said, and on what it rests."""

from collections.abc import Sequence

import pytest

from ragqwen import messages
from ragqwen.alignment import Aligner
from ragqwen.answer import AnswerDone, Answerer
from ragqwen.drafting import EXTRACTIVE, PassagesFound, TextDelta, Writer
from ragqwen.errors import InputError, ModelError
from ragqwen.planning import Planner
from ragqwen.prompt import NO_ANSWER
from ragqwen.reader import ExtractiveReader
from ragqwen.records import Answer
from ragqwen.retrieval import Retriever
from ragqwen.static_embedding import StaticEmbedder
from ragqwen.tokens import count_tokens
from tests.fakes import ListIndex, ScriptedChat, make_stored
from tests.ragqwen.answerers import DOGS, FERRY, MODEL, QUESTION, make_answerer, turns


def run(answerer: Answerer, question: str = QUESTION) -> tuple[list[str], Answer]:
    """Return the streamed pieces and the whole answer, and check the order of events."""
    events = list(answerer.stream(question, thinking="off"))
    assert isinstance(events[0], PassagesFound)
    assert isinstance(events[-1], AnswerDone)
    deltas = [event.text for event in events[1:-1] if isinstance(event, TextDelta)]
    assert len(deltas) == len(events) - 2
    assert events[0].passages == events[-1].answer.passages
    return deltas, events[-1].answer


# --- without a model -------------------------------------------------------------------------


def test_without_a_model_the_answer_is_quoted() -> None:
    deltas, answer = run(make_answerer())
    assert answer.answer == "".join(deltas) == f"{FERRY} [1]"
    (citation,) = answer.citations
    assert (citation.quote, citation.page, citation.document_id) == (FERRY, 2, "ferry")
    assert (answer.answerable, answer.model, answer.language) == (True, EXTRACTIVE, "eng_Latn")


def test_what_the_documents_do_not_tell_is_not_answered() -> None:
    deltas, answer = run(make_answerer(), "Who composed the opera about zeppelins?")
    assert (answer.answer, answer.answerable, answer.citations) == (messages.NOT_FOUND, False, ())
    assert deltas == [messages.NOT_FOUND]
    assert len(answer.passages) == 2


@pytest.mark.parametrize("pieces", [(), ("I know it all.",)])
def test_without_documents_it_says_so_and_no_model_is_asked(pieces: Sequence[str]) -> None:
    chat = ScriptedChat(pieces=list(pieces)) if pieces else None
    deltas, answer = run(make_answerer(stored=False, chat=chat))
    assert (answer.answer, answer.answerable) == (messages.NO_DOCUMENTS, False)
    assert deltas == [messages.NO_DOCUMENTS]
    assert chat is None or chat.prompts == []


@pytest.mark.parametrize("pieces", [(), ("I know it all.",)])
@pytest.mark.parametrize("question", ["?", "🙂", "/think …"])
def test_a_question_without_a_word_is_refused_and_no_passage_shown_nor_model_asked(
    question: str, pieces: Sequence[str]
) -> None:
    chat = ScriptedChat(pieces=list(pieces)) if pieces else None
    deltas, answer = run(make_answerer(chat=chat), question)
    assert (answer.answer, answer.answerable) == (messages.NOT_FOUND, False)
    assert (deltas, answer.passages) == ([messages.NOT_FOUND], ())
    assert chat is None or chat.prompts == []


# --- with a model ----------------------------------------------------------------------------


def test_the_model_s_answer_is_streamed_and_cited() -> None:
    deltas, answer = run(make_answerer("At ", "six ", "[1]."))
    assert deltas == ["At ", "six ", "[1]."]
    assert answer.answer == "At six [1]."
    assert [citation.quote for citation in answer.citations] == [FERRY]
    assert (answer.answerable, answer.model) == (True, "Qwen/Qwen3-8B")


def test_the_model_sees_question_and_passages() -> None:
    chat = ScriptedChat(pieces=["At six [1]."])
    run(make_answerer(chat=chat))
    ((_, human),) = chat.prompts
    assert "Answer in English." in human.text
    assert FERRY in human.text
    assert human.text.endswith(QUESTION)


def test_the_answer_comes_in_the_language_asked_for_and_quotes_stay_in_theirs() -> None:
    chat = ScriptedChat(pieces=["Um sechs [1]."])
    answer = make_answerer(chat=chat).ask(QUESTION, language="deu_Latn")
    ((_, human),) = chat.prompts
    assert "Answer in German." in human.text
    assert (answer.language, [cited.language for cited in answer.citations]) == (
        "deu_Latn",
        ["eng_Latn"],
    )


@pytest.mark.parametrize("pieces", [(), (NO_ANSWER,)])
def test_what_the_service_says_comes_in_the_language_asked_for(pieces: Sequence[str]) -> None:
    answerer = make_answerer(*pieces, notices=(messages.NO_MODEL,))
    answer = answerer.ask("Who composed the opera about zeppelins?", language="mya_Mymr")
    assert answer.answer == messages.translated(messages.NOT_FOUND, "mya_Mymr")
    assert answer.notices == (messages.translated(messages.NO_MODEL, "mya_Mymr"),)
    assert answer.answer != messages.NOT_FOUND


@pytest.mark.parametrize(
    "pieces",
    [
        (NO_ANSWER,),
        (f"**{NO_ANSWER}**",),
        ('"', f'{NO_ANSWER}"'),
        ("NO", "_ANS", "WER"),
        ("\n", " NO_", "ANSWER", "\n"),
        ("N", "O_ANSWER because nothing is said"),
    ],
)
def test_the_mark_of_no_answer_is_never_streamed(pieces: Sequence[str]) -> None:
    deltas, answer = run(make_answerer(*pieces))
    assert "".join(deltas) == answer.answer == messages.NOT_FOUND
    assert (answer.answerable, answer.citations) == (False, ())


@pytest.mark.parametrize("pieces", [("",), (" \n",), ("<think>all of it",)])
def test_a_model_that_writes_nothing_is_an_error_and_no_refusal(pieces: Sequence[str]) -> None:
    with pytest.raises(ModelError, match="wrote nothing; ask again"):
        run(make_answerer(*pieces))


@pytest.mark.parametrize(
    "pieces",
    [("NO", "T on Monday [1]."), ("N", "O"), ("No", "rth [1]"), ("NO_", "ANGLING [2]"), ("NO",)],
)
def test_what_only_begins_like_it_is_streamed_whole(pieces: Sequence[str]) -> None:
    deltas, answer = run(make_answerer(*pieces))
    assert "".join(deltas) == "".join(pieces)
    assert regex_free(answer.answer) == regex_free("".join(pieces))


def regex_free(text: str) -> str:
    return text.replace("[2]", "[1]")


def test_an_answer_without_citations_is_not_taken_for_answered() -> None:
    _, answer = run(make_answerer("At six, I think."))
    assert (answer.answer, answer.answerable) == ("At six, I think.", False)


def test_a_citation_of_no_passage_is_removed_from_the_answer() -> None:
    _, answer = run(make_answerer("It is warm today [7]."))
    assert (answer.answer, answer.citations) == ("It is warm today.", ())
    assert (answer.removed_markers, answer.unsupported_claims) == (1, ("It is warm today.",))


def test_only_passages_that_fit_go_to_the_model() -> None:
    chat = ScriptedChat(pieces=["On deck [2]."])
    _, answer = run(make_answerer(chat=chat, context_tokens=10))
    assert DOGS not in chat.prompts[0][1].text
    assert answer.citations == ()


# --- beside the answer -----------------------------------------------------------------------


def test_asking_returns_the_last_of_the_stream() -> None:
    asked = make_answerer("At six [1].").ask(QUESTION)
    assert (asked.question, asked.answer) == (QUESTION, "At six [1].")


def test_notices_come_with_every_answer() -> None:
    _, answer = run(make_answerer(notices=("one", "two")))
    assert answer.notices == ("one", "two")


def test_no_thinking_is_reported() -> None:
    _, answer = run(make_answerer("At six [1]."))
    assert (answer.thinking.mode, answer.thinking.used_tokens) == ("off", 0)


@pytest.mark.parametrize(
    ("pieces", "stages"),
    [((), {"retrieval", "reading"}), (("x [1]",), {"retrieval", "generation", "citation"})],
)
def test_each_stage_is_timed(pieces: Sequence[str], stages: set[str]) -> None:
    timings = run(make_answerer(*pieces))[1].timings_ms
    stages = {*stages, "planning"}
    assert set(timings) == {*stages, "total"}
    assert timings["total"] == pytest.approx(sum(timings[stage] for stage in stages), abs=0.2)


@pytest.mark.parametrize(
    "text",
    [
        "_NO_ANSWER_",
        "抱歉NO_ANSWER",
        "Sorry, no_answer.",
        "NO\\_ANSWER",
        "`NO ANSWER`.",
        "No-answer",
    ],
)
def test_a_refusal_is_one_however_it_is_dressed(text: str) -> None:
    answer = make_answerer(text).ask(QUESTION, thinking="off")
    assert answer.answer == messages.NOT_FOUND


def test_no_answer_amid_words_is_no_refusal_where_a_passage_speaks_of_it() -> None:
    said = "A call that nobody picks up gets the status NO_ANSWER."
    index = ListIndex([make_stored(1, "calls", said)], lexical=[(1, 4.0)], dense=[(1, 0.8)])
    embedder = StaticEmbedder()
    aligner = Aligner(embedder)
    answerer = Answerer(
        Retriever(index, embedder, dense_weight=0.4),
        ExtractiveReader(aligner),
        aligner,
        Planner(embedder),
        writer=Writer(ScriptedChat(pieces=[f"{said} [1]"]), MODEL),
    )
    answer = answerer.ask("What status does a call get that nobody picks up?", thinking="off")
    assert (answer.answer, answer.answerable) == (f"{said} [1]", True)


def test_an_answer_of_markers_alone_is_an_error() -> None:
    with pytest.raises(ModelError, match="wrote nothing"):
        make_answerer("[1]").ask(QUESTION, thinking="off")


def test_passages_are_left_out_where_the_context_has_no_room() -> None:
    chat = ScriptedChat(pieces=[f"{FERRY} [1]"])
    make_answerer(chat=chat).ask(QUESTION, thinking="off")
    whole = sum(count_tokens(str(message.content)) for message in chat.prompts[0])
    make_answerer(chat=chat, room_tokens=whole + 50).ask(QUESTION, thinking="off")
    both, one = (str(prompt[-1].content) for prompt in chat.prompts)
    assert (DOGS in both, DOGS in one, FERRY in one) == (True, False, True)


def test_a_question_longer_than_the_context_is_refused_with_what_to_do() -> None:
    chat = turns(f"{FERRY} [1]")
    with pytest.raises(InputError, match=r"shorten it, or raise RAGQWEN_LLM_CONTEXT_TOKENS"):
        make_answerer(chat=chat, room_tokens=1000).ask(QUESTION * 200, thinking="off")
    assert chat.budgets == []


def test_thinking_that_shows_itself_late_is_taken_back() -> None:
    chat = ScriptedChat(pieces=["SECRET ", "plan </thi", "nk>", f"{FERRY} [1]"])
    events = list(make_answerer(chat=chat).stream(QUESTION, thinking="off"))
    last = events[-1]
    assert isinstance(last, AnswerDone)
    assert last.answer.answer == f"{FERRY} [1]"
    begun = max(n for n, event in enumerate(events) if isinstance(event, PassagesFound))
    assert begun > 0
    told = [event.text for event in events[begun:] if isinstance(event, TextDelta)]
    assert "".join(told) == f"{FERRY} [1]"
