"""Clients by name: declared ones, ``provider/model`` shorthands, and strategies over other clients.

``known`` are the clients that a call can name: the program's, and before them those that the host gave to the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from bamlvm.sysops.schema import Schema
from bamlvm.vm.program.llm import STRATEGIES, ClientInfo, LlmFunctionInfo, RetryPolicyInfo
from bamlvm.vm.program.spelling import did_you_mean
from bamlvm.vm.values import Thrown


def llm_function(schema: Schema, name: str) -> LlmFunctionInfo:
    """Return an LLM function.  Raises :class:`Thrown` (``InvalidArgument``) if there is none of that name."""
    found = schema.llm_functions.get(name)
    if found is None:
        raise _unknown("LLM function", name, list(schema.llm_functions))
    return found


def client(known: Mapping[str, ClientInfo], name: str) -> ClientInfo:
    """Return a known client, or the one that ``provider/model`` stands for.

    Raises :class:`Thrown` (``InvalidArgument``) if there is none of that name.
    """
    found = known.get(name) or shorthand(name)
    if found is None:
        raise _unknown("client", name, list(known))
    return found


@lru_cache(maxsize=256)  # one object for each, as declared clients are, so that what is made of its options is kept
def shorthand(name: str) -> ClientInfo | None:
    """Return the client that ``provider/model`` stands for, or None if ``name`` is not of that form."""
    provider, slash, model = name.partition("/")
    return ClientInfo(name, provider, None, {"model": model}) if slash and provider and model else None


def retry_policy(schema: Schema, of: ClientInfo) -> RetryPolicyInfo | None:
    """Return a client's retry policy, or None.

    Raises :class:`Thrown` (``InvalidArgument``) if there is none of the name that the client has.
    """
    if of.retry_policy is None:
        return None
    found = schema.retry_policies.get(of.retry_policy)
    if found is None:
        raise _unknown("retry policy", of.retry_policy, list(schema.retry_policies))
    return found


def strategy(of: ClientInfo) -> str | None:
    """Return ``fallback`` or ``round-robin``, or None for a client that calls a provider."""
    return STRATEGIES.get(of.provider)


def children(of: ClientInfo) -> list[str]:
    """Return the names of the clients that a strategy chooses from."""
    names = _option(of, "strategy")
    if names is None:
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Thrown(
            "baml.errors.InvalidArgument", {"message": f"client {of.name}: strategy must list clients by name"}
        )
    return list(names)


def check(known: Mapping[str, ClientInfo], name: str) -> None:
    """Refuse a strategy that may choose itself.  Raises :class:`Thrown` (``InvalidArgument``)."""
    # Depth first, each client once: strategies may share their children, and be nested as deep as a program is long.
    path: dict[str, Iterator[str]] = {}
    whole: set[str] = set()  # those below which there is no circle
    following: str | None = name
    while True:
        if following is None:
            whole.add(path.popitem()[0])
        elif following in path:
            names = [*path]
            shown = " → ".join((*names[names.index(following) :], following))
            raise Thrown("baml.errors.InvalidArgument", {"message": f"client {following} chooses itself: {shown}"})
        elif following not in whole:
            found = client(known, following)
            if strategy(found) is None:
                whole.add(following)
            else:
                path[following] = iter(children(found))
        if not path:
            return
        following = next(path[next(reversed(path))], None)


def first_turn(of: ClientInfo) -> int:
    """Return the first turn of a round-robin client: the option ``start``, else 0."""
    start = _option(of, "start")
    if start is None:
        return 0
    if not isinstance(start, int) or isinstance(start, bool) or start < 0:
        raise Thrown("baml.errors.InvalidArgument", {"message": f"client {of.name}: start must be a number from 0"})
    return start


def _option(of: ClientInfo, name: str) -> Any:
    return of.options.get(name) if isinstance(of.options, dict) else None


def _unknown(kind: str, name: str, known: list[str]) -> Thrown:
    hint = did_you_mean(name, known)
    message = f"there is no {kind} {name!r}" + (f": {hint}" if hint else "")
    return Thrown("baml.errors.InvalidArgument", {"message": message})
