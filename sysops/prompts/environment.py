"""The Jinja dialect of prompts.

It is Jinja's immutable sandbox, so that a template can neither change a value nor reach Python's insides, with these
rules on top:

- an undefined name, field or key prints nothing, is an empty list to a loop and false to a condition; any other use of
  it is an error that says which names exist.  In a single expression (``strict``) every use is an error;
- ``null`` is another name of ``none``, and an empty list to a loop;
- ``x.name`` on a class is its field before any method of a mapping, on a map its key before any method;
- ``//`` and ``%`` are Euclidean, as in MiniJinja (``7 % -3`` is 1), and take numbers only; ``*`` and
  ``**`` make nothing that is larger than a text may be;
- values print as :func:`bamlvm.sysops.prompts.views.text_of` says, in ``{{ … }}``, in ``~`` and in ``join`` alike;
- the loops of one rendering take at most :data:`TURNS` turns together, and its text has a greatest length;
- loops look at the clock: in time a template yields an empty text, so that its driver can let others run, and what
  interrupts the call is asked.  A macro cannot yield: in it the call is asked alone;
- a block tag takes the line feed after it and the spaces before it away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from bamlvm.sysops.prompts.filters import TESTS_BESIDE, filters
from bamlvm.sysops.prompts.numbers import modulo, power, product, quotient
from bamlvm.sysops.prompts.views import ClassView, EnumNamespace, EnumView, Tags, part_of, text_of
from bamlvm.vm.program.prompt_names import CONSTANTS, FILTERS, GLOBALS, MAPPING_METHODS, TESTS
from bamlvm.vm.work import LONGEST


class UndefinedName(jinja2.UndefinedError):
    """Use of a name that is not there; ``known`` are those that are."""

    def __init__(self, message: str, name: str, known: Iterable[str] | None) -> None:
        super().__init__(message)
        self.name = name
        self.known = None if known is None else list(known)


class Undefined(jinja2.Undefined):
    """A missing value: empty where it is printed, iterated or tested; any other use raises :class:`UndefinedName`."""

    __slots__ = ()

    def _fail_with_undefined_error(self, *_: Any, **__: Any) -> Any:
        name, holder = str(self._undefined_name), self._undefined_obj
        if self._undefined_hint:
            raise UndefinedName(self._undefined_hint, name, [])
        if holder is missing:
            raise UndefinedName(f"{name!r} is not defined", name, None)
        if isinstance(holder, ClassView):
            raise UndefinedName(f"class {holder.class_name} has no field {name!r}", name, holder.fields)
        if isinstance(holder, EnumNamespace):
            raise UndefinedName(f"enum {holder.name} has no variant {name!r}", name, holder.variants)
        if isinstance(holder, EnumView):
            raise UndefinedName(f"a variant of {holder.enum} has no {name!r}", name, ["value"])
        if isinstance(holder, Mapping):
            raise UndefinedName(f"the map has no key {name!r}", name, [key for key in holder if isinstance(key, str)])
        what = {type(None): "null", str: "a string", list: "a list", bool: "a bool", int: "an int", float: "a float"}
        raise UndefinedName(f"{what.get(type(holder), 'the value')} has no {name!r}", name, [])

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _fail_with_undefined_error
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = _fail_with_undefined_error
    __pos__ = __neg__ = __call__ = __getitem__ = __lt__ = __le__ = __gt__ = __ge__ = _fail_with_undefined_error
    __int__ = __float__ = __complex__ = __pow__ = __rpow__ = _fail_with_undefined_error

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._fail_with_undefined_error()


class StrictUndefined(Undefined):
    """A missing value whose every use raises :class:`UndefinedName`."""

    __slots__ = ()

    __iter__ = __str__ = __len__ = Undefined._fail_with_undefined_error
    __eq__ = __ne__ = __bool__ = __hash__ = Undefined._fail_with_undefined_error
    __contains__ = Undefined._fail_with_undefined_error


TURNS: Final = 1_000_000
"""Turns of all loops of one rendering, nested ones multiplied."""

_SELF = "self·"
"""The name of a variable ``self`` in compiled templates, where Jinja keeps ``self`` for the template itself; no name of
a program has this character."""


def renamed(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variables of a template by their names in compiled templates."""
    return {**variables, _SELF: variables["self"]} if "self" in variables else variables


class Turns:
    """The turns of one rendering.

    ``check`` raises what interrupts the call.  ``is_due`` says that the template has run for :data:`PIECE_SECONDS`.
    """

    __slots__ = ("check", "is_due", "left", "until")

    def __init__(self, check: Callable[[], None] | None = None) -> None:
        self.left = TURNS
        self.check = check
        self.resume()

    def resume(self) -> None:
        """Begin a piece of the rendering."""
        self.is_due = False
        self.until = time.monotonic() + PIECE_SECONDS

    def look(self) -> None:
        """Look at the clock; every so many turns are enough."""
        if time.monotonic() < self.until:
            return
        self.resume()
        self.is_due = True
        if self.check is not None:
            self.check()


