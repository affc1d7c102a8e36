"""Rendering: a prompt's template, its arguments and its context in, chat messages out.

One :class:`Engine` serves a runtime: it holds the Jinja environment, the program's enums and template strings as names
that every template sees, and each template compiled once.  Nothing in it belongs to one call, and it is safe to share
between threads: at worst two of them compile one template.

Every failure is ``baml.errors.RenderPrompt`` with the template's line and, where one is known, a hint.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import CodeType, MappingProxyType
from typing import Any, Final

import jinja2
import msgspec
from jinja2.runtime import Context

from bamlvm.sysops.prompts.environment import Environment, UndefinedName, concatenated, renamed
from bamlvm.sysops.prompts.limits import Turns
from bamlvm.sysops.prompts.messages import Marks, Message
from bamlvm.sysops.prompts.output_format import OutputFormat
from bamlvm.sysops.prompts.serialise import plain
from bamlvm.sysops.prompts.views import EnumNamespace, EnumView, Tags, Viewer
from bamlvm.vm.program.declarations import ClassInfo, EnumInfo
from bamlvm.vm.program.llm import TemplateInfo
from bamlvm.vm.program.prompt_names import ROLE_FUNCTIONS
from bamlvm.vm.program.reach import Declarations
from bamlvm.vm.program.spelling import did_you_mean, suggestion
from bamlvm.vm.program.types import Type
from bamlvm.vm.values import Thrown
from bamlvm.vm.work import LONGEST, Work, finish

_LIMIT: Final = 1024


class PromptContext(msgspec.Struct, frozen=True):
    """What a template sees as ``ctx``, and the role of text before the first ``_.role``.

    ``shows_format`` is False where the schema of ``return_type`` goes with the request: ``ctx.output_format`` is empty.
    """

    client: str
    provider: str
    default_role: str
    return_type: Type
    tags: Mapping[str, str]
    shows_format: bool = True


class Engine:
    """Renders the prompts of one program, or of one with the types that a call adds.

    With a ``base`` the environment and the code of templates, which is what takes long to make, are shared with it.
    """

    def __init__(
        self,
        enums: Mapping[str, EnumInfo],
        templates: Mapping[str, TemplateInfo],
        classes: Mapping[str, ClassInfo] = MappingProxyType({}),
        aliases: Mapping[str, Type] = MappingProxyType({}),
        base: Engine | None = None,
    ) -> None:
        self._declared = Declarations(enums, classes, aliases)
        self._enums = {name: EnumNamespace(info) for name, info in enums.items()}
        self._environment: Environment = Environment() if base is None else base._environment
        self._code: dict[tuple[str, str], CodeType] = {} if base is None else base._code
        self._compiled: dict[tuple[str, str], jinja2.Template] = {}
        names: dict[str, Any] = {name: enum for name, enum in self._enums.items() if "." not in name}
        names |= {name: self._template_function(info) for name, info in templates.items()}
        self._names = tuple(names)
        self._globals = {**self._environment.globals, **names}

    def render(self, name: str, template: str, arguments: Mapping[str, Any], context: PromptContext) -> list[Message]:
        """Render the messages of a prompt; ``name`` is the function's, for errors.

        Raises :class:`Thrown` (``baml.errors.RenderPrompt``).
        """
        return finish(self.rendering(name, template, arguments, context))

    def rendering(
        self,
        name: str,
        template: str,
        arguments: Mapping[str, Any],
        context: PromptContext,
        check: Callable[[], None] | None = None,
        movable: bool = False,
    ) -> Work[list[Message]]:
        """Return the same, in pieces.  ``check`` raises what interrupts the call; that comes out as it is.

        Raises :class:`~bamlvm.sysops.prompts.limits.Stuck` if it is ``movable`` and should go on in a thread.
        """
        turns = Turns(check, movable)
        marks = Marks()
        viewer = Viewer(self._enums.get, marks.media, turns.view)
        variables: dict[str, Any] = {}
        try:
            variables = {key: viewer.view(value) for key, value in arguments.items()}
            variables["_"] = {name: _role_function(marks) for name in ROLE_FUNCTIONS}
            variables["ctx"] = {
                "client": {"name": context.client, "provider": context.provider},
                "output_format": OutputFormat(context.return_type, self._declared, context.shows_format),
                "tags": Tags(context.tags),
            }
            self._environment.begin(turns)
            parts: list[str] = []
            size = 0
            for part in self._compile(name, template).generate(renamed(variables)):
                if part:
                    parts.append(part)
                    size += len(part)
                    if size > LONGEST:
                        break  # joining them says so
                else:
                    yield parts
                    self._environment.begin(turns)  # another rendering may have run in this thread
            text = concatenated(parts)
        except Exception as error:  # whatever a template does wrong is the template's error
            if getattr(error, "ends_call", False):
                raise
            raise render_error(error, name, (*variables, *self._names), self._environment) from None
        return marks.split(text, context.default_role)

    def _compile(self, name: str, template: str) -> jinja2.Template:
        compiled = self._compiled.get((name, template))
        if compiled is None:
            if len(self._compiled) >= _LIMIT:  # templates made at run time
                self._compiled.clear()
            code = self._code.get((name, template))
            if code is None:
                if len(self._code) >= _LIMIT:
                    self._code.clear()
                code = self._environment.compile(template, name, _file_name(name))
                self._code[name, template] = code
            compiled = jinja2.Template.from_code(self._environment, code, self._globals)
            self._compiled[name, template] = compiled
        return compiled

    def _template_function(self, info: TemplateInfo) -> Callable[..., str]:
        @jinja2.pass_context
        def call(context: Context, *arguments: Any, **keywords: Any) -> str:
            bound = bind(info, arguments, keywords)
            shared = {key: value for key in ("_", "ctx") if (value := context.parent.get(key)) is not None}
            return self._compile(info.name, info.template).render(renamed({**shared, **bound}))

        return call


def bind(info: TemplateInfo, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template string's arguments by parameter.  Raise :class:`TypeError` if they do not fit."""
    face = f"{info.name}({', '.join(info.parameters)})"
    if len(arguments) > len(info.parameters):
        raise TypeError(f"{face} takes {len(info.parameters)} arguments, not {len(arguments)}")
    bound = dict(zip(info.parameters, arguments, strict=False))
    for key, value in keywords.items():
        if key not in info.parameters:
            raise TypeError(f"{face} has no parameter {key!r}")
        if key in bound:
            raise TypeError(f"{face} got {key!r} twice")
        bound[key] = value
    absent = [name for name in info.parameters if name not in bound]
    if absent:
        raise TypeError(f"{face} lacks {', '.join(map(repr, absent))}")
    return bound


