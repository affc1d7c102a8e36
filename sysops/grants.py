"""Grants: the part of the world that a host allows a program, and the environment as a call may see it.

A host states them once (``Runtime(capabilities=…)``); a :class:`Grants` is what became of that.  Every sys-op that
touches the world asks for its capability (:mod:`bamlvm.sysops.capabilities`), and what a capability is limited to is
asked where the world is touched:

=====  ==========================================  ====================================================================
name   may be limited to                           which is asked in
=====  ==========================================  ====================================================================
http   hosts (:mod:`bamlvm.sysops.hosts`)          the HTTP client, for every request and redirect, and where a
                                                   connection is opened, for the address that it is opened to
net    hosts                                       ``baml.net.connect``, likewise
fs     folders (:mod:`bamlvm.sysops.regular_files`)  the function that opens every file of a program
env    variables                                   :class:`Environment`, which is all that a call sees of them
shell  (all or nothing: a command may do anything)
=====  ==========================================  ====================================================================

What the host gives to a call by name (``CallContext(env=…)``) is the call's own, whatever is denied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from bamlvm.sysops.hosts import Hosts
    from bamlvm.sysops.regular_files import Roots

Capability: TypeAlias = Literal["shell", "fs", "net", "http", "env"]

Stated: TypeAlias = "Iterable[str] | Mapping[str, bool | Iterable[str]]"
"""Capabilities as a host states them: the names of those that are granted, or a mapping of names to allow-lists."""

CAPABILITIES: Final = frozenset({"shell", "fs", "net", "http", "env"})
DEFAULT: Final = CAPABILITIES - {"shell"}
"""What a program may do whose host states nothing."""


class Grants(msgspec.Struct, frozen=True):
    """The capabilities of a program: False is denied, True granted, anything else what it is limited to."""

    shell: bool = True
    fs: bool | Roots = True
    net: bool | Hosts = True
    http: bool | Hosts = True
    env: bool | frozenset[str] = True

    def is_denied(self, capability: Capability) -> bool:
        """Whether a capability is denied altogether."""
        return getattr(self, capability) is False


EVERYTHING: Final = Grants()


def grants_of(stated: Stated | None, denied: Iterable[str] = ()) -> Grants:
    """Return the grants that a host states; of those that it names, all but ``denied`` are granted.

    Raises :class:`ValueError` for a capability that does not exist, and for a limit that cannot be one.
    """
    limits: Mapping[str, bool | Iterable[str]]
    if stated is None:
        limits = dict.fromkeys(DEFAULT, True)
    elif isinstance(stated, Mapping):
        limits = stated
    else:
        limits = dict.fromkeys([stated] if isinstance(stated, str) else stated, True)
    refused = frozenset(denied)
    if unknown := {*limits, *refused} - CAPABILITIES:
        raise ValueError(f"unknown capability {min(unknown)!r}: one of {', '.join(sorted(CAPABILITIES))}")
    found = {
        name: False if name in refused else _limited(name, limits.get(name, False)) for name in sorted(CAPABILITIES)
    }
    return Grants(**found)  # type: ignore[arg-type]  # each as `_limited` makes it


def _limited(name: str, limit: object) -> object:
    if limit is None or isinstance(limit, bool):
        return limit is True
    if isinstance(limit, str) or not isinstance(limit, Iterable):
        raise ValueError(f"capability {name}: expected True, False or a list, not {limit!r}")
    entries = [str(each) for each in limit]
    if name == "shell":
        raise ValueError("capability shell: True or False, because a command may do anything")
    if not entries:
        return False
    if name == "env":
        return frozenset(entries)
    if name == "fs":
        from bamlvm.sysops.regular_files import Roots

        return Roots(entries)
    from bamlvm.sysops.hosts import Hosts

    return Hosts(name, entries)


class ProcessEnvironment(dict[str, str]):
    """Variables of the process, perhaps with those of a file: nobody has chosen them one by one."""


class Environment(Mapping[str, str]):
    """The variables that a call sees: those that the host ``given`` it by name, and of ``inherited`` the granted ones.

    ``chosen`` says that the host has chosen the inherited ones too.  A value is text: bytes of the process's
    environment that are not UTF-8 are replaced.  A given variable that is None is not there, inherited or not.
    """

    __slots__ = ("_chosen", "_given", "_inherited", "grants")

    def __init__(
        self,
        given: Mapping[str, str | None],
        inherited: Mapping[str, str] = {},
        grants: Grants = EVERYTHING,
        chosen: bool = False,
    ) -> None:
        self._given = given
        self._inherited = inherited
        self._chosen = chosen
        self.grants = grants

    def given(self, more: Mapping[str, str | None]) -> Environment:
        """Return the same environment with ``more`` variables that the host gives."""
        return Environment({**self._given, **more}, self._inherited, self.grants, self._chosen)

    def is_given(self, name: str) -> bool:
        """Whether the host itself has chosen to give a variable of this name to the program."""
        return self._given.get(name) is not None or (self._chosen and name in self)

    def reason(self, name: str) -> str:
        """Return why a variable is not there."""
        if self.is_granted(name) or name in self._given:
            return f"the environment variable {name} is not set"
        return f"the host denies the environment variable {name}"

    def is_granted(self, name: str) -> bool:
        """Whether the program may see an inherited variable of this name."""
        granted = self.grants.env
        return granted is True or (granted is not False and name in granted)

    def __getitem__(self, name: str) -> str:
        found = self._given.get(name)
        if found is None:
            if name in self._given or not self.is_granted(name):
                raise KeyError(name)
            found = self._inherited[name]
        if found.isascii():
            return found
        return found.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        yield from (name for name, value in self._given.items() if value is not None)
        yield from (name for name in self._inherited if name not in self._given and self.is_granted(name))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:  # without values, which may be keys
        return f"<environment of {len(self)} variables>"


def is_given(environment: Mapping[str, str], name: str) -> bool:
    """Whether the host has chosen a variable; one of a plain mapping is."""
    return environment.is_given(name) if isinstance(environment, Environment) else name in environment


def is_denied(environment: Mapping[str, str], name: str) -> bool:
    """Whether the host keeps a variable of this name from the program."""
    return isinstance(environment, Environment) and not environment.is_granted(name)


def reason_missing(environment: Mapping[str, str], name: str) -> str:
    """Return why an environment has no variable of this name."""
    if isinstance(environment, Environment):
        return environment.reason(name)
    return f"the environment variable {name} is not set"


def grants_in(environment: Mapping[str, str]) -> Grants:
    """Return the grants of the call whose environment this is."""
    return environment.grants if isinstance(environment, Environment) else EVERYTHING
