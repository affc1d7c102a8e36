"""Dotted names: the longest prefix that names a local or an item, then members of it."""

from __future__ import annotations

from bamlvm.compiler import hir
from bamlvm.compiler.resolve.context import Resolving
from bamlvm.compiler.symbols import BUILT_IN_CLASSES
from bamlvm.compiler.uses import Symbol
from bamlvm.grammar import syntax
from bamlvm.vm.program.spelling import Suggestion, did_you_mean, listed, write_instead
from bamlvm.vm.program.types import MEDIA, PRIMITIVES, EnumType

PRELUDE = {
    "print": "baml.print",
    "baml.env.get": "env.get",
    "baml.env.get_or_panic": "env.get_or_panic",
    **{f"log.{level}": f"baml.log.{level}" for level in ("debug", "info", "warn", "error")},
}
"""Functions of the standard library that have another name too, unless the project declares that."""

_SUGGESTED = 100

FOREIGN_NAMES = {
    "len": "write `x.length()`",
    "str": "write `x.to_string()` or a template string `` `${x}` ``",
    **{name: write_instead(name, "null") for name in ("None", "nil", "undefined", "Null", "NULL")},
    "True": write_instead("True", "true"),
    "False": write_instead("False", "false"),
    **dict.fromkeys(("string", "String"), "write `x.to_string()` or a template string `` `${x}` ``"),
    **dict.fromkeys(
        ("parseInt", "Number"), "write `text.parse_int()` or `text.parse_float()`, which are null if it is none"
    ),
    **dict.fromkeys(("isinstance", "typeof", "type"), "write `x is T`"),
    **dict.fromkeys(("println", "printf", "puts", "echo", "fmt", "System"), "write `print(x)`"),
    "math": write_instead("math", "baml.math"),
    "random": "write `baml.random.int(a, b)` or `baml.random.float()`",
    "time": "write `baml.time.now_iso()`, or `baml.sys.sleep(milliseconds)`",
    "sorted": "write `xs.sort()`, or `xs.sort_by(f)`",
    "sum": "write `xs.sum()`",
    "enumerate": "write `for (let i = 0; i < xs.length(); i += 1) { … }`",
    **{name: f"write `xs.{name}(…)`" for name in ("map", "filter", "zip", "any", "all")},
    "reversed": "write `xs.reverse()`",
    "abs": "write `x.abs()`",
    "open": "write `baml.fs.read(path)` or `baml.fs.write(path, text)`",
    **dict.fromkeys(("list", "dict", "set", "tuple", "Array", "Map"), 'a list is written `[1, 2]`, a map `{ "a": 1 }`'),
    "pass": "a block may be empty: leave it out",
    "self": "a method has it as its first parameter: `function name(self) -> T { … }`",
    "max": write_instead("max", "baml.math.max"),
    "min": write_instead("min", "baml.math.min"),
    "round": write_instead("round", "baml.math.round"),
    "json": "write `baml.json.parse(text)` or `baml.json.stringify(value)`",
    "this": Suggestion("in a method write `self`", "this", "self"),
    "console": "write `print(x)`, or `baml.log.info(message)` for the log",
    **dict.fromkeys(("log", "logger", "logging"), "write `baml.log.info(message)`"),
    "range": "write `baml.range(a, b)`",
    "Math": write_instead("Math", "baml.math"),
    "JSON": "write `baml.json.parse(text)` or `baml.json.stringify(value)`",
    **dict.fromkeys(("sleep", "setTimeout"), "write `baml.sys.sleep(milliseconds)`"),
    "fetch": "write `baml.http.fetch(url)`",
    **dict.fromkeys(("Error", "Exception", "panic"), "throw any value, such as an instance of a class of your own"),
    **dict.fromkeys(
        ("channel", "Channel"), "channels are not part of this dialect: threads share variables and futures"
    ),
    "bigint": "it is not part of this dialect: an `int` has 64 bits, and what does not fit is an error",
    "process": "write `env.NAME` for a variable of the environment",
    "os": "write `env.NAME` for a variable of the environment",
}
"""Hints for names of other languages."""

