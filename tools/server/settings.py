"""The settings of a server: its bounds, who may use it, and what its callers may choose."""

from __future__ import annotations

from typing import Final

import msgspec

from bamlvm.errors import HostError

MIB: Final = 1 << 20


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings.

    ``keys`` are those of clients, ``password`` is the official server's ``BAML_PASSWORD``; with neither, everybody may
    call.  ``concurrency`` is how many calls run at once and ``queue`` how many wait for that; ``max_body`` is in bytes,
    ``max_depth`` counts levels of a JSON document.  ``timeout`` is in seconds for a whole call, its wait in the queue
    included (None: without end), ``body_timeout`` for receiving a body; after ``heartbeat`` seconds without an event a
    stream gets a comment.  ``origins`` are the web origins whose pages may call (CORS; ``*`` is any), ``hosts`` the
    names by which the server may be called (None: any).  ``registry`` lets a request bring LLM clients of its own.
    """

    keys: tuple[str, ...] = ()
    password: str | None = None
    concurrency: int = 1000
    queue: int = 1000
    max_body: int = 16 * MIB
    max_depth: int = 128
    timeout: float | None = 600.0
    body_timeout: float = 30.0
    heartbeat: float = 15.0
    origins: tuple[str, ...] = ()
    hosts: tuple[str, ...] | None = None
    registry: bool = True

    def __post_init__(self) -> None:
        for name, least in (("concurrency", 1), ("queue", 0), ("max_body", 1), ("max_depth", 1)):
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise HostError(f"{name}: expected a whole number from {least} up, got {value!r}")
        for name in ("timeout", "body_timeout", "heartbeat"):
            value = getattr(self, name)
            if value is None and name == "timeout":
                continue
            if not isinstance(value, (int, float)) or not value > 0:
                raise HostError(f"{name}: expected seconds above 0, got {value!r}")
        for name in ("keys", "origins", "hosts"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise HostError(f"{name}: expected several strings, got one")
        if any(not isinstance(key, str) or not key.strip() for key in self.keys) or self.password == "":
            raise HostError("keys: a key is empty")

    @property
    def is_guarded(self) -> bool:
        """Whether a request needs a key or the password."""
        return bool(self.keys) or self.password is not None

    def __repr__(self) -> str:  # without the keys
        shown = [
            f"{name}={getattr(self, name)!r}" for name in self.__struct_fields__ if name not in ("keys", "password")
        ]
        return f"Settings({', '.join(shown)})"