PIECE_SECONDS: Final = 0.002
"""After so long a template yields."""

_LOOK: Final = 15
"""A mask of the turns at which the clock is not looked at."""


class _Generator(CodeGenerator):
    """Jinja's own, except that ``~`` joins what ``{{ … }}`` would print, and that loops count their turns and yield."""

    def blockvisit(self, statements: Iterable[nodes.Node], frame: Frame) -> None:
        """Write statements; those of a loop that prints straight into the text yield first where that is due."""
        if statements is self._body and frame.buffer is None:
            self.writeline("if environment.is_due(): yield ''")
        super().blockvisit(statements, frame)

    _body: Iterable[nodes.Node] | None = None

    def visit_For(self, node: nodes.For, frame: Frame) -> None:  # noqa: N802 (Jinja's visitor)
        if not node.recursive:  # that calls itself, as deep as its data
            counted = nodes.EnvironmentAttribute("counted", lineno=node.lineno)
            node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=node.lineno)
            self._body = node.body
        super().visit_For(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 (Jinja's visitor)
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if isinstance(node, nodes.Concat) or node.find(nodes.Concat) is not None:
            raise nodes.Impossible  # folding would join Python's texts
        return super()._output_child_to_const(node, frame, finalize)


def concatenated(parts: Iterable[str]) -> str:
    """Return the parts as one text.  Raises :class:`OverflowError` if that is too long."""
    made: list[str] = []
    size = 0
    for part in parts:
        made.append(part)
        size += len(part)
        if size > LONGEST:
            raise OverflowError(f"the text has more than {LONGEST} characters")
    return "".join(made)


class Environment(ImmutableSandboxedEnvironment):
    """One a runtime; it has no loader and no cache of its own."""

    code_generator_class = _Generator
    intercepted_binops = frozenset(("//", "%", "*", "**"))
    concat = staticmethod(concatenated)

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__(
            undefined=StrictUndefined if strict else Undefined,
            finalize=text_of,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=0,
            optimized=False,
        )
        self.binop_table |= {"//": quotient, "%": modulo, "*": product, "**": power}
        own = self.filters | filters()
        self.filters = {name: own[name] for name in FILTERS}
        tests = self.tests | TESTS_BESIDE
        self.tests = {name: tests[name] for name in TESTS}
        self.globals = {**{name: self.globals[name] for name in GLOBALS}, **CONSTANTS}

        self._local = threading.local()  # the turns of the rendering that runs

    def begin(self, turns: Turns | None = None) -> None:
        """Begin a rendering in this thread, or go on with it: turns are counted as its from here."""
        turns = Turns() if turns is None else turns
        turns.resume()
        self._local.turns = turns

    def is_due(self) -> bool:
        """Whether the template is to yield; the next piece begins."""
        turns = self._turns()
        is_due = turns.is_due
        turns.is_due = False
        return is_due

    def _turns(self) -> Turns:
        turns: Turns | None = getattr(self._local, "turns", None)
        if turns is None:
            turns = self._local.turns = Turns()
        return turns

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items of a loop.  Raises :class:`OverflowError` where the rendering has had its turns."""
        turns = self._turns()
        for item in () if items is None else items:
            left = turns.left = turns.left - 1
            if not left & _LOOK:
                turns.look()
            if left < 0:
                raise OverflowError(f"the loops take more than {TURNS} turns")
            yield item

    def _generate(self, source: nodes.Template, *arguments: Any, **options: Any) -> str:
        for name in source.find_all(nodes.Name):
            if name.name == "self":
                name.name = _SELF
        return super()._generate(source, *arguments, **options)

    @staticmethod
    def joined(parts: Iterable[Any]) -> str:
        """Join the parts as they print."""
        return "".join(map(part_of, parts))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return ``obj.attribute``."""
        found = self._member(obj, attribute)
        return super().getattr(obj, attribute) if found is missing else found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return ``obj[argument]``."""
        found = self._member(obj, argument)
        return super().getitem(obj, argument) if found is missing else found

    def _member(self, obj: Any, name: Any) -> Any:
        if isinstance(obj, ClassView):
            if name in MAPPING_METHODS and name not in obj.fields:
                return missing
            members: Mapping[Any, Any] = obj.fields
        elif isinstance(obj, EnumNamespace):
            members = obj.variants
        elif isinstance(obj, EnumView):
            members = {"value": obj.value}
        elif isinstance(obj, Tags):
            return obj[name]
        elif isinstance(obj, dict):
            return obj.get(name, missing) if isinstance(name, (str, int, EnumView)) else missing
        else:
            return missing
        return members[name] if name in members else self.undefined(obj=obj, name=name)