MADE_BY = {
    "int": "a number is read from a text by `int.parse(text)`, and made of a float by `baml.math.trunc(x)`",
    "float": "a number is read from a text by `float.parse(text)`, and made of an int by `x + 0.0`",
    "bool": "a bool is the result of a comparison, such as `x != 0`",
    "string": "a text is made of a value by `string.from(x)` or `x.to_string()`",
    **{
        name: f"it is made by `{name}.from_url(url, mime)` or `{name}.from_base64(text, mime)`"
        for name in sorted(MEDIA)
    },
}
"""How a value of a type is made that is called as if it were a function."""

ENVIRONMENT_LOOKUP = "env.get_or_panic"


def path(r: Resolving, node: syntax.Name | syntax.Member) -> hir.Expr:
    """Resolve a name or a chain of members; report what it fails to name."""
    found = _try_path(r, node)
    if found is not None:
        return found
    _report_unknown(r, node, path_to_item(r, node) or "")
    return hir.Invalid(node.start, node.end)


def path_to_item(r: Resolving, node: syntax.Expr) -> str | None:
    """Return the dotted path of a chain of names that does not begin at a local, or None."""
    names = []
    while isinstance(node, syntax.Member):
        names.append(node.name)
        node = node.object
    if not isinstance(node, syntax.Name) or r.is_local(node.name):
        return None
    return ".".join([node.name, *reversed(names)])


def is_global(r: Resolving, name: str) -> bool:
    """Whether a qualified name is a constant's."""
    entry = r.scope.entry(name)
    return entry is not None and isinstance(entry.declaration, syntax.Constant)


def root_global(r: Resolving, node: syntax.Expr) -> str | None:
    """Return the name of the constant at the root of a chain of members, or None."""
    path = path_to_item(r, node)
    name = r.scope.qualify(path.partition(".")[0], r.entry.namespace) if path is not None else None
    return name if name is not None and is_global(r, name) else None


def enum_name(r: Resolving, path: str) -> str | None:
    """Return the qualified name of the enum that a path names, by an alias too, or None."""
    name = r.scope.qualify(path, r.entry.namespace) if path else None
    if name is None:
        return None
    entry = r.scope.entry(name)
    if entry is not None and isinstance(entry.declaration, syntax.Alias):
        alias = r.scope.reads.note("alias", (name,), r.types.alias(entry))
        return alias.name if isinstance(alias, EnumType) else None
    return name if r.symbols.enum(name) is not None else None


def has_variant(r: Resolving, at: tuple[int, int], enum: str, variant: str) -> bool:
    """Whether the enum has the variant; report E0064 if not."""
    info = r.symbols.enum(enum)
    assert info is not None
    names = r.symbols.places(info)
    if variant in names:
        return True
    hint = did_you_mean(variant, names) or f"it has {listed(names)}"
    r.report.error("E0064", at, f"`{enum}` has no variant `{variant}`", hint=hint)
    return False


def is_known(r: Resolving, name: str) -> bool:
    """Whether a bare name means anything here."""
    return r.is_local(name) or name in PRELUDE or r.scope.qualify(name, r.entry.namespace) is not None


def suggest(r: Resolving, name: str) -> str | None:
    """Return a hint that names the nearest name visible here, or None; also None after a hundred diagnostics, as all
    names are looked through for each."""
    if r.report.count > _SUGGESTED:
        return None
    enums = r.scope.project.of(syntax.Enum)
    owners = [e for e in enums if isinstance(e.declaration, syntax.Enum) and _has(e.declaration, name)]
    if len(owners) == 1:
        return Suggestion(f"a variant is written `{owners[0].name}.{name}`", name, f"{owners[0].name}.{name}")
    visible = {each for scope in r.blocks for each in scope if not each.startswith("$")}
    return did_you_mean(name, visible | set(r.scope.visible(r.entry.namespace)) | {"baml", "env"})


