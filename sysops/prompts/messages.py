"""``_.role`` and media: how rendered text becomes chat messages.

While a template renders, a call of ``_.role(…)`` and every printed image leave a *mark* in the text: private-use
characters around a number that is random for each rendering, so that no argument can forge one.  A mark holds neither
letters nor white space, so that it survives ``upper`` and ``trim``.  Afterwards :meth:`Marks.split` cuts the text:

- without marks all of the text is one message, as it is;
- the text after a role's mark, up to the next, is a part of a message of that role; each text is trimmed;
- text before the first role has the default role; a part with nothing in it is dropped;
- neighbouring parts of one role make one message, unless the role was given with ``__baml_allow_dupe_role__=true``.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Any

from bamlvm.vm.values import Media

DUPLICATE = "__baml_allow_dupe_role__"


@dataclass(slots=True)
class Part:
    """One piece of a message: text or media, and the keywords its role was given (``cache_control`` and the like)."""

    content: str | Media
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Message:
    """A chat message."""

    role: str
    parts: list[Part]


@dataclass(frozen=True, slots=True)
class _Role:
    name: str
    metadata: dict[str, Any]
    separate: bool


class Marks:
    """The marks of one rendering."""

    def __init__(self) -> None:
        self._nonce = ""  # made with the first mark
        self._entries: list[_Role | Media] = []

    def role(self, name: str, metadata: dict[str, Any]) -> str:
        """Return the mark that begins a message."""
        metadata = dict(metadata)
        return self._mark(_Role(name, metadata, separate=bool(metadata.pop(DUPLICATE, False))))

    def media(self, media: Media) -> str:
        """Return the mark in place of an image, audio, pdf or video."""
        return self._mark(media)

    def _mark(self, entry: _Role | Media) -> str:
        if not self._entries:
            self._nonce = f"{int.from_bytes(os.urandom(8)):020d}"
        self._entries.append(entry)
        return f"\ue000{self._nonce}\ue001{len(self._entries) - 1}\ue002"

    def split(self, text: str, default_role: str) -> list[Message]:
        """Split a rendered text into its messages."""
        if not self._entries:
            return [Message(default_role, [Part(text)])]
        pieces = re.split(f"\ue000{self._nonce}\ue001([0-9]+)\ue002", text)
        messages: list[Message] = []
        role = _Role(default_role, {}, separate=False)
        begins = True
        for place, piece in enumerate(pieces):
            part: Part | None = None
            if place % 2:
                entry = self._entries[int(piece)]
                if isinstance(entry, _Role):
                    role, begins = entry, True
                else:
                    part = Part(entry, role.metadata)
            elif stripped := piece.strip():
                part = Part(stripped, role.metadata)
            if part is None:
                continue
            joins = messages and messages[-1].role == role.name and not (begins and role.separate)
            if joins:
                messages[-1].parts.append(part)
            else:
                messages.append(Message(role.name, [part]))
            begins = False
        return messages or [Message(default_role, [Part("")])]
