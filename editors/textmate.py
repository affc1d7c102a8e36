"""TextMate's grammars of BAML and of the Jinja in its prompts: for VS Code, GitHub, JetBrains and Sublime.

Scopes are those of TextMate's manual ("Naming Conventions").
"""

from __future__ import annotations

import json
from typing import Any, Final

from bamlvm.grammar.tokens import ITEM_KEYWORDS, LITERAL_WORDS
from editors.words import FLOW, JINJA_FLOW, JINJA_OPERATORS, OPERATORS, STORAGE, TYPES, any_of, whole_words

_ASSIGN: Final = "keyword.operator.assignment.baml"
_ACCESSOR: Final = "punctuation.accessor.baml"
_PARENTHESIS: Final = "punctuation.section.parens.baml"
_QUOTED: Final = "punctuation.definition.string.begin.baml"
_PROMPT: Final = "string.quoted.other.prompt.baml meta.embedded.jinja.baml"


def textmate() -> str:
    """Return the TextMate grammar of BAML, as JSON."""
    name = r"[A-Za-z_][A-Za-z0-9_]*"
    grammar = {
        "scopeName": "source.baml",
        "name": "BAML",
        "fileTypes": ["baml"],
        "patterns": [_include("item"), _include("code")],
        "repository": {
            "item": {"patterns": [_include("comment"), *map(_include, ("alias", "fields", "variants", "config"))]},
            "comment": {
                "patterns": [
                    _match("comment.line.documentation.baml", r"///.*$"),
                    _match("comment.line.double-slash.baml markup.heading.baml", r"//#.*$"),
                    _match("comment.line.double-slash.baml", r"//.*$"),
                    _span("comment.block.baml", r"/\*", r"\*/"),
                ]
            },
            "alias": {
                "begin": rf"^\s*(type)\s+({name})\s*(=)",
                "beginCaptures": _captures("keyword.declaration.type.baml", "entity.name.type.baml", _ASSIGN),
                "end": r"$(?!\n\s*\|)|(?=^\s*(?:" + any_of(ITEM_KEYWORDS) + r")\b)",
                "patterns": [_include("comment"), _include("type")],
            },
            "fields": {
                "begin": rf"\b(class|dynamic\s+class|dynamic)\s+({name})",
                "beginCaptures": _captures("keyword.declaration.class.baml", "entity.name.type.class.baml"),
                "end": r"\}",
                "endCaptures": _captures(whole="punctuation.section.block.end.baml"),
                "patterns": [
                    _include("comment"),
                    _include("attribute"),
                    _include("function"),
                    _match("punctuation.section.block.begin.baml", r"\{"),
                    {
                        "begin": rf"^\s*(?!function\b)({name})\s*:?(?=\s)",
                        "beginCaptures": _captures("variable.other.member.baml"),
                        "end": r"(?=@|//|\}|,)|$",
                        "patterns": [_include("type")],
                    },
                    {
                        "begin": rf"(?<=[{{,])\s*(?!function\b)({name})\s*:?(?=\s)",
                        "beginCaptures": _captures("variable.other.member.baml"),
                        "end": r"(?=@|//|\}|,)|$",
                        "patterns": [_include("type")],
                    },
                ],
            },
            "variants": {
                "begin": rf"\b(enum|dynamic\s+enum)\s+({name})",
                "beginCaptures": _captures("keyword.declaration.enum.baml", "entity.name.type.enum.baml"),
                "end": r"\}",
                "endCaptures": _captures(whole="punctuation.section.block.end.baml"),
                "patterns": [
                    _include("comment"),
                    _include("attribute"),
                    _match("punctuation.section.block.begin.baml", r"\{"),
                    _match("variable.other.enummember.baml", name),
                ],
            },
            "config": {
                "begin": rf"^\s*(client|generator|retry_policy|test)(<)?(llm)?(>)?\s+({name})\s*(\{{)",
                "beginCaptures": _captures(
                    "keyword.declaration.baml",
                    "punctuation.definition.baml",
                    "support.type.baml",
                    "punctuation.definition.baml",
                    "entity.name.type.baml",
                    "punctuation.section.block.begin.baml",
                ),
                "end": r"\}",
                "endCaptures": _captures(whole="punctuation.section.block.end.baml"),
                "patterns": [_include("settings")],
            },
            "settings": {
                "patterns": [
                    _include("comment"),
                    _include("attribute"),
                    _include("environment"),
                    _include("item-in-test"),
                    {
                        "begin": r"\{",
                        "beginCaptures": _captures(whole="punctuation.section.block.begin.baml"),
                        "end": r"\}",
                        "endCaptures": _captures(whole="punctuation.section.block.end.baml"),
                        "patterns": [_include("settings")],
                    },
                    {
                        "begin": r"\[",
                        "beginCaptures": _captures(whole="punctuation.section.brackets.begin.baml"),
                        "end": r"\]",
                        "endCaptures": _captures(whole="punctuation.section.brackets.end.baml"),
                        "patterns": [
                            _include("comment"),
                            _include("value"),
                            _include("settings"),
                            _match("string.unquoted.baml", r"[^\s\[\]{},\"#@]+"),
                        ],
                    },
                    {
                        "match": rf"(?:^|(?<=[{{,]))\s*({name}|\"[^\"\n]*\")(?=[ \t]*[\[{{#\"]|[ \t]+\S|\s*:)",
                        "captures": _captures("variable.other.property.baml"),
                    },
                    _include("value"),
                    _match("string.unquoted.baml", r"[^\s\[\]{},\"#@]+"),
                ]
            },
            "item-in-test": {
                "begin": r"\b(type_builder)\s*(\{)",
                "beginCaptures": _captures("keyword.declaration.baml", "punctuation.section.block.begin.baml"),
                "end": r"\}",
                "endCaptures": _captures(whole="punctuation.section.block.end.baml"),
                "patterns": [_include("item")],
            },
            "value": {
                "patterns": [
                    *map(_include, ("environment", "raw-string", "string", "number", "constant")),
                ]
            },
            "environment": {
                "match": rf"\b(env)(\.)({name})",
                "captures": _captures(
                    "support.variable.baml", "punctuation.accessor.baml", "variable.other.constant.baml"
                ),
            },
            "attribute": {
                "patterns": [
                    {
                        "begin": r"(@@?[A-Za-z_][A-Za-z0-9_.]*)(\()",
                        "beginCaptures": _captures("storage.modifier.attribute.baml", _PARENTHESIS),
                        "end": r"\)",
                        "endCaptures": _captures(whole="punctuation.section.parens.baml"),
                        "patterns": [
                            _include("jinja"),
                            _include("value"),
                            _match("string.unquoted.baml", r"[^\s(),]+"),
                        ],
                    },
                    _match("storage.modifier.attribute.baml", r"@@?[A-Za-z_][A-Za-z0-9_.]*"),
                ]
            },
            "jinja": {"patterns": [{"include": "source.baml.jinja"}]},
            "prompt": {
                "begin": r"\b(prompt)\s*(#*)\"",
                "beginCaptures": _captures("keyword.other.baml", _QUOTED),
                "end": r'"\2',
                "endCaptures": _captures(whole="punctuation.definition.string.end.baml"),
                "contentName": _PROMPT,
                "patterns": [_include("jinja")],
            },
            "template": {
                "begin": rf"\b(template_string)\s+({name})",
                "beginCaptures": _captures("keyword.declaration.baml", "entity.name.function.baml"),
                "end": r'(?<=")(?=#*\s*$)|(?<="#)(?=\s*$)|(?<="##)(?=\s*$)',
                "patterns": [
                    _include("comment"),
                    _include("parameters"),
                    {
                        "begin": r'(#*)"',
                        "beginCaptures": _captures(whole=_QUOTED),
                        "end": r'"\1',
                        "endCaptures": _captures(whole="punctuation.definition.string.end.baml"),
                        "contentName": _PROMPT,
                        "patterns": [_include("jinja")],
                    },
                ],
            },
            "raw-string": {
                "name": "string.quoted.other.raw.baml",
                "begin": r'(#+)"',
                "beginCaptures": _captures(whole="punctuation.definition.string.begin.baml"),
                "end": r'"\1',
                "endCaptures": _captures(whole="punctuation.definition.string.end.baml"),
            },
            "string": {
                "name": "string.quoted.double.baml",
                "begin": '"',
                "beginCaptures": _captures(whole="punctuation.definition.string.begin.baml"),
                "end": '"',
                "endCaptures": _captures(whole="punctuation.definition.string.end.baml"),
                "patterns": [
                    _match(
                        "constant.character.escape.baml",
                        r'\\(?:[nrtbf0\\"`$\'/]|x[0-7][0-9A-Fa-f]|u(?:[0-9A-Fa-f]{4}|\{[0-9A-Fa-f]{1,6}\}))',
                    )
                ],
            },
            "template-literal": {
                "name": "string.template.baml",
                "begin": "`",
                "beginCaptures": _captures(whole="punctuation.definition.string.begin.baml"),
                "end": "`",
                "endCaptures": _captures(whole="punctuation.definition.string.end.baml"),
                "patterns": [
                    _match("constant.character.escape.baml", r"\\."),
                    {
                        "name": "meta.interpolation.baml",
                        "begin": r"\$\{",
                        "beginCaptures": _captures(whole="punctuation.section.interpolation.begin.baml"),
                        "end": r"\}",
                        "endCaptures": _captures(whole="punctuation.section.interpolation.end.baml"),
                        "patterns": [_include("braces"), _include("code")],
                    },
                ],
            },
            "braces": {"begin": r"\{", "end": r"\}", "patterns": [_include("braces"), _include("code")]},
            "number": {
                "patterns": [
                    _match(
                        "constant.numeric.float.baml",
                        r"\b[0-9][0-9_]*(?:\.[0-9][0-9_]*(?:[eE][+-]?[0-9][0-9_]*)?|[eE][+-]?[0-9][0-9_]*)\b",
                    ),
                    _match("constant.numeric.integer.baml", r"\b(?:0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+|[0-9][0-9_]*)\b"),
                ]
            },
            "constant": {"match": whole_words(LITERAL_WORDS), "name": "constant.language.baml"},
            "type": {
                "patterns": [
                    _match("support.type.primitive.baml", whole_words(TYPES)),
                    _match("constant.language.baml", whole_words(LITERAL_WORDS)),
                    _include("string"),
                    _include("number"),
                    _match("entity.name.type.baml", name),
                    _match("keyword.operator.type.baml", r"\?|\||\[\]|->"),
                ]
            },
            "parameters": {
                "begin": r"\(",
                "beginCaptures": _captures(whole="punctuation.section.parens.baml"),
                "end": r"\)",
                "endCaptures": _captures(whole="punctuation.section.parens.baml"),
                "patterns": [
                    _include("comment"),
                    {
                        "match": rf"({name})\s*(:)",
                        "captures": _captures("variable.parameter.baml", "punctuation.separator.baml"),
                    },
                    _match("variable.language.self.baml", r"\bself\b"),
                    {
                        "begin": "=",
                        "beginCaptures": _captures(whole=_ASSIGN),
                        "end": r"(?=[,)])",
                        "patterns": [_include("code")],
                    },
                    _include("attribute"),
                    _include("type"),
                    _include("parameters"),
                ],
            },
            "function": {
                "begin": rf"\b(function)\s+({name})",
                "beginCaptures": _captures("keyword.declaration.function.baml", "entity.name.function.baml"),
                "end": r"(?<=\})|(?=^\s*(?:" + any_of(ITEM_KEYWORDS) + r")\b)",
                "patterns": [
                    _include("comment"),
                    _include("parameters"),
                    {
                        "begin": r"->",
                        "beginCaptures": _captures(whole="keyword.operator.arrow.baml"),
                        "end": r"(?=\{)",
                        "patterns": [
                            _include("comment"),
                            _match("keyword.other.throws.baml", r"\bthrows\b"),
                            _include("attribute"),
                            _include("type"),
                        ],
                    },
                    {
                        "begin": r"\{",
                        "beginCaptures": _captures(whole="punctuation.section.block.begin.baml"),
                        "end": r"\}",
                        "endCaptures": _captures(whole="punctuation.section.block.end.baml"),
                        "patterns": [
                            {
                                "match": rf"^\s*(client)\s+({name}(?:/[^\s]*)?)?",
                                "captures": _captures("keyword.other.baml", "entity.name.type.baml"),
                            },
                            _include("prompt"),
                            _include("braces"),
                            _include("code"),
                        ],
                    },
                ],
            },
            "code": {
                "patterns": [
                    *map(_include, ("comment", "attribute", "prompt", "template", "function", "environment")),
                    *map(_include, ("raw-string", "string", "template-literal", "number", "constant")),
                    {
                        "match": rf"\b(let|const|watch)\s+({name})",
                        "captures": _captures("storage.type.baml", "variable.other.baml"),
                    },
                    _match("keyword.control.baml", whole_words(FLOW)),
                    _match("keyword.operator.word.baml", whole_words(OPERATORS)),
                    _match("storage.modifier.baml", whole_words(STORAGE)),
                    _match("variable.language.self.baml", r"\bself\b"),
                    _match("support.type.primitive.baml", rf"(?<!\.){whole_words(TYPES)}(?!\s*[(:])"),
                    {
                        "match": rf"\b({name})(?=\s*\{{\s*(?:{name}\s*:|\.\.\.|\}}))",
                        "captures": _captures("entity.name.type.baml"),
                    },
                    {
                        "match": rf"(\.)({name})(?=\s*\()",
                        "captures": _captures(_ACCESSOR, "entity.name.function.member.baml"),
                    },
                    {"match": rf"(\.)({name})", "captures": _captures(_ACCESSOR, "variable.other.member.baml")},
                    _match("entity.name.function.call.baml", rf"\b{name}(?=\s*\()"),
                    _match("entity.name.type.baml", r"\b[A-Z][A-Za-z0-9_]*\b"),
                    _match("keyword.operator.arrow.baml", r"->|=>"),
                    _match("keyword.operator.assignment.baml", r"(?:<<|>>|[-+*/%&|^])=|=(?!=)"),
                    _match("keyword.operator.baml", r"\.\.\.|==|!=|<=|>=|\|\||&&|\?\?|<<|>>|[-+*/%!~<>&|^?]"),
                ]
            },
        },
    }
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


