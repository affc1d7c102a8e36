"""The state that a runtime shares with all of its calls.

A part that takes long to make (the prompt engine, which imports Jinja; a type's parser) is made when it is first used,
and its module is imported then, so that a runtime that calls no LLM pays for none of it.  Two threads may make one of
these at the same time: they are equal, and one of them stays.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from bamlvm.sysops.grants import EVERYTHING, Grants
from bamlvm.sysops.schema import Schema
from bamlvm.sysops.tracing import NO_TRACE, Trace
from bamlvm.vm.handles import HandleTable
from bamlvm.vm.program.types import Type

if TYPE_CHECKING:
    from bamlvm.sysops.constraints import Constraints
    from bamlvm.sysops.parsing import JsonReader, Output
    from bamlvm.sysops.prices import Prices
    from bamlvm.sysops.prompts.engine import Engine
    from bamlvm.sysops.prompts.predicates import Predicates
    from bamlvm.sysops.providers.options import KnownOptions
    from bamlvm.vm.program.schemas.forms import Form

MAX_BYTES: Final = 64 * 1024 * 1024
"""The default of ``max_bytes``."""


class _Made(msgspec.Struct, kw_only=True):
    """What has been made of a schema so far."""

    _prompt_engine: Engine | None = None
    _constraints: Constraints | None = None
    _predicates: Predicates | None = None
    _outputs: dict[Type | tuple[Type, bool], Output] = msgspec.field(default_factory=dict)
    _forms: dict[tuple[Type, str], Form | None] = msgspec.field(default_factory=dict)
    _json_readers: dict[Type, JsonReader] = msgspec.field(default_factory=dict)


class Readers(_Made):
    """What reads and writes values of a schema's types: prompts, parsers, constraints.

    Those of a schema with a call's additions share with the ``base``, those of the program, what does not depend on
    the additions: above all the templates and expressions that are compiled.
    """

    schema: Schema
    base: Readers | None = None

    @property
    def prompt_engine(self) -> Engine:
        """The renderer of the program's prompts."""
        found = self._prompt_engine
        if found is None:
            from bamlvm.sysops.prompts.engine import Engine

            schema = self.schema
            base = None if self.base is None else self.base.prompt_engine
            found = Engine(schema.enums, schema.templates, schema.classes, schema.aliases, base)
            self._prompt_engine = found
        return found

    @property
    def constraints(self) -> Constraints:
        """The asserts and checks of the program's types."""
        found = self._constraints
        if found is None:
            from bamlvm.sysops.constraints import Constraints

            found = self._constraints = Constraints(self.schema, lambda: self.predicates)
        return found

    @property
    def predicates(self) -> Predicates:
        """The evaluator of the expressions in the program's types and tests."""
        found = self._predicates
        if found is None:
            from bamlvm.sysops.prompts.predicates import Predicates

            base = None if self.base is None else self.base.predicates
            found = self._predicates = Predicates(self.schema.enums, base)
        return found

    def form(self, type_: Type, mode: str) -> Form | None:
        """Return the form of a return type's answers in an output mode, None for text."""
        key = type_, mode
        if key not in self._forms:
            from bamlvm.vm.program.schemas.forms import form_of

            self._forms[key] = form_of(type_, mode, self.schema)
        return self._forms[key]

    def output(self, type_: Type, form: Form | None = None) -> Output:
        """Return the parser of the answers of a return type, asked for in a form of :meth:`form`.

        Raises :class:`bamlvm.vm.values.Thrown` (``InvalidArgument``) for a type that no answer can be read as.
        """
        key = type_ if form is None else (type_, form.are_tools)
        found = self._outputs.get(key)
        if found is None:
            if form is None:
                from bamlvm.sysops.parsing import output_of

                found = output_of(type_, self.schema)
            else:
                from bamlvm.sysops.parsing.formed import formed_output

                found = formed_output(type_, form, self.schema)
            self._outputs[key] = found
        return found

    def json_reader(self, type_: Type) -> JsonReader:
        """Return the reader of JSON texts as a type; raises as :meth:`output` does."""
        found = self._json_readers.get(type_)
        if found is None:
            from bamlvm.sysops.parsing import JsonReader

            found = self._json_readers[type_] = JsonReader(type_, self.schema)
        return found


class Services(msgspec.Struct):
    """The shared state of one runtime.

    ``http_client()`` returns the ``httpx.AsyncClient`` of the running event loop, made at its first use;
    ``round_robin`` holds the next turn of each round-robin client that has been used, guarded by ``round_robin_lock``;
    ``grants`` is what the host allows the program; ``max_bytes`` bounds what one operation brings in (a response, a
    file, the output of a command); ``is_offline`` says that the transport needs no credentials, because it reaches no
    network; ``credentials`` are those that clients sign in with, by their content; ``prices``
    are the host's; ``monotonic`` returns the seconds that the clocks of attempts count.
    """

    schema: Schema
    handles: HandleTable
    http_client: Callable[[], Any]
    round_robin: dict[str, int] = msgspec.field(default_factory=dict)
    round_robin_lock: threading.Lock = msgspec.field(default_factory=threading.Lock)
    grants: Grants = EVERYTHING
    max_bytes: int = MAX_BYTES
    trace: Trace = NO_TRACE
    is_offline: bool = False
    credentials: dict[str, Any] = msgspec.field(default_factory=dict)
    prices: Prices | None = None
    monotonic: Callable[[], float] = time.monotonic
    _readers: Readers | None = None
    _options: KnownOptions | None = None

    @property
    def options(self) -> KnownOptions:
        """The options of clients, with what has been derived from them."""
        found = self._options
        if found is None:
            from bamlvm.sysops.providers.options import KnownOptions

            found = self._options = KnownOptions()
        return found

    @property
    def readers(self) -> Readers:
        """What reads and writes values of the program's own types."""
        found = self._readers
        if found is None:
            found = self._readers = Readers(self.schema)
        return found
