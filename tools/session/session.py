"""A session: a program that grows input by input, evaluated by ``bamlvm repl``.

An input is a list of declarations or a list of statements.

Declarations become a file beside the project's files.  Where one declares a name again, the older item is blanked in
its file, so that nothing else moves.  Declarations are kept only if the whole program still compiles.

Statements become the body of a function whose parameters are the session's variables, typed as the checker typed them
when they were declared, so an input is checked like any other code.  At its end the function passes on every variable
of its outermost block.  Assignments and declarations are kept only if the input reaches its end; changes to a list, a
map or an instance stay in any case, since the values themselves are kept, not copies.  A lambda captures the variables
of *its* input: it does not see assignments of later inputs, nor they its own.  A file or connection that an input opens
is closed at its end.  A constant keeps its value too, until a name is declared again: then all are evaluated anew.
Names that begin with ``repl_`` are reserved for the session.

Every input is linked into a program of its own, so values are migrated: instances and enum values are moved, in place,
to the new program's classes and enums; functions are linked again, with the code of the input that made them.  That is
sound as long as the declarations that they refer to are the same.  Where a name is declared again, every variable is
checked, and one is forgotten, with a notice, if its type no longer exists, if its value is no longer of its type, or if
it contains a function, whose code may depend on the older declaration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from bamlvm.build.cache import Cache
from bamlvm.build.loading import Loaded, load_standard
from bamlvm.calls.blocking import run_blocking
from bamlvm.calls.call import Call, PreparedCall
from bamlvm.compiler import STAGES
from bamlvm.compiler.dump import render_stage
from bamlvm.compiler.project import Project, Stages
from bamlvm.context import NO_CONTEXT, CallContext
from bamlvm.errors import CompileError, HostError, ThrownError, render_diagnostics
from bamlvm.grammar import syntax
from bamlvm.grammar.diagnostics import Diagnostic
from bamlvm.grammar.parser import parse_file
from bamlvm.grammar.source import SourceFile
from bamlvm.runtime import Runtime
from bamlvm.tools.session.input import InputFunction, file_name
from bamlvm.tools.session.values import Migration
from bamlvm.vm.program.code import Placed
from bamlvm.vm.rendering import show

_ITEMS: Final = re.compile(
    r"\s*(?:(?://[^\n]*\n|/\*.*?\*/)\s*)*"
    r"(?:(?:class|enum|type|function|const|client|generator|test|retry_policy|template_string)\b(?!\s*[=.(]))",
    re.DOTALL,
)
_PROBE: Final = "repl_probe_"


class InputResult(msgspec.Struct, frozen=True):
    """The result of an input.

    ``text`` is its value, as ``baml.unstable.string`` shows it (None: no value, or null); ``type`` the type of the
    expression that ends it; ``declared`` are the names that it declared; ``notices`` say which variables were
    forgotten and why; ``warnings`` are the compiler's, rendered.
    """

    text: str | None = None
    type: str | None = None
    declared: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    warnings: str = ""


class Session:
    """A program and the variables of the inputs so far.  Not safe to share between threads.

    ``files`` is the project to start with, by file name; ``options`` are those of :class:`bamlvm.Runtime` except
    ``transport``, which a runtime would close.  Raises :class:`bamlvm.CompileError` if the project has an error.
    """

    def __init__(self, files: Mapping[str, str] | None = None, **options: Any) -> None:
        self._files = dict(files or {})
        self._options = options
        self._standard = load_standard(True, Cache.default())
        self._project = Project(self._standard)
        self._variables: dict[str, tuple[str, Any]] = {}
        self._code: dict[str, Placed] = {}
        self._constants: dict[str, Any] = {}
        self._round_robin: dict[str, int] = {}
        self._count = 0
        self._compile(self._files)

    @property
    def variables(self) -> dict[str, str]:
        """The session's variables and their types."""
        return {name: type_ for name, (type_, _) in self._variables.items()}

    @property
    def names(self) -> list[str]:
        """The names that an input may use: variables, and the program's declarations."""
        stages = self._project.update(self._files)
        return sorted({*self._variables, *stages.index.entries})

    def run(self, text: str, context: CallContext | None = None) -> InputResult:
        """Evaluate an input.

        Raises :class:`bamlvm.CompileError`, and what a call raises; the session is then as before, except for changes
        that the input made to values in place.
        """
        self._count += 1
        if _ITEMS.match(text):
            return self._declare(text)
        function = InputFunction(text, self._count, self.variables, keeps=True)
        if function.empty and not function.diagnostics:
            return InputResult()
        return self._evaluate(function, self._compile_input(function), context or NO_CONTEXT)

    def type_of(self, text: str) -> str:
        """Return the type of an expression without evaluating it.  Raises :class:`bamlvm.CompileError`."""
        function = InputFunction(text, self._count, self.variables, keeps=False)
        if not function.has_value and not function.diagnostics:
            raise HostError("expected an expression")
        return str(function.result_type(self._compile_input(function)))

    def dump(self, stage: str, what: str = "") -> str:
        """Render one stage of a function (``tokens`` and ``ast``: of any item), an expression, or everything.

        Raises :class:`bamlvm.CompileError`, and :class:`bamlvm.HostError` for an unknown stage.
        """
        if stage not in STAGES:
            raise HostError(f"unknown stage {stage!r}: one of {', '.join(STAGES)}")
        what = what.strip()
        stages = self._compile(self._files)
        if not what:
            return render_stage(self._files, stages, stage)
        entry = stages.index.entries.get(what)
        if entry is not None:
            return render_stage({what: entry.item.text}, _only(stages, what), stage)
        function = InputFunction(what, self._count, self.variables, keeps=False)
        return render_stage(
            {function.file: function.source}, _only(self._compile_input(function), function.name), stage
        )

    @property
    def _name(self) -> str:
        return file_name(self._count)

    # --- declarations -------------------------------------------------------------------------------------------------

    def _declare(self, text: str) -> InputResult:
        name = self._name
        tree, diagnostics = parse_file(SourceFile(name, text))
        if any(each.severity == "error" for each in diagnostics):
            raise CompileError(diagnostics, {name: text})
        keys = {_key(item.declaration) for item in tree.items}
        files, replaced = self._without(keys)
        files[name] = text
        stages = self._compile(files)
        notices = self._forget(files) if replaced else ()
        self._constants = {} if replaced else self._constants
        self._files = files
        warnings = [each for each in stages.diagnostics if each.span.file == name]
        declared = tuple(item.declaration.name for item in tree.items)
        return InputResult(declared=declared, notices=tuple(notices), warnings=_rendered(warnings, files))

    def _without(self, keys: set[tuple[str, str]]) -> tuple[dict[str, str], bool]:
        """Return the files with the items of these names blanked, and whether there were any."""
        files, replaced = {}, False
        for path, text in self._files.items():
            tree, _ = parse_file(SourceFile(path, text))
            for item in tree.items:
                if _key(item.declaration) in keys:
                    start, end = item.offset, item.offset + len(item.text)
                    text = text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]
                    replaced = True
            files[path] = text
        return files, replaced

    def _forget(self, files: Mapping[str, str]) -> Iterator[str]:
        """Forget the variables that a new declaration invalidates; yield a notice for each."""
        # A variable's type is known only as text.  A function with a parameter of that type, one a file, shows whether
        # the type still exists (its file has no error) and what it is in the new program (its signature).
        probes = {
            f"variable {name}": f"function {_PROBE}{name}(value: {type_}) -> null {{ null }}"
            for name, (type_, _) in self._variables.items()
        }
        project = Project(self._standard)
        found = project.update({**files, **probes}).diagnostics
        wrong = {each.span.file for each in found if each.severity == "error"}
        unit = project.update({**files, **{path: probes[path] for path in probes if path not in wrong}}).unit
        if unit is None:  # such as where the program declares the name of a probe
            yield "the variables are forgotten: the new program says nothing of their types"
            self._variables, self._code = {}, {}
            return
        kept: dict[str, tuple[str, Any]] = {}
        with Runtime(Loaded(self._standard, unit, ())) as runtime:
            migration = Migration(runtime.engine.program)
            for name, (type_, value) in self._variables.items():
                probe = unit.signatures.get(_PROBE + name)
                if probe is None:
                    yield f"`{name}` is forgotten: the type `{type_}` no longer exists"
                elif (problem := migration.problem(value, probe.parameters[0].type)) is not None:
                    yield f"`{name}` is forgotten: {problem}"
                else:
                    kept[name] = (type_, value)
        self._variables = kept
        self._code = {}

    # --- statements ---------------------------------------------------------------------------------------------------

    def _evaluate(self, function: InputFunction, stages: Stages, context: CallContext) -> InputResult:
        unit = stages.unit
        assert unit is not None
        linked = msgspec.structs.replace(unit, functions={**self._code, **unit.functions})
        kept: list[Any] = []
        with Runtime(Loaded(self._standard, linked, ()), **self._options) as runtime:
            runtime.engine.services.round_robin = self._round_robin
            program = runtime.engine.program
            values = [value for _, value in self._variables.values()]
            constants = list(self._constants.values())
            Migration(program).migrate(moved := [*values, *constants])
            values, constants = moved[: len(values)], moved[len(values) :]
            for name, value in zip(self._constants, constants, strict=True):
                program.global_(name).keep(value)
            try:
                own = runtime.engine.borders.own
                prepared = PreparedCall(function.name, function.name, [kept, *values], own)
                run_blocking(Call(runtime.engine, prepared, context))
            except ThrownError as error:
                error.trace = tuple(map(function.relocate_frame, error.trace))
                raise
            finally:
                self._constants = program.kept_globals()
        types = function.kept_types(stages)
        # The function pushed the value of its last expression, if it has one, and then its variables.
        handed = kept[len(kept) - len(function.kept) :]
        result = kept[-len(function.kept) - 1] if function.has_value else None
        self._variables = {name: (types[name], value) for name, value in zip(function.kept, handed, strict=True)}
        self._code |= {name: placed for name, placed in unit.functions.items() if name.startswith(function.name + "$")}
        return InputResult(
            text=None if result is None else show(result),
            type=str(function.result_type(stages)) if function.has_value else None,
            warnings=_rendered(function.relocate(stages.diagnostics), {function.file: function.text}),
        )

    def _compile_input(self, function: InputFunction) -> Stages:
        if function.diagnostics:
            raise CompileError(function.diagnostics, {function.file: function.text})
        stages = self._project.update({**self._files, function.file: function.source})
        if stages.unit is None:
            raise CompileError(function.relocate(stages.diagnostics), {**self._files, function.file: function.text})
        return stages

    def _compile(self, files: Mapping[str, str]) -> Stages:
        stages = self._project.update(files)
        if stages.unit is None:
            raise CompileError(stages.diagnostics, files)
        return stages


