"""Thinking kept apart from the answer, whatever a server makes of its marks."""

from dataclasses import dataclass

THINK, THOUGHT = "<think>", "</think>"
# Source: Qwen3's documentation, "Thinking budget"; the model was trained to answer after it.
EARLY_STOP = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the "
    f"thinking directly now.\n{THOUGHT}\n\n"
)


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of thinking and a piece of the answer; either may be empty."""

    reasoning: str = ""
    content: str = ""


class ReasoningSplitter:
    """Splits a model's text as it comes; where it is cut into pieces changes nothing.

    Text between the marks is thinking wherever it stands, and the marks themselves are neither.
    Where thinking is expected, text without an opening mark is held back until a closing mark
    tells that it was thinking, or the end that it was the answer.
    """

    def __init__(self, *, expects_thinking: bool) -> None:
        """:param expects_thinking: whether the model may think with no opening mark in sight."""
        self._undecided = expects_thinking
        self._thinking = False
        self._answering = False  # from the answer's first character on that isn't white
        self._held = ""

    def feed(self, text: str) -> Split:
        """Take the next piece of text and return what is sure by now."""
        self._held += text
        if self._undecided and not self._decide():
            return Split()
        reasoning, content = "", ""
        while True:
            found = self._next_mark()
            piece, self._held = self._held[: found[0]], self._held[found[0] + len(found[1]) :]
            if self._thinking:
                reasoning += piece
            else:
                content += self._answer(piece)
            if not found[1]:
                return Split(reasoning, content)
            self._thinking = found[1] == THINK

    def separated(self) -> None:
        """Note that the server sends thinking in a field of its own: the text is the answer."""
        self._undecided = False

    def end(self, *, cut: bool) -> Split:
        """Return what was held back.

        :param cut: whether the model ran out of tokens; text that bears no mark is then taken for
            thinking where that is expected, because it must not leak.
        """
        held, self._held = self._held, ""
        begun = not self._answering and THINK.startswith(held.strip())  # cut off within the mark
        if self._thinking or begun or (self._undecided and cut):
            return Split(reasoning=held)
        return Split(content=self._answer(held))

    def _decide(self) -> bool:
        """Decide whether the text begins with thinking, once a mark is there to tell."""
        opened = self._held.lstrip().startswith(THINK)
        if opened or THOUGHT in self._held:
            self._undecided = False
            self._thinking = not opened
        return not self._undecided

    def _next_mark(self) -> tuple[int, str]:
        """Return where a mark is and the mark, or an empty one where what may become one begins."""
        marks = [THOUGHT] if self._thinking else [THINK, THOUGHT]
        found = [(self._held.find(mark), mark) for mark in marks if mark in self._held]
        if found:
            return min(found)
        longest = min(len(self._held), len(THOUGHT) - 1)
        for length in range(longest, 0, -1):
            if any(mark.startswith(self._held[-length:]) for mark in marks):
                return len(self._held) - length, ""
        return len(self._held), ""

    def _answer(self, text: str) -> str:
        if not self._answering:
            text = text.lstrip()
            self._answering = bool(text)
        return text


def without_thinking(text: str) -> str:
    """Return a whole text of a model without its thinking."""
    splitter = ReasoningSplitter(expects_thinking=THOUGHT in text)
    return splitter.feed(text).content + splitter.end(cut=False).content
