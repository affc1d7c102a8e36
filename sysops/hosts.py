"""Hosts that a program may connect to: an allow-list of names and of addresses.

An entry is one of

    example.com  *.example.com       a host, or those below it
    *  public                        every host that has a public address
    loopback  private  link-local    a kind of address
    192.0.2.7  10.0.0.0/8  [::1]     an address, or a network

each with ``:PORT`` behind it or not.  A name grants public addresses only: a name's owner decides what it resolves to,
so a name alone must not lead into the host's own network (DNS rebinding).  Addresses that are not public are granted by
entries that name them or their kind; ``localhost`` is a name of the loopback.  So ``["intranet.example", "private"]``
is needed where a name leads to a private address (``private`` then grants every host that has one).

The name is asked when a request is made, and again for every redirect; the address where a connection is opened, for
the very address that it is opened to.  ``0.0.0.0`` counts as loopback (that is where it leads), IPv4 addresses inside
IPv6 ones (mapped, NAT64, 6to4) as themselves, and whatever is neither public, loopback nor link-local as private.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

from bamlvm.vm.values import Thrown

Kind: TypeAlias = Literal["public", "loopback", "link-local", "private"]
Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

_KINDS: Final[dict[str, Kind]] = {
    "*": "public",
    "public": "public",
    "loopback": "loopback",
    "link-local": "link-local",
    "private": "private",
}
_PORT: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^:]*)(?::(?P<port>\d{1,5}))?", re.DOTALL)
_NAME: Final = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class _Entry(NamedTuple):
    """One entry: a ``kind`` of address, a ``network``, or a ``name`` (with ``.`` before it for all hosts below it)."""

    port: int | None
    kind: Kind | None = None
    network: Network | None = None
    name: str = ""


class Hosts:
    """An allow-list of ``capability``.  Raises :class:`ValueError` for an entry that is none of the above."""

    __slots__ = ("_entries", "_text", "capability")

    def __init__(self, capability: str, entries: Iterable[str]) -> None:
        written = list(entries)
        self.capability = capability
        self._entries = [_entry(capability, each) for each in written]
        self._text = ", ".join(written)

    def check_host(self, host: str, port: int) -> None:
        """Raise :class:`Thrown` (``InvalidArgument``) for a host that no entry may grant, whatever it resolves to."""
        if _address(host) is not None:
            self.check_address(host, port, host)
        elif not any(self._may_name(each, _plain(host), port) for each in self._entries):
            raise self._refused(host, "")

    def check_address(self, host: str, port: int, address: str) -> None:
        """Raise :class:`Thrown` (``InvalidArgument``) if no connection may be opened to this address of a host."""
        found = _address(address)
        if found is None or not any(self._grants(each, _plain(host), port, found) for each in self._entries):
            kind = "" if found is None or kind_of(found) == "public" else f", which is a {kind_of(found)} address"
            raise self._refused(host, f" at {address}{kind}" if address != host or kind else "")

    def _may_name(self, entry: _Entry, host: str, port: int) -> bool:
        """Whether an entry can grant a host by this name: entries of addresses wait for the address."""
        if entry.port is not None and entry.port != port:
            return False
        return not entry.name or _is_named(entry.name, host)

    def _grants(self, entry: _Entry, host: str, port: int, address: Address) -> bool:
        if entry.port is not None and entry.port != port:
            return False
        if entry.network is not None:
            return address in entry.network
        kind = kind_of(address)
        if entry.kind is not None:
            return kind == entry.kind
        is_local = entry.name.lstrip(".") == "localhost"
        return _is_named(entry.name, host) and kind == ("loopback" if is_local else "public")

    def _refused(self, host: str, place: str) -> Thrown:
        message = f"{host}{place}: the host allows {self.capability} only to {self._text}"
        return Thrown("baml.errors.InvalidArgument", {"message": message})


def kind_of(address: Address) -> Kind:
    """Return the kind of an address (the registries of RFC 6890)."""
    if address.is_loopback or address.is_unspecified:
        return "loopback"
    if address.is_link_local:
        return "link-local"
    return "public" if address.is_global and not address.is_multicast else "private"


def _entry(capability: str, text: str) -> _Entry:
    word = text.strip().lower()
    if word in _KINDS:
        return _Entry(None, _KINDS[word])
    with contextlib.suppress(ValueError):
        return _Entry(None, network=ipaddress.ip_network(word, strict=False))
    found = _PORT.fullmatch(word)
    host = found["host"] if found is not None else ""
    port = int(found["port"]) if found is not None and found["port"] else None
    if host in _KINDS:
        return _Entry(port, _KINDS[host])
    with contextlib.suppress(ValueError):
        return _Entry(port, network=ipaddress.ip_network(host.removeprefix("[").removesuffix("]"), strict=False))
    name = _plain(host)
    if (port is not None and port > 65535) or _NAME.fullmatch(name) is None:
        raise ValueError(
            f"capability {capability}: not a host, an address or a network: {text!r} "
            "(as in example.com, *.example.com, example.com:8080, loopback, 10.0.0.0/8)"
        )
    return _Entry(port, name=name.removeprefix("*"))


def _is_named(pattern: str, host: str) -> bool:
    return host.endswith(pattern) if pattern.startswith(".") else host == pattern


def _plain(host: str) -> str:
    """Return a name as names are compared: in lower case, in ASCII, without the dot at its end."""
    name = host.lower().removesuffix(".")
    if not name.isascii():
        with contextlib.suppress(UnicodeError):
            return name.encode("idna").decode("ascii")
    return name


def _address(text: str) -> Address | None:
    """Return the address that a text is, an IPv4 one if it stands in an IPv6 one."""
    try:
        found = ipaddress.ip_address(text.removeprefix("[").removesuffix("]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        return inner or found
    return found
