"""A client's options, read at call time.

:data:`OWN` names the options that are read here; all others are passed on in the request's body unchanged.
``env.NAME`` is looked up in the call's environment when the client is used, so that one whose key is not set fails only
if it is reached.  Each option is checked for its type; a misfit is ``InvalidArgument``, naming client and option.

Most calls of a runtime read the same options.  What follows from the options alone is therefore made once for an
:class:`Options` (:func:`derived`), and :class:`KnownOptions` returns the same object again as
long as every variable that the options name has the value that it had.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, TypeVar, cast

from bamlvm.sysops.grants import reason_missing
from bamlvm.sysops.placeholders import PLACEHOLDER
from bamlvm.vm.program.declarations import referenced_environment
from bamlvm.vm.program.llm import CLOCKS, OUTPUT_MODES, PARSE_FAILURES, POOLING, STRATEGIES, TOTAL, ClientInfo
from bamlvm.vm.values import Thrown

OWN: Final = frozenset(
    {
        "allowed_role_metadata",
        "allowed_roles",
        "api_key",
        "base_url",
        "client_response_type",
        "default_role",
        "finish_reason_allow_list",
        "finish_reason_deny_list",
        "headers",
        "http",
        "keep_reasoning",
        "media_url_handler",
        "output_mode",
        "output_strict",
        "parse_failure",
        "query_params",
        "remap_roles",
        "supports_streaming",
    }
)
"""Options that are not part of a request's body, whatever the provider."""

_SHOWN: Final = frozenset({"base_url", "model", "model_id", "region", "location"})
"""Options whose variables may be shown: they say which model is asked, and where."""

DOWNLOADS: Final = ("send_base64", "send_url_add_mime_type", "send_base64_unless_google_url")
"""The values of ``media_url_handler`` beside ``send_url``; each of them would have URLs downloaded."""

T = TypeVar("T")
P = ParamSpec("P")

_KNOWN: Final = 256
"""How many clients' options are kept; a host may give each call clients of its own."""


def derived(function: Callable[Concatenate[Options, P], T]) -> Callable[Concatenate[Options, P], T]:
    """Return a function of options and other arguments whose result is made once for them.

    It may read no variable but by the options, and its callers may not change the result.
    """

    @functools.wraps(function)
    def found(options: Options, *rest: Any) -> T:
        made = options.made
        key: Any = (function, *rest) if rest else function
        if key not in made:
            made[key] = cast(Any, function)(options, *rest)
        result: T = made[key]
        return result

    return cast("Callable[Concatenate[Options, P], T]", found)


