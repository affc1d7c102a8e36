"""The Jinja dialect of prompts.

It is Jinja's immutable sandbox, so that a template can neither change a value nor reach Python's insides, with these
rules on top:

- an undefined name, field or key prints nothing, is an empty list to a loop, false to a condition and less than any
  value; any other use of it is an error that says which names exist.  In a single expression (``strict``) every use is
  an error;
- ``null`` is another name of ``none``, an empty list to a loop, and less than any other value
  (:mod:`bamlvm.sysops.prompts.order`);
- ``x.name`` on a class is its field before any method of a mapping, on a map its key before any method;
- ``//`` and ``%`` are Euclidean, as in MiniJinja (``7 % -3`` is 1), and take numbers only;
- values print as :func:`bamlvm.sysops.prompts.views.text_of` says, in ``{{ … }}``, in ``~`` and in ``join`` alike;
- every operation is weighed before it is done, and the rendering has limits (:mod:`bamlvm.sysops.prompts.limits`);
- loops look at the clock: in time a template yields an empty text, so that its driver can let others run, and what
  interrupts the call is asked.  A macro cannot yield: where it takes long, :class:`~bamlvm.sysops.prompts.limits.Stuck`
  has the rendering begin again in a thread;
- a block tag takes the line feed after it and the spaces before it away.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from sys import getsizeof
from typing import Any, Final, cast

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing

from bamlvm.sysops.prompts.filters import TESTS_BESIDE, debug, filters
from bamlvm.sysops.prompts.limits import LOOK, SHORT, VALUES_TOGETHER, Turns, too_many_turns
from bamlvm.sysops.prompts.numbers import modulo, quotient
from bamlvm.sysops.prompts.order import ordered
from bamlvm.sysops.prompts.output_format import OutputFormat
from bamlvm.sysops.prompts.views import ClassView, EnumNamespace, EnumView, Tags, part_of, text_of
from bamlvm.vm.program.prompt_names import CONSTANTS, FILTERS, GLOBALS, MAPPING_METHODS, TESTS
from bamlvm.vm.rendering import scalar_text
from bamlvm.vm.work import LONGEST, Work


class UndefinedName(jinja2.UndefinedError):
    """Use of a name that is not there; ``known`` are those that are."""

    def __init__(self, message: str, name: str, known: Iterable[str] | None) -> None:
        super().__init__(message)
        self.name = name
        self.known = None if known is None else list(known)


class Undefined(jinja2.Undefined):
    """A missing value: empty where it is printed, iterated or tested, and less than any other value.

    Any other use raises :class:`UndefinedName`.
    """

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
    __pos__ = __neg__ = __call__ = __getitem__ = _fail_with_undefined_error
    __int__ = __float__ = __complex__ = __pow__ = __rpow__ = _fail_with_undefined_error

    def __lt__(self, other: object) -> bool:  # type: ignore[override]  # Jinja's raises, whatever it is given
        return not isinstance(other, jinja2.Undefined)

    def __le__(self, other: object) -> bool:  # type: ignore[override]  # Jinja's raises, whatever it is given
        return True

    def __gt__(self, other: object) -> bool:  # type: ignore[override]  # Jinja's raises, whatever it is given
        return False

    def __ge__(self, other: object) -> bool:  # type: ignore[override]  # Jinja's raises, whatever it is given
        return isinstance(other, jinja2.Undefined)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._fail_with_undefined_error()


class StrictUndefined(Undefined):
    """A missing value whose every use raises :class:`UndefinedName`."""

    __slots__ = ()

    __iter__ = __str__ = __len__ = Undefined._fail_with_undefined_error
    __eq__ = __ne__ = __bool__ = __hash__ = Undefined._fail_with_undefined_error
    __contains__ = __lt__ = __le__ = __gt__ = __ge__ = Undefined._fail_with_undefined_error


_SELF = "self·"
"""The name of a variable ``self`` in compiled templates, where Jinja keeps ``self`` for the template itself; no name of
a program has this character."""


_OPERATORS: Final = {
    "eq": "==",
    "ne": "!=",
    "gt": ">",
    "gteq": ">=",
    "lt": "<",
    "lteq": "<=",
    "in": "in",
    "notin": "not in",
}

_ORDER: Final = frozenset({"gt", "gteq", "lt", "lteq"})

_VALUES_OF_AN_EXPRESSION: Final = 1 << 16
"""Values that the operations of a constraint take together: it cannot yield."""

_SCALARS: Final = frozenset({str, int, float, bool, type(None)})

_INDENT: Final = 4
"""Spaces for a level of a class that is printed."""

_BYTES: Final = frozenset({"encode", "to_bytes", "from_bytes"})


def renamed(variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variables of a template by their names in compiled templates."""
    return {**variables, _SELF: variables["self"]} if "self" in variables else variables


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
            count = "counted_parts" if isinstance(node.target, nodes.Tuple) else "counted"
            counted = nodes.EnvironmentAttribute(count, lineno=node.lineno)
            node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=node.lineno)
            self._body = node.body
        super().visit_For(node, frame)

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:  # noqa: N802 (Jinja's visitor)
        # With a constant only a search takes long: no other comparison looks into the other side.
        operands = [node.expr, *(each.expr for each in node.ops)]
        is_short = any(isinstance(each, nodes.Const) for each in operands)
        is_short = is_short and len(operands) == 2 and node.ops[0].op not in ("in", "notin")
        is_ordered = any(each.op in _ORDER for each in node.ops)
        self.write("(")
        for place, operand in enumerate(operands):
            if place:
                self.write(f" {_OPERATORS[node.ops[place - 1].op]} ")
            constant = operand if isinstance(operand, nodes.Const) else None
            around = [] if is_short or constant else ["environment.compared("]
            if is_ordered and (constant is None or type(constant.value) not in (int, float)):
                around.append("environment.ordered(")
            self.write("".join(around))
            self.visit(operand, frame)
            self.write(")" * len(around))
        self.write(")")

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:  # noqa: N802 (Jinja's visitor)
        if not isinstance(node.arg, nodes.Slice):
            super().visit_Getitem(node, frame)
            return
        self.write("environment.cut(")
        super().visit_Getitem(node, frame)
        self.write(")")

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:  # noqa: N802 (Jinja's visitor)
        self.write("environment.joined((")
        for part in node.nodes:
            self.visit(part, frame)
            self.write(", ")
        self.write("))")

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not isinstance(node, nodes.Const | nodes.TemplateData):
            raise nodes.Impossible  # nothing is computed but in a rendering, where it is weighed
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
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, strict: bool = False) -> None:
        super().__init__(
            undefined=StrictUndefined if strict else Undefined,
            finalize=self.printed,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            cache_size=0,
            optimized=False,
        )
        self.binop_table |= {"//": quotient, "%": modulo}
        own = self.filters | filters()
        tests = self.tests | TESTS_BESIDE
        self._local = threading.local()  # the turns of the rendering that runs
        self._values = _VALUES_OF_AN_EXPRESSION if strict else VALUES_TOGETHER
        self.filters = {name: self._limited(name, own[name]) for name in FILTERS}
        self.tests = {name: self._limited(f"is {name}", cast(Any, tests[name])) for name in TESTS}
        functions = self.globals | {"debug": self._limited("pprint", debug)}
        self.globals = {**{name: functions[name] for name in GLOBALS}, **CONSTANTS}

    def begin(self, turns: Turns | None = None) -> None:
        """Begin a rendering in this thread, or go on with it: turns are counted as its from here."""
        turns = Turns(values=self._values) if turns is None else turns
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
            turns = self._local.turns = Turns(values=self._values)
        return turns

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items of a loop.  Raises :class:`OverflowError` where the rendering has had its turns."""
        turns = self._turns()
        for item in () if items is None else items:
            left = turns.left = turns.left - 1
            if not left & LOOK:
                turns.look()
            if left < 0:
                raise too_many_turns()
            yield item

    def counted_parts(self, items: Iterable[Any]) -> Iterator[Any]:
        """Yield the items of a loop that names their parts.

        Raises :class:`TypeError` for a text: its characters are not meant.
        """
        for item in self.counted(items):
            if isinstance(item, str):
                raise TypeError("a text has no parts to be named by a loop: for the entries of a map write `m.items()`")
            yield item

    def _limited(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return a filter or a test that weighs what it takes; the context that Jinja passes first weighs nothing."""
        skip = 1 if getattr(function, "jinja_pass_arg", None) is not None else 0
        alone = skip + 1

        @functools.wraps(function)
        def limited(*args: Any, **keys: Any) -> Any:
            turns = self._turns()
            # Of nothing but a short text it makes little, whatever it is.
            given = args[skip] if len(args) == alone and not keys else None
            if type(given) is str and len(given) <= SHORT:
                turns.turn()
                return function(*args)
            return turns.apply(name, function, skip, args, keys)

        return limited

    def call(self, context: Context, function: Any, /, *args: Any, **keys: Any) -> Any:
        """Call what a template calls: a macro, a method of a value, a function of ours."""
        turns = self._turns()
        owner = getattr(getattr(function, "__wrapped__", function), "__self__", None)  # of `format`, which is wrapped
        if owner is None or not isinstance(owner, str | list | tuple | dict | int | float):
            turns.turn()
            return super().call(context, function, *args, **keys)
        if isinstance(owner, str) and function.__name__ in ("format", "format_map"):
            turns.check_format(owner, (*args, *keys.values(), *(args[0].values() if isinstance(args[0], dict) else ())))
        name = f"{type(owner).__name__}.{function.__name__}"
        call = super().call
        return turns.apply(
            name, lambda _, *rest, **more: call(context, function, *rest, **more), 0, (owner, *args), keys
        )

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return the result of an operator."""
        self._turns().operate(operator, left, right)
        return self.binop_table[operator](left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Whether a template may reach an attribute: none that makes bytes, of which a prompt has none."""
        return attr not in _BYTES and super().is_safe_attribute(obj, attr, value)

    def paced(self, work: Work[Any], cost: int) -> Any:
        """Return the result of work in pieces, each of which costs as much as so many values."""
        turns = self._turns()
        while True:
            try:
                next(work)
            except StopIteration as end:
                return end.value
            turns.spend("a pattern", cost)
            turns.look()

    ordered = staticmethod(ordered)

    def compared(self, value: Any) -> Any:
        """Return an operand of a comparison.  Raises :class:`OverflowError` if it is too large to be compared."""
        if type(value) not in _SCALARS:
            self._turns().take("a comparison", (value,))
        return value

    def cut(self, value: Any) -> Any:
        """Return a part of a list or a text, which counts as made."""
        self._turns().make("a slice", getsizeof(value))
        return value

    def concat(self, parts: Iterable[str]) -> str:
        """Return the text of a block, a macro or a template string."""
        text = concatenated(parts)
        self._turns().make("a block", getsizeof(text))
        return text

    def printed(self, value: Any) -> Any:
        """Return a value as it is printed.  Raises :class:`OverflowError` if that is too much."""
        if type(value) is str:
            return value
        if type(value) in _SCALARS:
            return scalar_text(value)
        if type(value) is OutputFormat:
            return str(value)
        self._allow_to_print(value)
        return text_of(value)

    def _allow_to_print(self, value: Any) -> None:
        if type(value) in _SCALARS:
            return
        turns = self._turns()
        values, length, depth = turns.take("printing", (value,))
        turns.make("printing", length + values * depth * _INDENT)

    def _part(self, value: Any) -> str:
        """Return a value as it is printed between others."""
        self._allow_to_print(value)
        return part_of(value)

    def _generate(self, source: nodes.Template, *arguments: Any, **options: Any) -> str:
        for name in source.find_all(nodes.Name):
            if name.name == "self":
                name.name = _SELF
        return super()._generate(source, *arguments, **options)

    def joined(self, parts: Iterable[Any]) -> str:
        """Join the parts as they print."""
        text = "".join([part if type(part) is str else self._part(part) for part in parts])
        if len(text) > SHORT:
            self._turns().make("`~`", getsizeof(text))
        return text

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
