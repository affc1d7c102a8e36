"""The grammars that colour BAML in editors, made of the language's own words.

    python -m editors.grammars            writes them
    python -m editors.grammars --check    fails if they are not current

A grammar of this kind colours by what stands nearby; the language server's semantic tokens say the rest.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from editors.textmate import jinja, textmate
from editors.vim import vim

FOLDER: Final = Path(__file__).parent
GRAMMARS: Final = {
    FOLDER / "vscode" / "syntaxes" / "baml.tmLanguage.json": textmate,
    FOLDER / "vscode" / "syntaxes" / "baml-jinja.tmLanguage.json": jinja,
    FOLDER / "neovim" / "syntax" / "baml.vim": vim,
}


def main(arguments: list[str]) -> int:
    """Write the grammars, or with ``--check`` say which are not current."""
    code = 0
    for path, make in GRAMMARS.items():
        text = make()
        if "--check" in arguments:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                print(f"not current: {path.relative_to(FOLDER)}")
                code = 1
        else:
            path.write_text(text, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
