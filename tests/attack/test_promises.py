"""Each promise of docs/security.md has tests that hold it: a promise without a row, or a row without its test, fails.

A row is a phrase of the page, and the tests that fail where it does not hold: ``path::function``, or ``kind/slug`` of
an attack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.attack.page import PAGE
from tests.attack.run import KINDS

_ROOT: Final = Path(__file__).parents[2]
_UNIT: Final = "tests/unit/"

PROMISES: Final[Mapping[str, Sequence[str]]] = {
    "`http`, `net` | hosts": ("sysops/test_hosts.py::test_granted", "sysops/test_hosts.py::test_refused"),
    "`fs` | folders, symbolic links resolved": ("sysops/test_regular_files.py::test_only_below_the_roots",),
    "`env` | variables": ("sysops/test_grants.py::test_an_environment",),
    "`shell` | nothing": ("sysops/test_grants.py::test_the_default_denies_the_shell_alone",),
    "what they touch is asked for where it is touched": ("sysops/test_capabilities.py::test_denied",),
    "all else is denied": ("sysops/test_grants.py::test_what_is_not_named_is_denied",),
    "A name grants public addresses only": (
        "sysops/test_hosts.py::test_refused",
        "capabilities/asks-for-an-inner-address-by-any-of-its-spellings",
        "capabilities/follows-a-redirect-to-an-address-that-is-not-on-the-list",
    ),
    "Only regular files are opened": (
        "sysops/test_regular_files.py::test_only_regular_files",
        "sysops/test_regular_files.py::test_the_limit",
        "sysops/test_regular_files.py::test_a_link_that_comes_after_the_path_was_resolved",
        "capabilities/has-a-test-read-a-file-outside-of-the-project",
    ),
    "gives variables whatever is denied": (
        "sysops/test_environment.py::test_a_denied_environment_panics",
        "capabilities/names-a-denied-variable-in-a-client-s-option",
        "capabilities/has-a-test-read-a-denied-variable",
    ),
    "sent to that provider's own address alone": (
        "sysops/providers/test_catalogue.py::test_a_key_is_needed_for_the_providers_own_address_alone",
        "capabilities/has-the-key-of-a-provider-sent-to-another-address",
    ),
    "**What a program reads** with `env.X`": (
        "sysops/test_redaction.py::test_what_is_secret_in_a_variable",
        "api/test_replay.py::test_records_errors_and_recordings",
    ),
    "A secret that a server repeats in part": (
        "sysops/test_redaction.py::test_a_secret_that_was_cut_is_hidden_too",
        "sysops/test_redaction.py::test_a_secret_whose_front_was_cut_is_hidden_too",
        "sysops/test_redaction.py::test_either_end_of_an_encoded_secret_is_hidden",
    ),
    "Whatever a command reads is a regular file": (
        "api/build/test_inputs.py::test_what_cannot_be_read",
        "api/build/test_inputs.py::test_streams_of_the_process",
        "api/build/test_sources.py::test_no_program_lacks_a_file_in_silence",
        "files/a-pipe-that-nobody-uses-for-every-file",
        "files/a-file-of-10-gb-for-every-file",
    ),
    "What a command writes is whole or as it was": (
        "sysops/test_replacing.py::test_nothing_is_half_written_on_a_full_disk",
        "sysops/test_replacing.py::test_where_links_lead",
        "files/a-disk-that-is-full",
    ),
    "a group of processes of their own": (
        "sysops/test_commands.py::test_killing_a_command_kills_its_children",
        "capabilities/leaves-processes-behind-when-its-deadline-passes",
    ),
    "hold while a program computes": (
        "api/calls/test_drive.py::test_a_large_value_is_converted_while_other_tasks_run",
        "vm/test_work.py::test_large_data_is_worked_on_in_pieces",
        "vm/test_work.py::test_texts_are_compared_after_the_driver_was_asked",
        "vm/test_linker.py::test_a_long_run_is_cut_whichever_way_control_comes",
        "vm/test_native.py::test_a_driver_is_asked_while_long_values_are_worked_on",
        "programs/compare-texts-of-megabytes-with-a-deadline",
        "programs/look-up-keys-of-megabytes-with-a-deadline",
        "programs/1-200-statements-in-a-turn-with-a-deadline",
        "api/calls/test_interruption.py::test_a_prompt_is_interrupted_while_it_renders",
        "api/calls/test_interruption.py::test_other_tasks_run_while_a_prompt_renders",
        "sysops/prompts/test_limits.py::test_an_operation_that_costs_too_much_is_refused",
        "sysops/prompts/test_limits.py::test_a_rendering_that_cannot_yield_asks_to_be_moved",
        "programs/split-a-megabyte-with-a-deadline",
    ),
    "`CallContext(memory=…)` is how many bytes": (
        "api/calls/test_engine.py::test_a_memory_limit",
        "programs/a-string-that-doubles",
    ),
    "has at most `Runtime(max_bytes=…)` bytes": (
        "sysops/web/test_decoding.py::test_a_bomb_comes_in_bounded_pieces",
        "sysops/web/test_sse.py::test_a_long_id_is_refused_since_every_event_has_it",
        "sysops/providers/test_accumulator.py::test_the_fault_of_json_that_cannot_be_read_is_said",
        "sysops/providers/test_accumulator.py::test_an_answer_has_only_so_many_tool_calls",
        "sysops/test_http.py::test_an_excerpt_is_the_beginning_of_the_body",
        "servers/a-body-without-end",
        "servers/a-stream-without-end",
        "servers/heads-that-do-not-end",
        "servers/errors-of-a-gigabyte",
        "servers/thousands-of-tool-calls-in-one-answer",
    ),
    "the client's clocks hold whatever a server does": (
        "sysops/web/test_decoding.py::test_the_loop_goes_on_between_the_pieces_of_one_chunk",
        "sysops/web/test_event_stream.py::test_a_flood_of_empty_events_comes_in_bounded_batches",
        "servers/bodies-byte-by-byte",
        "servers/floods-of-ids-comments-retries-empty-events-and-words-and-lines-of-a-gigabyte",
        "servers/bombs-of-blanks-comments-events-and-single-bytes-and-codings-over-codings",
        "servers/waits-of-a-year-in-the-past-and-of-no-number",
    ),
    "**Never a part of an answer.**": (
        "servers/a-good-answer-that-ends-at-each-byte",
        "servers/lengths-and-chunk-sizes-that-are-wrong-negative-or-huge",
        "servers/framing-that-contradicts-itself",
        "servers/frames-of-aws-with-wrong-lengths-and-sums",
        "sysops/web/test_decoding.py::test_a_coding_that_was_not_requested",
    ),
    "**One response a request.**": (
        "sysops/web/test_clients.py::test_what_follows_a_response_is_not_the_next_one",
        "servers/bytes-after-an-answer",
        "servers/an-answer-before-the-request",
    ),
    "**Redirects** are followed": ("servers/redirects-in-a-circle-to-other-hosts-and-schemes",),
    "**Counts** of tokens": (
        "sysops/providers/test_accumulator.py::test_a_count_that_is_none_is_absent_and_the_answer_stays",
        "servers/counts-of-tokens-that-are-absurd",
    ),
    "is a failure of that attempt": (
        "servers/answers-of-every-wrong-shape-to-every-format",
        "servers/protocols-that-are-not-http-1-1",
        "servers/tls-instead-of-plain-text-and-the-reverse",
        "servers/json-nested-doubled-endless-and-of-numbers-that-are-none",
    ),
    "What it says is data": ("grammar/test_printable.py::test_nothing_harmful_is_left",),
    "A name server that does not answer": (
        "sysops/web/transport/test_names.py::test_a_name_server_that_does_not_answer_holds_up_nothing",
    ),
    "Character sets are those of the Encoding standard": (
        "servers/character-sets-that-are-none-or-slow",
        "servers/broken-characters-and-byte-order-marks",
    ),
    "parsed in a thread": (
        "sysops/parsing/test_structured.py::test_a_parser_that_is_closed_reads_no_further",
        "servers/a-list-of-30-000-objects",
        "servers/values-that-cost-their-reader-most",
    ),
    "A string with half of a character": ("servers/an-argument-with-half-of-a-character",),
    "A recording is data": (
        "recordings/cut-anywhere",
        "recordings/a-pipe-in-its-place",
        "tests/fuzz/test_fuzz.py::test_damaged_seeds",
    ),
    "The [cache of responses](caching.md) is data": (
        "sysops/test_response_cache.py::test_what_is_no_entry_is_a_miss",
        "sysops/test_response_cache.py::test_an_entry_that_lies_is_a_failed_attempt_and_no_more",
        "sysops/test_response_cache.py::test_no_key_and_no_header_is_kept",
        "sysops/test_response_store.py::test_the_file_is_the_users_alone",
    ),
    "A cache holds code": (
        "api/build/test_cache.py::test_what_others_may_write_counts_as_absent",
        "caches/entries-whose-bytecode-is-changed",
        "caches/links-and-pipes-in-place-of-entries",
        "tests/fuzz/test_fuzz.py::test_damaged_seeds",
    ),
}

_NOT_PROMISES: Final = (
    "Not promised: that a program that may use `shell`",
    "Not promised of a server",
    "| capability |",
    "|---|",
)
"""How what begins that is no promise, and so has no test."""


def _parts() -> Iterator[str]:
    """Yield the paragraphs, list items and table rows of the page's promises, white space made equal."""
    text = PAGE.read_text(encoding="utf-8").partition("## An untrusted program")[2].partition("## Attacks")[0]
    text = re.sub(r"<!--.*?-->|```.*?```", "", text, flags=re.DOTALL)
    for part in re.split(r"\n\s*\n|\n(?=- |\|)", text):
        part = " ".join(part.split())
        if part and not part.startswith("#"):
            yield part


def test_each_promise_has_a_row_and_each_row_a_promise() -> None:
    parts = list(_parts())
    for phrase in PROMISES:
        assert sum(phrase in part for part in parts) == 1, f"not on the page: {phrase}"
    for part in parts:
        known = part.startswith(_NOT_PROMISES) or any(phrase in part for phrase in PROMISES)
        assert known, f"no test is named for: {part}"


@pytest.mark.parametrize("name", sorted({name for names in PROMISES.values() for name in names}))
def test_each_test_that_is_named_exists(name: str) -> None:
    path, _, function = name.partition("::")
    if not function:
        kind, _, slug = name.partition("/")
        assert slug in {each.slug for each in KINDS[kind]}
        return
    file = _ROOT / path if path.startswith("tests/") else _ROOT / _UNIT / path
    assert re.search(rf"^ *(async )?def {function}\b", file.read_text(encoding="utf-8"), re.MULTILINE)