def _has(enum: syntax.Enum, variant: str) -> bool:
    return any(each.name == variant for each in enum.variants)


def _try_path(r: Resolving, node: syntax.Name | syntax.Member) -> hir.Expr | None:
    # The whole chain may be an item (`Color.Red`, `baml.http.get`); if not, the last name is a member of what the chain
    # before it means.  A chain that begins at a local is never an item: locals shadow items.
    at = (node.start, node.end)
    if isinstance(node, syntax.Name):
        local = r.find(node.name)
        if local is not None:
            r.refer_local(*at, local)
            return hir.Local(*at, local)
        item = _item(r, at, node.name)
        if item is not None:
            _refer(r, node, item)
        return item
    path = path_to_item(r, node)
    if path is not None and (item := _item(r, at, path)) is not None:
        _refer(r, node, item)
        return item
    inner = node.object
    object_ = _try_path(r, inner) if isinstance(inner, syntax.Name | syntax.Member) else r.expr(r, inner)
    return hir.Member(*at, object_, node.name, node.name_start) if object_ is not None else None


def _refer(r: Resolving, node: syntax.Name | syntax.Member, item: hir.Expr) -> None:
    """Note what a path means, and what the part before its last name does."""
    if r.scope.reads.uses is None:
        return
    start = node.name_start if isinstance(node, syntax.Member) else node.start
    end = start + len(node.name)
    before = node.object if isinstance(node, syntax.Member) else None
    match item:
        case hir.FunctionRef(name=name):
            signature = r.symbols.signature(name)
            assert signature is not None
            owner = name.rpartition(".")[0]
            is_method = owner != "" and r.symbols.class_(owner) is not None
            r.refer(start, end, Symbol("member", owner, node.name) if is_method else Symbol("item", "", name))
            if is_method and isinstance(before, syntax.Name | syntax.Member) and before.name not in PRIMITIVES:
                r.refer(before.end - len(before.name), before.end, Symbol("item", "", owner))
        case hir.GlobalRef(name=name):
            r.refer(start, end, Symbol("item", "", name))
        case hir.Call():
            r.refer(start, end, Symbol("environment", "", node.name))
        case hir.VariantRef() if before is not None:
            owner = path_to_item(r, before) or ""
            refer_variant(r, before.end, start, item.enum, owner, node.name, True)
        case hir.Invalid() if isinstance(before, syntax.Name | syntax.Member):
            owner = path_to_item(r, before) or ""
            enum = enum_name(r, owner)
            if enum is not None:
                refer_variant(r, before.end, start, enum, owner, node.name, False)
        case _:
            pass


def refer_variant(r: Resolving, owner_end: int, start: int, enum: str, owner: str, variant: str, known: bool) -> None:
    """Note ``owner.variant``: the enum, or the alias that names it, and its variant."""
    last = owner.rpartition(".")[2]
    named = r.scope.qualify(owner, r.entry.namespace)
    r.refer(owner_end - len(last), owner_end, Symbol("item", "", named or enum))
    if known:
        r.refer(start, start + len(variant), Symbol("member", enum, variant))
    else:
        r.miss(start, start + len(variant), EnumType(enum))