def jinja() -> str:
    """Return the TextMate grammar of the Jinja in prompts, as JSON."""
    expression = [
        _match("string.quoted.double.jinja.baml", r'"(?:[^"\\]|\\.)*"'),
        _match("string.quoted.single.jinja.baml", r"'(?:[^'\\]|\\.)*'"),
        _match("constant.numeric.jinja.baml", r"\b[0-9]+(?:\.[0-9]+)?\b"),
        _match("constant.language.jinja.baml", r"\b(?:true|false|none|True|False|None)\b"),
        _match("keyword.operator.word.jinja.baml", whole_words(JINJA_OPERATORS)),
        {
            "match": r"(\|)\s*([A-Za-z_][A-Za-z0-9_]*)",
            "captures": _captures("keyword.operator.jinja.baml", "support.function.filter.jinja.baml"),
        },
        _match("variable.language.jinja.baml", r"(?<![\w.])(?:ctx|_|loop|this)\b"),
        {
            "match": r"(\.)([A-Za-z_][A-Za-z0-9_]*)",
            "captures": _captures("punctuation.accessor.jinja.baml", "variable.other.member.jinja.baml"),
        },
        _match("entity.name.function.jinja.baml", r"\b[A-Za-z_][A-Za-z0-9_]*(?=\s*\()"),
        _match("variable.other.jinja.baml", r"\b[A-Za-z_][A-Za-z0-9_]*\b"),
        _match("keyword.operator.jinja.baml", r"==|!=|<=|>=|//|\*\*|[-+*/%~<>=|]"),
    ]
    grammar = {
        "scopeName": "source.baml.jinja",
        "name": "BAML prompts (Jinja)",
        "patterns": [
            _span("comment.block.jinja.baml", r"\{#-?", r"-?#\}"),
            {
                "name": "meta.expression.jinja.baml",
                "begin": r"\{\{-?",
                "beginCaptures": _captures(whole="punctuation.section.embedded.begin.jinja.baml"),
                "end": r"-?\}\}",
                "endCaptures": _captures(whole="punctuation.section.embedded.end.jinja.baml"),
                "patterns": expression,
            },
            {
                "name": "meta.statement.jinja.baml",
                "begin": r"\{%-?",
                "beginCaptures": _captures(whole="punctuation.section.embedded.begin.jinja.baml"),
                "end": r"-?%\}",
                "endCaptures": _captures(whole="punctuation.section.embedded.end.jinja.baml"),
                "patterns": [_match("keyword.control.jinja.baml", whole_words(JINJA_FLOW)), *expression],
            },
        ],
    }
    return json.dumps(grammar, indent=2, ensure_ascii=False) + "\n"


def _include(name: str) -> dict[str, str]:
    return {"include": f"#{name}"}


def _match(name: str, pattern: str) -> dict[str, str]:
    return {"name": name, "match": pattern}


def _span(name: str, begin: str, end: str) -> dict[str, str]:
    return {"name": name, "begin": begin, "end": end}


def _captures(*names: str, whole: str = "") -> dict[str, Any]:
    found = {str(number): {"name": name} for number, name in enumerate(names, 1) if name}
    return {"0": {"name": whole}} if whole else found
