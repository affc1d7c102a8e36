"""Brackets that are one too many, too early, or of the wrong kind: decided by what follows them.

Each answer is True, False, or None for *it depends on text that has not come*, as in :mod:`.lookahead`.
"""

from __future__ import annotations

import re
from typing import Final

from bamlvm.sysops.parsing import openings
from bamlvm.sysops.parsing.evidence import SPACE, WINDOW, past
from bamlvm.sysops.parsing.scan_state import ScanState

_MISNESTED: Final = re.compile(r"\s*(?P<brackets>[}\]][\s}\]]*)?,\s*\{")
_MAY_BE_MISNESTED: Final = re.compile(r"\s*(?:[}\]][\s}\]]*)?(?:,\s*)?\Z")


class Brackets(ScanState):
    """The questions about the bracket that a scanner is at."""

    def _goes_on(self) -> bool | None:
        """Whether a ``}`` comes too early: pairs follow it that can belong to no other object than the one it closes,
        as that is an item of a list, or the whole value."""
        if self._fresh or (len(self._stack) > 1 and self._stack[-2].is_object):
            return False
        names = self._stack[-1].expected_names()
        if not self._stack[-1].may_go_on() or (not names and (names is not None or len(self._stack) > 1)):
            return False
        return openings.begins_more_pairs(self._buffer, self._at + 1, names, self._final)

    def _is_stray(self) -> bool | None:
        """Whether a bracket is one too many: a key of the object follows a ``]``, the next object of the only list a
        ``}``."""
        at = past(SPACE, self._buffer, self._at + 1)
        if at == len(self._buffer) and not self._final and at - self._at < WINDOW:
            return None
        following = self._buffer[at : at + 1]
        if self._stack[-1].is_object:
            names = self._stack[-1].names
            return bool(following) and openings.begins_pair(self._buffer, at, names or (), self._final)
        if following != "," or not self._plan.takes_object:
            return False
        if len(self._stack) - self._objects > 1:
            return openings.begins_sibling(
                self._buffer, at + 1, self._plan.names, self._stack[-2].names, self._at + WINDOW, self._final
            )
        at = past(SPACE, self._buffer, at + 1)
        if at == len(self._buffer) and not self._final and at - self._at < 2 * WINDOW:
            return None
        return self._buffer[at : at + 1] == "{"

    def _begins_items(self) -> bool | None:
        """Whether a ``[`` where a key is expected begins more of a list: behind a comma, or with a string or object
        in it; not ``[1]``, a mark in prose."""
        at = past(SPACE, self._buffer, self._at + 1)
        if at == len(self._buffer):
            return False if self._final or at - self._at > WINDOW else None
        return self._comma or self._buffer[at] in '"{\u201c'

    def _is_misnested(self) -> bool | None:
        """Whether a ``]`` that would end the outermost list stands for a ``}``, or is one too many: a comma and the
        next object follow, directly if its first key is declared, or behind brackets that close nothing."""
        if self._fresh or len(self._stack) > 1 or not self._plan.takes_object:
            return False
        at = self._at + 1
        found = _MISNESTED.match(self._buffer, at, at + WINDOW)
        if found is not None:
            if found["brackets"]:
                return True
            key = past(SPACE, self._buffer, found.end())
            if key == len(self._buffer):
                return False if self._final or key - at > WINDOW else None
            return openings.begins_pair(self._buffer, key, self._plan.names or (), self._final)
        waits = len(self._buffer) - at < WINDOW and not self._final and _MAY_BE_MISNESTED.match(self._buffer, at)
        return None if waits else False
