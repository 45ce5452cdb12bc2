"""Cards of a netlist: lines joined, comments dropped, words and `key=value` parameters apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from codesign.errors import InputError

MAX_CARDS, LONGEST_CARD, LONGEST_WORD = 200_000, 2_000_000, 400

_SAFE = re.compile(r"[\w.+\-*/(),={}'<>?:!&|^% \t\[\]#]*\Z", re.ASCII)
_WORD = re.compile(r"(?:[^\s'{}=]|'[^']*'|\{[^{}]*\})+|=")
_KEY = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)
# What needs no quotes: names of nodes, numbers, products of parameters.
_PLAIN = re.compile(r"[\w.+\-*/(),<>:!^\[\]#]+\Z", re.ASCII)
_QUOTED = re.compile(r"'[^']*'\Z|\{[^{}]*\}\Z")
# As ngspice reads them: $ at a line's start, behind a blank or a comma; ; and // anywhere.
_COMMENT = re.compile(r"(?:^|(?<=[\s,]))\$|;|//")


@dataclass(frozen=True)
class Card:
    """A logical line and where it stands."""

    text: str
    line: int
    source: str

    @property
    def keyword(self) -> str:
        """Its first word in lower case."""
        return self.text.split(None, 1)[0].lower()

    def fail(self, message: str, remedy: str | None = None) -> InputError:
        """An error at this card."""
        return InputError(f"{self.source}:{self.line}: {message}", remedy=remedy)

    def split(self, text: str | None = None) -> tuple[list[str], list[tuple[str, str]]]:
        """Words and parameters of the card, or of a part of it; values in quotes or braces may hold
        spaces. Raises InputError for what is neither."""
        text = self.text if text is None else text
        if len(text) > LONGEST_CARD:
            raise self.fail(f"a card of {len(text)} characters; up to {LONGEST_CARD} are allowed")
        if _WORD.sub("", text).strip():
            raise self.fail("quotes or braces do not pair", "write expressions as '...' or {...}")
        tokens = _WORD.findall(text)
        words: list[str] = []
        parameters: list[tuple[str, str]] = []
        index = 0
        while index < len(tokens):
            word, follows = tokens[index], tokens[index + 1 : index + 3]
            if follows[:1] == ["="]:
                if len(follows) < 2 or follows[1] == "=" or not _KEY.match(word):
                    raise self.fail(f"{word[:40]!r} = needs a name before it, a value behind it")
                parameters.append((word.lower(), self._checked(follows[1])))
                index += 3
            elif word == "=":
                raise self.fail("= needs a name before it")
            else:
                words.append(self._checked(word))
                index += 1
        return words, parameters

    def _checked(self, word: str) -> str:
        if len(word) > LONGEST_WORD:
            raise self.fail(
                f"{word[:30]!r}...: a word or expression of {len(word)} characters; "
                f"up to {LONGEST_WORD} are allowed"
            )
        if not _PLAIN.match(word) and not _QUOTED.match(word):
            raise self.fail(
                f"{word[:60]!r} is no name, number or expression",
                "put expressions into quotes or braces",
            )
        return word


def logical_lines(text: str, source: str) -> Iterator[Card]:
    """The cards of a text. Raises InputError for too many, and for lines with signs that no netlist
    needs or that a simulator would take for a command."""
    parts: list[str] = []
    start = count = 0
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), start=1):
        stripped = line.strip()
        if stripped.startswith("*#"):
            raise InputError(
                f"{source}:{number}: {stripped[:40]!r} would command the simulator",
                remedy="delete the line",
            )
        stripped = "" if stripped.startswith("*") else _COMMENT.split(stripped, 1)[0].strip()
        if not stripped:
            continue
        if not _SAFE.match(stripped):
            raise InputError(
                f"{source}:{number}: signs that no netlist needs: {stripped[:60]!r}",
                remedy="use letters, digits, _ and the signs of expressions",
            )
        if stripped.startswith("+"):
            if not parts:
                raise InputError(f"{source}:{number}: + continues no line")
            parts.append(stripped[1:])
            continue
        if parts:
            yield Card(" ".join(parts), start, source)
        parts, start, count = [stripped], number, count + 1
        if count > MAX_CARDS:
            raise InputError(f"{source}:{number}: more than {MAX_CARDS} cards")
    if parts:
        yield Card(" ".join(parts), start, source)