class TypedInput:
    """An input that arrives line by line; what is closed is not read again."""

    def __init__(self) -> None:
        self.text = ""
        self._place = 0
        self._waiting: list[str] = []

    def add(self, lines: str) -> bool:
        """Add whole lines; return whether the input continues on the next one: a bracket, a string or a comment is not
        closed."""
        self.text += lines
        text, waiting = self.text, self._waiting
        while self._place < len(text):
            found = _SIGN.match(text, self._place)
            if found is None:
                return True  # a string or comment that does not end
            sign = found.group()
            self._place = found.end()
            if sign in _CLOSERS:
                waiting.append(_CLOSERS[sign])
            elif waiting and sign == waiting[-1]:
                waiting.pop()
        return bool(waiting)


_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_SIGN: Final = re.compile(
    r"""//[^\n]*|/\*.*?\*/|(?P<hashes>\#+)".*?"(?P=hashes)|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|(?!/\*|\#+"|["`]).""",
    re.DOTALL,
)


def _key(declaration: syntax.Declaration) -> tuple[str, str]:
    """Return the key of the item that a declaration replaces: tests and generators have namespaces of their own."""
    apart = isinstance(declaration, syntax.Test | syntax.Generator)
    return type(declaration).__name__ if apart else "", declaration.name


def _only(stages: Stages, name: str) -> Stages:
    """Return the stages of one item."""
    files = [
        msgspec.structs.replace(file, items=tuple(item for item in file.items if item.declaration.name == name))
        for file in stages.files
    ]
    unit = stages.unit
    if unit is not None:
        unit = msgspec.structs.replace(unit, functions={k: v for k, v in unit.functions.items() if _part_of(k, name)})
    return Stages(
        files=[file for file in files if file.items],
        hir={key: each for key, each in stages.hir.items() if _part_of(key, name)},
        tir={key: each for key, each in stages.tir.items() if _part_of(key, name)},
        mir={key: each for key, each in stages.mir.items() if _part_of(key, name)},
        unit=unit,
    )


def _part_of(name: str, whole: str) -> bool:
    """Whether a function is an item's: itself, one of its lambdas or one of its methods."""
    return name == whole or name.startswith((whole + "$", whole + "."))


def _rendered(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str]) -> str:
    found = tuple(diagnostics)
    return render_diagnostics(found, sources) if found else ""
