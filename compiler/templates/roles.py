"""The roles that messages may have: those that the client of a prompt allows.

A role that a client does not allow is sent as its default role (:mod:`bamlvm.sysops.providers.roles`), so a misspelt
one goes unnoticed.  A strategy allows what one of its clients allows; a template string, which any prompt may use, what
some client of the project allows.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from bamlvm.compiler.index import Index
from bamlvm.grammar import syntax
from bamlvm.vm.program.llm import ROLES
from bamlvm.vm.program.spelling import did_you_mean

Roles: TypeAlias = tuple[str, ...]
"""Allowed roles; equal ones are the same object, so that a kept result can be found by them."""

_MOST_CHILDREN: Final = 100
_OF_OTHERS: Final = {"human": "user", "ai": "assistant", "bot": "assistant", "model": "assistant", "agent": "assistant"}
"""The names that other tools have for roles."""


class AllowedRoles:
    """The allowed roles of every client of a project."""

    def __init__(self, index: Index) -> None:
        self._clients = {entry.name: entry.declaration for entry in index.of(syntax.Client)}
        self._known: dict[str, Roles | None] = {}
        self._any: Roles | None = None

    def of(self, client: str | None) -> Roles | None:
        """Return the roles that a client, by name or as ``provider/model``, allows; None if that is not known."""
        if client is None or (client not in self._clients and "/" not in client):
            return None
        if client not in self._known:
            self._known[client] = _shared(self._allowed(client, set()))
        return self._known[client]

    def of_any(self) -> Roles | None:
        """Return the roles that some client allows; None if that is not known."""
        if self._any is None:
            allowed: list[str] = list(ROLES)
            for client in self._clients:
                roles = self.of(client)
                if roles is None:
                    return None
                allowed += roles
            self._any = _shared(allowed)
        return self._any

    def _allowed(self, client: str, seen: set[str]) -> list[str] | None:
        declaration = self._clients.get(client)
        if not isinstance(declaration, syntax.Client) or client in seen or len(seen) > _MOST_CHILDREN:
            return list(ROLES)
        seen.add(client)
        block = next((each.value for each in declaration.body.entries if each.key == "options"), None)
        options = {each.key: each.value for each in block.entries} if isinstance(block, syntax.ConfigBlock) else {}
        written = options.get("allowed_roles")
        if written is not None:
            return _texts(written)
        children = options.get("strategy")
        if not isinstance(children, syntax.ConfigList):
            return list(ROLES)
        allowed: list[str] = []
        for child in _texts(children) or ():
            roles = self._allowed(child, seen)
            if roles is None:
                return None
            allowed += roles
        return allowed or None


def misfitting_role(role: str, roles: Roles) -> tuple[str, str]:
    """Return the message and the hint for a role that is not among ``roles``."""
    message = f"the client does not allow the role `{role}`" if role in ROLES else f"unknown role `{role}`"
    near = did_you_mean(role, roles)
    if near is not None:
        return message, near
    usual = _OF_OTHERS.get(role.lower())
    if usual in roles:
        return message, f"write `{usual}`"
    allowed = ", ".join(f"`{each}`" for each in roles)
    return message, f"allowed are {allowed} (option `allowed_roles`); another is sent as the client's default role"


def _texts(value: syntax.ConfigValue) -> list[str] | None:
    """Return the strings of a list, or None if they are not all known."""
    if not isinstance(value, syntax.ConfigList):
        return None
    texts = [item.value for item in value.items if isinstance(item, syntax.ConfigScalar)]
    known = [text for text in texts if isinstance(text, str)]
    return known if len(known) == len(value.items) else None


_INTERNED: Final[dict[Roles, Roles]] = {}


def _shared(roles: list[str] | None) -> Roles | None:
    if roles is None:
        return None
    key = tuple(dict.fromkeys(roles))
    if len(_INTERNED) > 1000:
        _INTERNED.clear()
    return _INTERNED.setdefault(key, key)