def _item(r: Resolving, at: tuple[int, int], path: str) -> hir.Expr | None:
    """Return the value that a dotted path names: a function, a method, a variant, an environment variable; or None."""
    name = r.scope.qualify(path, r.entry.namespace) or PRELUDE.get(path, path)
    if r.symbols.signature(name) is not None:
        r.mentions.add(name)
        return hir.FunctionRef(*at, name)
    if is_global(r, name):
        r.mentions.add(name)
        return hir.GlobalRef(*at, name)
    owner, _, last = path.rpartition(".")
    if owner == "env":
        r.mentions.add(ENVIRONMENT_LOOKUP)
        argument = hir.Argument(*at, hir.Constant(*at, last), None)
        return hir.Call(*at, hir.FunctionRef(*at, ENVIRONMENT_LOOKUP), (argument,))
    if (enum := enum_name(r, owner)) is not None:
        return hir.VariantRef(*at, enum, last) if has_variant(r, at, enum, last) else hir.Invalid(*at)
    class_name = r.scope.qualify(owner, r.entry.namespace) if owner else None
    if class_name is None and owner in PRIMITIVES:
        class_name = BUILT_IN_CLASSES.get(PRIMITIVES[owner])
    if class_name is not None and r.symbols.method(class_name, last) is not None:
        r.mentions.add(f"{class_name}.{last}")
        return hir.FunctionRef(*at, f"{class_name}.{last}")
    return None


def _miss(r: Resolving, node: syntax.Name | syntax.Member, path: str) -> None:
    """Note that a path means nothing: its last name, if what is before it means something, else its first."""
    if r.scope.reads.uses is None:
        return
    owner, _, last = path.rpartition(".")
    if isinstance(node, syntax.Member) and (
        r.scope.is_namespace(owner) or owner == "env" or r.scope.qualify(owner, r.entry.namespace)
    ):
        r.miss(node.name_start, node.name_start + len(last), owner)
        return
    first: syntax.Expr = node
    while isinstance(first, syntax.Member):
        first = first.object
    r.miss(first.start, first.end, None)


def _report_unknown(r: Resolving, node: syntax.Name | syntax.Member, path: str) -> None:
    _miss(r, node, path)
    if r.scope.is_unread(path):
        return
    name = r.scope.qualify(path, r.entry.namespace)
    entry = r.scope.entry(name) if name else None
    if entry is not None or (name and (r.symbols.class_(name) or r.symbols.enum(name))):
        kind = type(entry.declaration).__name__.lower() if entry else "type"
        r.report.error("E0003", node, f"`{path}` is a {kind}, not a value", hint=_use_hint(r, kind, path))
        return
    owner, _, last = path.rpartition(".")
    if r.scope.is_namespace(path):
        r.report.error("E0003", node, f"`{path}` is a namespace, not a value")
    elif owner and r.scope.qualify(owner, r.entry.namespace):
        r.report.error(
            "E0007",
            node,
            f"`{owner}` has no method `{last}`",
            hint=did_you_mean(last, r.symbols.methods(owner)),
        )
    elif r.scope.is_namespace(path.split(".")[0]):
        known = path.split(".")[0]
        for name in path.split(".")[1:]:
            if not r.scope.is_namespace(f"{known}.{name}"):
                break
            known = f"{known}.{name}"
        last = path.removeprefix(f"{known}.").split(".")[0]
        hint = did_you_mean(last, r.scope.under(known))
        r.report.error("E0003", node, f"`{known}` has no `{last}`", hint=hint)
    else:
        root = path.split(".")[0]
        first = node
        while isinstance(first, syntax.Member) and isinstance(first.object, syntax.Member | syntax.Name):
            first = first.object
        if (class_name := BUILT_IN_CLASSES.get(PRIMITIVES[root]) if root in PRIMITIVES else None) and "." in path:
            last = path.split(".")[1]
            hint = did_you_mean(last, r.symbols.methods(class_name)) or MADE_BY.get(root)
            r.report.error("E0007", first, f"`{root}` has no method `{last}`", hint=hint)
            return
        if root in PRIMITIVES and root not in FOREIGN_NAMES:
            r.report.error("E0003", first, f"`{root}` is a type, not a value", hint=MADE_BY.get(root))
            return
        r.report.error("E0003", first, f"unknown name `{root}`", hint=FOREIGN_NAMES.get(root) or suggest(r, root))


def _use_hint(r: Resolving, kind: str, path: str) -> str | None:
    if kind == "class":
        return f"make an instance: `{path} {{ … }}`"
    return f"name a variant: `{path}.…`" if kind == "enum" else None