def _role_function(marks: Marks) -> Callable[..., str]:
    def role(*names: Any, **metadata: Any) -> str:
        if not names and "role" in metadata:
            names = (metadata.pop("role"),)
        name = str(names[0]) if len(names) == 1 and isinstance(names[0], (str, EnumView)) else ""
        if not name:
            raise TypeError("_.role() takes a role's name: _.role('user') or _.role(role='user')")
        return marks.role(name, {key: plain(value) for key, value in metadata.items()})

    return role


# --- errors -----------------------------------------------------------------------------------------------------------


def render_error(error: Exception, name: str, known: Iterable[str], environment: Environment) -> Thrown:
    """Return a template's failure as ``RenderPrompt``.  ``known`` are the names that the template could have used."""
    line, template = _place(error, name)
    where = f"the prompt of {name}" if template == name else f"the template string {template}"
    text, hint = _explain(error, known, environment)
    message = f"cannot render {where}{f', line {line}' if line else ''}: {text}"
    return Thrown("baml.errors.RenderPrompt", {"message": f"{message} ({hint})" if hint else message})


def _explain(error: Exception, known: Iterable[str], environment: Environment) -> tuple[str, str | None]:
    if isinstance(error, UndefinedName):
        return str(error).rstrip("."), suggestion(error.name, sorted(known if error.known is None else error.known))
    if isinstance(error, jinja2.TemplateSyntaxError):
        text = (error.message or "syntax error").rstrip(".")
        for what, names in (("filter", environment.filters), ("test", environment.tests)):
            unknown = re.fullmatch(rf"No {what} named '(.*)'", text)
            if unknown:
                return f"no {what} {unknown[1]!r}", did_you_mean(unknown[1], names)
        return text, None
    if isinstance(error, RecursionError):
        return "macros or template strings call one another without end, or a value is nested too deeply", None
    return str(error).rstrip(".") or type(error).__name__, None


def _place(error: Exception, name: str) -> tuple[int | None, str]:
    """Return the line and the template it is in: the innermost frame that runs a template."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno, error.name or name
    line, template = None, name
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith("<prompt "):
            line, template = trace.tb_lineno, file.removeprefix("<prompt ").removesuffix(">")
        trace = trace.tb_next
    return line, template


def _file_name(name: str) -> str:
    return f"<prompt {name}>"
