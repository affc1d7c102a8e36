"""A new project that runs at once, without a key: a program with a test, and the files around it.

Files that exist are never changed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from bamlvm.sysops.replacing import folders_made, replace_files

_MAIN: Final = """\
/// Sorts messages to a support desk.  Without a key:  bamlvm run --mock

client<llm> Fast {
  provider openai
  options {
    model "gpt-4o-mini"
    api_key env.OPENAI_API_KEY
  }
}

enum Topic {
  Billing
  Bug
  Question @description("about how something works")
}

class Ticket {
  topic Topic
  summary string @description("one sentence")
  urgency int
    @description("from 1 (whenever) to 5 (now)")
    @assert(range, {{ 1 <= this and this <= 5 }})
}

function Triage(message: string) -> Ticket {
  client Fast
  prompt #"
    {{ _.role("system") }}
    Sort the message of a customer.

    {{ ctx.output_format }}

    {{ _.role("user") }}
    {{ message }}
  "#
}

function main(message: string = "The invoice of May was charged twice!") -> string {
  let ticket = Triage(message);
  let topic = match (ticket.topic) {
    Topic.Billing => "billing",
    Topic.Bug => "a bug",
    Topic.Question => "a question",
  };
  `${topic}, urgency ${ticket.urgency}: ${ticket.summary}`
}

test ChargedTwice {
  functions [Triage]
  args { message "The invoice of May was charged twice!" }
  @@assert(summary, {{ this.summary|length > 0 }})
  @@check(billing, {{ this.topic == Topic.Billing }})
}
"""

_ENV_EXAMPLE: Final = """\
# Copy this file to .env, which `bamlvm run` and `bamlvm test` read.
OPENAI_API_KEY=
"""

_WORKFLOW: Final = """\
name: baml
on: [push, pull_request]
permissions:
  contents: read
jobs:
  baml:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.12"
      - run: pip install bamlvm
      - run: bamlvm check --format github
      - run: bamlvm fmt --check
      - run: bamlvm test --mock
"""

_EDITOR_CONFIG: Final = """\
[*.baml]
charset = utf-8
end_of_line = lf
indent_style = space
indent_size = 2
insert_final_newline = true
"""

_VS_CODE: Final = """\
{
  "files.associations": { "*.baml": "baml" },
  "[baml]": { "editor.tabSize": 2, "editor.insertSpaces": true }
}
"""

_GIT_IGNORE: Final = """\
.env
"""

FILES: Final = {
    "baml_src/main.baml": _MAIN,
    ".env.example": _ENV_EXAMPLE,
    ".github/workflows/baml.yml": _WORKFLOW,
    ".editorconfig": _EDITOR_CONFIG,
    ".vscode/settings.json": _VS_CODE,
    ".gitignore": _GIT_IGNORE,
}
"""The files of a project, by path."""


def create_project(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write the files of a project; return those written, and those that were there and are unchanged.

    An existing ``baml_src`` gets no program.  Raises :class:`OSError`; nothing is then written.
    """
    has_program = os.path.lexists(folder / "baml_src")
    written: dict[Path, str] = {}
    kept = []
    for name, text in FILES.items():
        path = folder / name
        if os.path.lexists(path) or (has_program and name.startswith("baml_src/")):
            kept.append(path)
        else:
            written[path] = text
    with folders_made(str(path.parent) for path in written):
        replace_files({str(path): text for path, text in written.items()})
    return list(written), kept
