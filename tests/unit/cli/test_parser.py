"""The whole command line as one parser."""

from __future__ import annotations

from bamlvm.cli.main import COMMANDS
from bamlvm.cli.parser import whole_parser


def test_it_has_every_command() -> None:
    text = whole_parser().format_help()
    for name, (_, summary) in COMMANDS.items():
        assert f"{name} " in text
        assert summary.split()[0] in text


def test_it_takes_what_a_command_takes() -> None:
    options = whole_parser().parse_args(["run", "x.baml", "main", "-a", "n=1"])
    assert options.function == "main"