class Options:
    """The options of one client, resolved against one environment.

    ``values`` are those that the variables which the options name had when this was made, None where one was not set;
    ``made`` is what has been derived from them so far (:func:`derived`).
    """

    __slots__ = ("_raw", "client", "env", "made", "values")

    def __init__(self, client: ClientInfo, env: Mapping[str, str]) -> None:
        self.client = client
        self.env = env
        self.made: dict[Any, Any] = {}
        self._raw: Mapping[str, Any] = client.options if isinstance(client.options, dict) else {}
        self.values = {name: env.get(name) for name in self._variables()}

    def __repr__(self) -> str:  # without values, which may be keys
        return f"<options of {self.client.name}>"

    @derived
    def get(self, name: str, kind: type[T]) -> T | None:
        """Return an option, or None if it is absent or null.

        Raises :class:`Thrown` (``InvalidArgument``) if it is not of the type ``kind``.
        """
        value = self.resolve(self._raw.get(name))
        if value is None:
            return None
        if isinstance(value, bool) and kind is not bool:
            raise self.invalid(f"option {name} must be {_KINDS[kind]}, not {value}")
        if not isinstance(value, kind):
            raise self.invalid(f"option {name} must be {_KINDS[kind]}")
        return value

    @derived
    def texts(self, name: str) -> list[str] | None:
        """Return an option that is a list of strings, or None if it is absent."""
        values = self.get(name, list)
        if values is None:
            return None
        if not all(isinstance(value, str) for value in values):
            raise self.invalid(f"option {name} must be a list of strings")
        return values

    @derived
    def table(self, name: str) -> dict[str, str]:
        """Return an option that is a block of strings; empty if it is absent.  Numbers and booleans become text."""
        found = {}
        for key, value in (self.get(name, dict) or {}).items():
            if value is None:
                continue
            if not isinstance(value, (str, int, float)):
                raise self.invalid(f"option {name}: {key} must be a string")
            found[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return found

    @derived
    def timeouts(self) -> dict[str, int]:
        """Return the clocks that the ``http`` block sets, in milliseconds, by their name in ``baml.http.Timeouts``."""
        return {CLOCKS[key]: value for key, value in self._clocks().items() if key in CLOCKS}

    @derived
    def total(self) -> int | None:
        """Return the milliseconds that the ``http`` block of a strategy allows for all of its attempts together."""
        return self._clocks().get(TOTAL)

    @derived
    def _clocks(self) -> dict[str, int]:
        known = (*CLOCKS, TOTAL if self.client.provider in STRATEGIES else POOLING)
        found: dict[str, int] = {}
        for key, value in (self.get("http", dict) or {}).items():
            if key not in known:
                raise self.invalid(f"option http has no {key}; there are {', '.join(known)}")
            if value is None or key == POOLING:
                continue
            if isinstance(value, str) and value.isascii() and value.isdigit():  # a variable's
                value = int(value)
            if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
                raise self.invalid(f"option http: {key} must be a positive number of milliseconds")
            found[key] = value
        return found

    @derived
    def pools_connections(self) -> bool:
        """Whether a connection may serve several requests: ``enable_connection_pooling`` in the ``http`` block."""
        pooling = (self.get("http", dict) or {}).get(POOLING)
        if pooling is not None and not isinstance(pooling, bool):
            raise self.invalid(f"option http: {POOLING} must be true or false")
        return pooling is not False

    @derived
    def keeps_reasoning(self) -> bool:
        """Whether a string keeps the reasoning that its text begins with: ``keep_reasoning``."""
        return self.get("keep_reasoning", bool) is True

    @derived
    def parse_failure(self) -> str | None:
        """Return the option ``parse_failure``."""
        found = self.get("parse_failure", str)
        if found is not None and found not in PARSE_FAILURES:
            raise self.invalid(f"option parse_failure must be one of {', '.join(PARSE_FAILURES)}")
        return found

    @derived
    def output_mode(self) -> str:
        """Return the option ``output_mode``, ``prompt`` if it is not set."""
        found = self.get("output_mode", str)
        if found is not None and found not in OUTPUT_MODES:
            raise self.invalid(f"option output_mode must be one of {', '.join(OUTPUT_MODES)}")
        return found or "prompt"

    @derived
    def output_strict(self) -> bool | None:
        """Return the option ``output_strict``: whether the provider is to hold its answers against the schema."""
        return self.get("output_strict", bool)

    def written(self, name: str) -> Any:
        """Return an option as it is written."""
        return self._raw.get(name)

    @derived
    def model(self) -> str | None:
        """Return the option ``model``, if it is a string."""
        found = self.resolve(self.written("model"))
        if found is None and self.client.provider == "aws-bedrock":
            found = self.resolve(self.written("model_id"))
        return found if isinstance(found, str) else None

    def downloads(self, kind: str) -> str | None:
        """Return the ``media_url_handler`` of a kind of media, if that would have URLs downloaded."""
        handler = self.table("media_url_handler").get(kind)
        if handler is not None and handler not in ("send_url", *DOWNLOADS):
            raise self.invalid(f"option media_url_handler: {kind} must be one of send_url, {', '.join(DOWNLOADS)}")
        return handler if handler in DOWNLOADS else None

    @derived
    def finish_reasons(self) -> tuple[list[str] | None, list[str] | None]:
        """Return the allow list and the deny list, in lower case; at most one of them is set."""
        allowed = self.texts("finish_reason_allow_list")
        denied = self.texts("finish_reason_deny_list")
        if allowed is not None and denied is not None:
            raise self.invalid("only one of finish_reason_allow_list and finish_reason_deny_list can be set")
        return _lowered(allowed), _lowered(denied)

    def body(self, *without: str) -> dict[str, Any]:
        """Return the options that are passed on, for the caller to add to: all but those of :data:`OWN` and
        ``without``."""
        return {key: self.resolve(value) for key, value in self._raw.items() if key not in OWN and key not in without}

    @derived
    def secrets(self) -> list[str]:
        """Return the values of all variables that the options name, except those of :data:`_SHOWN`."""
        return [self.values[name] or "" for name in self._variables(_SHOWN)]

    def _variables(self, without: frozenset[str] = frozenset()) -> list[str]:
        """Return the names of the variables in all options but those ``without``."""
        waiting: list[Any] = [value for name, value in self._raw.items() if name not in without]
        found = []
        while waiting:
            value = waiting.pop()
            name = referenced_environment(value)
            if name is not None:
                found.append(name)
            elif isinstance(value, dict):
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return found

    def variable(self, name: str) -> str | None:
        """Return an environment variable, or None if it is not set; a placeholder is not."""
        found = self.env.get(name)
        return None if not found or PLACEHOLDER.fullmatch(found) else found

    def resolve(self, value: Any) -> Any:
        """Return a value with its environment references looked up.

        Raises :class:`Thrown` (``InvalidArgument``) naming a variable that is not set.
        """
        name = referenced_environment(value)
        if name is not None:
            found = self.values[name]
            if found is None:
                raise self.invalid(reason_missing(self.env, name))
            return found
        if isinstance(value, dict):
            return {key: self.resolve(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    def invalid(self, problem: str) -> Thrown:
        """Return the error of an option that cannot be used, to be raised."""
        return Thrown("baml.errors.InvalidArgument", {"message": f"client {self.client.name}: {problem}"})


class KnownOptions:
    """The options of the clients that were used last.  One may be shared by threads."""

    def __init__(self) -> None:
        self._known: dict[int, Options] = {}

    def __len__(self) -> int:
        return len(self._known)

    def of(self, client: ClientInfo, env: Mapping[str, str]) -> Options:
        """Return a client's options against an environment: those that it had, if no variable has changed."""
        known = self._known.get(id(client))
        if known is not None and known.client is client and known.env is env:
            for name, value in known.values.items():
                if env.get(name) != value:
                    break
            else:
                return known
        if len(self._known) >= _KNOWN:
            self._known.clear()
        options = self._known[id(client)] = Options(client, env)
        return options


_KINDS: Final[Mapping[type, str]] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a block",
}


def _lowered(words: list[str] | None) -> list[str] | None:
    return None if words is None else [word.casefold() for word in words]
