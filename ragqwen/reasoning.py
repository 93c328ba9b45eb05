"""Thinking kept apart from the answer, whatever a server makes of its marks.

The answer is what stands after the last closing mark, up to an opening one, as Qwen3's own template
reads a history. What stands before a closing mark is thinking, whether or not a mark opened it:
servers drop opening marks, and thinking may speak of marks itself. The price: an answer that quotes
both marks loses what stands before the last, and one that quotes an opening mark what follows it.
Passages reach the model with their marks made harmless (`ragqwen.prompt.neutralise`), so it seldom
has any to quote. Marks count in upper and lower case.
"""

from dataclasses import dataclass

import regex

THINK, THOUGHT = "<think>", "</think>"
# Source: Qwen3's documentation, "Thinking budget"; the model was trained to answer after it.
EARLY_STOP = (
    "\n\nConsidering the limited time by the user, I have to give the solution based on the "
    f"thinking directly now.\n{THOUGHT}\n\n"
)
_MARK = regex.compile("<(/?)think>", regex.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of thinking and a piece of the answer; either may be empty.

    `restarts` says that all content before was thinking: the answer begins anew with this piece.
    What is taken back so is in `reasoning`.
    """

    reasoning: str = ""
    content: str = ""
    restarts: bool = False


class ReasoningSplitter:
    """Splits a model's text as it comes; where it is cut into pieces changes nothing in the end.

    Where thinking is expected, text without an opening mark is held back until a closing mark
    tells that it was thinking, or the end that it was the answer. Where it isn't, the answer comes
    at once, and is taken back if a closing mark tells that it was thinking after all.
    """

    def __init__(self, *, expects_thinking: bool) -> None:
        """:param expects_thinking: whether the model may think with no opening mark in sight."""
        self._undecided = expects_thinking
        self._thinking = False
        self._marked = False  # from the first mark on
        self._given = ""  # of the answer
        self._held = ""

    def feed(self, text: str) -> Split:
        """Take the next piece of text and return what is sure by now."""
        self._held += text
        self._undecided = self._undecided and not self._tells(len(text))
        return Split() if self._undecided else self._split()

    def separated(self) -> None:
        """Note that the server sends thinking in a field of its own: the text is the answer."""
        self._undecided = False

    def end(self, *, cut: bool) -> Split:
        """Return what was held back.

        :param cut: whether the model ran out of tokens; text that bears no mark is then taken for
            thinking where that is expected, because it must not leak.
        """
        if self._undecided and cut:
            return Split(reasoning=self._held)
        split = self._split()
        # What is held now may be the beginning of a mark, or may just look like it
        begun = not (self._marked or self._given) and THINK.startswith(self._held.strip().lower())
        if self._thinking or begun:
            return Split(split.reasoning + self._held, split.content)
        return Split(split.reasoning, split.content + self._answer(self._held))

    def _tells(self, n_new: int) -> bool:
        """Say whether a mark, whose end is new, tells that the text begins with thinking."""
        new = self._held[-(n_new + len(THOUGHT)) :]
        begins = self._held.lstrip()[: len(THINK)].lower()
        return begins == THINK or any(mark[1] for mark in _MARK.finditer(new))

    def _split(self) -> Split:
        """Split what is held, but for an end that may become a mark."""
        reasoning, content, restarts = "", "", False
        while True:
            mark = _MARK.search(self._held, partial=True) if "<" in self._held else None
            start = mark.start() if mark else len(self._held)
            if self._thinking:
                reasoning += self._held[:start]
            else:
                content += self._answer(self._held[:start])
            if mark is None or mark.partial:
                self._held = self._held[start:]
                return Split(reasoning, content, restarts)
            if mark[1]:
                restarts = restarts or len(self._given) > len(content)
                reasoning += self._given
                self._given = content = ""
            elif self._thinking:
                reasoning += mark[0]
            self._held = self._held[mark.end() :]
            self._thinking, self._marked = not mark[1], True

    def _answer(self, text: str) -> str:
        """Note and return a piece of the answer, which begins with its first visible character."""
        piece = text if self._given else text.lstrip()
        self._given += piece
        return piece


def without_thinking(text: str) -> str:
    """Return a whole text of a model without its thinking."""
    splitter = ReasoningSplitter(expects_thinking=False)
    return splitter.feed(text).content + splitter.end(cut=False).content
