"""TypeScript clients: the compiler accepts them in its strictest mode, and they call and stream from a real server.

What needs Node.js and the compiler runs where `make typescript` has installed it, or where `tsc` is on the PATH.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import bamlvm
from bamlvm.build.sources import read_sources
from bamlvm.cli import exit_codes
from bamlvm.cli.main import main
from bamlvm.tools.generate.typescript_module import typescript_files
from tests.pages.blocks import DOCS, blocks
from tests.support.generated import PROJECTS, ROOT

pytestmark = pytest.mark.slow

INSTALLED = Path(__file__).parents[4] / "build" / "typescript" / "node_modules" / ".bin" / "tsc"
TSC = str(INSTALLED) if INSTALLED.exists() else shutil.which("tsc")
needs_tsc = pytest.mark.skipif(TSC is None, reason="there is no TypeScript compiler: `make typescript` installs one")
STRICT = [
    *("--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--noUnusedLocals"),
    *("--noImplicitOverride", "--noPropertyAccessFromIndexSignature", "--verbatimModuleSyntax", "--erasableSyntaxOnly"),
    *("--target", "es2022", "--module", "node16"),
]

NAMES = r"""
/// A comment's end: */
/// and a second line.
class Names {
  class string  constructor int  __proto__ bool  None int?  string string  list int[]  Mood Mood?
  dict map<string, string>  _private int  Names Names?  checked int? @check(big, {{ this > 1 }})
}
enum Mood { Happy @description("the \"best\"")  __proto__  None  constructor  Sad }
class Record { x int }
class Array { y Record[]  z (int @check(odd, {{ this > 0 }}) | string)[] }
class Partial { key map<Mood, Array>  other map<"a" | "b" | "c-d", int>?  either (int | string)[]  none null }
class Promise { a string @stream.not_null  b Partial @stream.done  c Tree? @stream.with_state  @@check(ok, {{ true }}) }
class Check { check string @check(c, {{ true }}) }
class CheckInput { check Check }
class Empty {}
class Open { known int  @@dynamic }
type Tree = int | Tree[] | map<string, Tree>
type Deep = Promise | Deep[]
type string_ = string | null
client C { provider openai  options { model "m"  api_key "k" } }
/// What a reserved word does.
function delete(class: string, a: int?, var: Check, x: int = 3, last: Mood) -> Names { client C  prompt "" }
function stream(a: Deep) -> Deep { a }
function then(t: Tree) -> Tree { t }
function constructor(p: Promise, i: image, lit: "a" | 1 | true, v: Mood.Sad) -> Promise | Check? {
  client C
  prompt ""
}
function Void() -> null { null }
function Handler(f: (int) -> int) -> int { f(1) }
function Thing(e: CheckInput) -> unknown { e }
"""

PROGRAM = """
class Person { name string  age int?  tags string[] @check(some, {{ this|length > 0 }}) }
enum Mood { Happy  Sad }
client C { provider openai  options { model "m"  api_key "k" } }
function Extract(text: string, mood: Mood?) -> Person { client C  prompt #"{{ text }}"# }
function Count(upTo: int) -> int { upTo }
"""
USE = """
import { b, BamlClient, BamlError, types } from "./baml_client/index.js";
import type { partial_types } from "./baml_client/index.js";

declare const process: { argv: string[]; exit(code: number): never };
const client = new BamlClient({ baseUrl: process.argv[2]!, headers: { authorization: "Bearer t" } });
const lines: string[] = [];
const show = (...values: unknown[]) => lines.push(values.map((each) => JSON.stringify(each)).join(" "));

const person: types.Person = await client.Extract("Ada", types.Mood.Happy);
show(person.name, person.tags.checks.some.status, types.all_succeeded(person.tags.checks));
show(await client.Count(3, { clientRegistry: { primary: "X", clients: [] } }));

const stream = client.stream.Extract("Ada", "Sad");
for await (const partial of stream) {
  const name: string | null | undefined = (partial satisfies partial_types.Person | null)?.name;
  show(name);
}
show((await stream.getFinalResponse()).age);
show(await client.stream.Count(4).getFinalResponse());

const failed = async (action: () => Promise<unknown>) => {
  try {
    show(await action());
  } catch (error) {
    if (error instanceof BamlError) {
      show(error.kind, error.message, error.status, error.raw_output);
    } else {
      show((error as Error).name);
    }
  }
};
await failed(() => client.Extract("refused"));
await failed(() => client.Extract("plain"));
await failed(() => client.stream.Extract("broken").getFinalResponse());
await failed(() => client.stream.Extract("cut").getFinalResponse());
await failed(() => client.stream.Extract("refused").getFinalResponse());
const controller = new AbortController();
await failed(async () => {
  for await (const partial of client.stream.Extract("endless", null, { signal: controller.signal })) {
    show(partial?.name);
    controller.abort();
  }
});
const left = client.stream.Extract("endless");
for await (const partial of left) {
  show(partial?.name);
  break;
}
await failed(() => left.getFinalResponse());
// @ts-expect-error: a mood that does not exist
void (() => b.Extract("Ada", "Angry"));
// @ts-expect-error: no field of this name
void ((each: types.Person) => each.nme);
console.log(lines.join("\\n"));
"""
FORMS = """
enum Mood { Happy @alias("joy")  Sad }
class Inner { name string @stream.not_null  note string?  moods map<Mood, int> }
class Done { a int  b int[]  @@stream.done }
class Rated { stars int  @@check(some, {{ this.stars > 0 }}) }
type Tree = int | Tree[]
class Form {
  title string @check(short, {{ this|length < 40 }}) @check(long, {{ this|length > 2 }})
  items Inner[]
  state string @stream.with_state
  waiting int[] @stream.done
  done Done?
  rated Rated[]
  parts (int @check(odd, {{ this % 2 == 1 }}) | string)[]
  tree Tree
  kind "a" | "b" | 1 | true
  words map<"x" | "y", bool>
  mood Mood?
  free map<string, Inner?>
}
client C { provider openai  options { model "m"  api_key "k" } }
function Read(text: string) -> Form { client C  prompt #"{{ text }}"# }
"""
ANSWER = json.dumps(
    {
        "title": "A form",
        "items": [{"name": "n", "note": None, "moods": {"Sad": 1}}, {"name": "m", "moods": {}}],
        "state": "going on",
        "waiting": [1, 2],
        "done": {"a": 1, "b": [2]},
        "rated": [{"stars": 3}],
        "parts": [1, "two"],
        "tree": [1, [2, []]],
        "kind": "b",
        "words": {"x": True},
        "mood": "joy",
        "free": {"k": None, "l": {"name": "z", "moods": {}}},
    }
)
SERVED = """
function Fail() -> int { throw "no" }
"""
USE_SERVED = """
import { BamlClient, BamlError } from "./baml_client/index.js";

declare const process: { argv: string[] };
const client = new BamlClient({ baseUrl: process.argv[2]! });
const person = await client.Extract("Ada");
const stream = client.stream.Extract("Ada");
let partials = 0;
for await (const partial of stream) {
  partials += partial === null ? 0 : 1;
}
const whole = await stream.getFinalResponse();
console.log(person.tags.checks.some.status, partials > 0, whole.name.length > 0);
for (const call of [() => client.Fail(), () => client.stream.Fail().getFinalResponse()]) {
  try {
    await call();
  } catch (error) {
    const { kind, status, message } = error as BamlError;
    console.log([kind, ...(status === undefined ? [] : [status]), message].join(" "));
  }
}
"""
WHOLE = {
    "name": "Ada ☃",
    "age": 36,
    "tags": {"value": ["x"], "checks": {"some": {"name": "some", "expression": "e", "status": "succeeded"}}},
}
SHOWN = """\
"Ada ☃" "succeeded" true
3
"A"
"Ada ☃"
36
4
"invalid_argument" "no such mood" 400
"http_error" "out of order" 500
"validation_failure" "cannot be read"  "hm"
"stream_ended" "the stream has ended without a result"
"invalid_argument" "no such mood" 400
"A"
"AbortError"
"A"
"cancelled" "the stream was closed before its end"
"""


class Handler(BaseHTTPRequestHandler):
    """What ``bamlvm serve`` sends, in pieces that end anywhere."""

    protocol_version = "HTTP/1.1"
    requests: list[tuple[str, object, str | None]]

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.requests.append((self.path, body, self.headers["authorization"]))
        text = body.get("text", "")
        if text == "refused":
            self._whole(400, json.dumps({"error": "invalid_argument", "message": "no such mood"}))
        elif text == "plain":
            self._whole(500, "out of order")
        elif self.path == "/call/Extract":
            self._whole(200, json.dumps(WHOLE))
        elif self.path == "/call/Count":
            self._whole(200, str(body["upTo"]))
        else:
            self._events(text, body)

    def _whole(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def _events(self, text: str, body: dict[str, object]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        first = ': a comment\n\ndata: {"name": "A"}\n\nevent: attempt\r\ndata: {}\r\n\r\n'
        second = f"data: {json.dumps(WHOLE | {'age': None}, ensure_ascii=False)}\r\r"
        ends = {
            "Ada": first + second + f"event: final\ndata: {json.dumps(WHOLE)}\n\n",
            "broken": 'event: error\ndata: {"error": "validation_failure", "raw_output": "hm",\n'
            'data: "message": "cannot be read"}\n\n',
            "cut": 'event: final\ndata: {"name": "never dispatched"}\n',
            "": f"event: final\ndata: {body.get('upTo')}\n\n",
        }
        try:
            if text == "endless":
                while True:
                    self.wfile.write(b'data: {"name": "A"}\n\n')
            for byte in ends[text].encode():
                self.wfile.write(bytes([byte]))
        except OSError:
            pass  # the client has gone away


@pytest.fixture
def server() -> Iterator[tuple[str, list[tuple[str, object, str | None]]]]:
    Handler.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", Handler.requests
    server.shutdown()
    server.server_close()
    thread.join()


def written(folder: Path, sources: dict[str, str]) -> Path:
    """A client in a folder whose modules are ECMAScript modules of Node.js."""
    client = folder / "baml_client"
    client.mkdir(parents=True)
    with bamlvm.Runtime.from_files(sources) as runtime:
        for name, text in typescript_files(runtime, has_extensions=True).items():
            (client / name).write_text(text)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def as_json(value: object) -> str:
    """What goes over the wire, as a literal."""
    return json.dumps(bamlvm.to_builtins(value))


def compile_typescript(*words: str, folder: Path) -> None:
    assert TSC is not None
    ended = subprocess.run([TSC, *STRICT, *words], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert (ended.returncode, ended.stdout) == (0, "")


@needs_tsc
def test_the_compiler_accepts_them(tmp_path: Path) -> None:
    programs = {"names": {"names.baml": NAMES}}
    programs |= {
        name: read_sources(PROJECTS / name) for name in ("real_agent", "real_forms", "real_invoices", "real_media")
    }
    for name, sources in programs.items():
        written(tmp_path / name, sources)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    compile_typescript("--noEmit", *(f"{name}/baml_client/index.ts" for name in programs), folder=tmp_path)


@needs_tsc
def test_values_and_partial_values_fit_their_types(tmp_path: Path) -> None:
    """Every value that an answer passes through, as the JSON that goes over the wire, is of the type written for it."""
    pieces = [ANSWER[start : start + 7] for start in range(0, len(ANSWER), 7)]
    lines = ['import type { partial_types, types } from "./baml_client/index.js";']
    with bamlvm.Runtime.from_files({"main.baml": FORMS}) as runtime:
        for partial in runtime.parse_stream("Read", pieces):
            lines.append(f"export const p{len(lines)}: partial_types.Form | null = {as_json(partial)};")
        lines.append(f"export const whole: types.Form = {as_json(runtime.parse('Read', ANSWER))};")
    assert len(lines) > 20
    folder = written(tmp_path, {"main.baml": FORMS})
    (folder / "values.ts").write_text("\n".join(lines))
    compile_typescript("--noEmit", "values.ts", folder=folder)
    (folder / "values.ts").write_text("\n".join(lines).replace('"status": "', '"status": "un'))
    with pytest.raises(AssertionError):
        compile_typescript("--noEmit", "values.ts", folder=folder)


@needs_tsc
def test_calls_streams_and_errors(tmp_path: Path, server: tuple[str, list[tuple[str, object, str | None]]]) -> None:
    url, requests = server
    folder = written(tmp_path, {"main.baml": PROGRAM})
    (folder / "use.ts").write_text(USE)
    compile_typescript("use.ts", folder=folder)
    node = shutil.which("node")
    assert node is not None
    ended = subprocess.run([node, "use.js", url], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stderr == ""
    assert [line.rstrip() for line in ended.stdout.splitlines()] == SHOWN.splitlines()
    assert requests[:3] == [
        ("/call/Extract", {"text": "Ada", "mood": "Happy"}, "Bearer t"),
        (
            "/call/Count",
            {"upTo": 3, "__baml_options__": {"client_registry": {"primary": "X", "clients": []}}},
            "Bearer t",
        ),
        ("/stream/Extract", {"text": "Ada", "mood": "Sad"}, "Bearer t"),
    ]


@needs_tsc
def test_it_calls_what_the_service_serves(tmp_path: Path) -> None:
    """`bamlvm serve` with made-up answers, in a process of its own."""
    folder = written(tmp_path, {"main.baml": PROGRAM + SERVED})
    (folder / "main.baml").write_text(PROGRAM + SERVED)
    (folder / "use.ts").write_text(USE_SERVED)
    compile_typescript("use.ts", folder=folder)
    words = [sys.executable, "-m", "bamlvm", "serve", "main.baml", "--mock", "--port", "0"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as service:
        try:
            assert service.stdout is not None
            url = service.stdout.readline().strip()
            node = ["node", "use.js", url]
            ended = subprocess.run(node, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        finally:
            service.terminate()
    assert (ended.stderr, ended.stdout) == ("", "succeeded true true\nthrown 500 no\nthrown 500 no\n")


@needs_tsc
def test_what_the_documentation_shows_compiles(tmp_path: Path) -> None:
    shown = {block.language: block.text for block in blocks((DOCS / "clients.md").read_text("utf-8"))}
    folder = written(tmp_path, {"main.baml": shown["baml"]})
    (folder / "shown.ts").write_text(shown["typescript"].replace('"./baml_client"', '"./baml_client/index.js"'))
    compile_typescript("--noEmit", "shown.ts", folder=folder)


def test_the_names_of_the_program_come_first() -> None:
    with bamlvm.Runtime.from_files({"names.baml": NAMES}) as runtime:
        files = typescript_files(runtime)
        assert typescript_files(runtime) == files
    types, client = files["types.ts"], files["client.ts"]
    assert "export type { Checked, Media } from" in types  # `Check` is a class of the program
    assert "/**\n * A comment's end: *\\/\n * and a second line.\n */\nexport interface Names {" in types
    assert '  other?: { [key in "a" | "b" | "c-d"]?: number } | null;' in types
    assert "export interface CheckInput_ {\n  check: string;\n}" in types
    assert "delete_(class_: string, a: number | null | undefined, var_: $types.CheckInput_, " in client
    assert "x: number | undefined, last: $types.Mood, $options?: $.CallOptions): Promise<$types.Names> {" in client
    assert "  constructor_(" in client and "  stream_(" in client and "  then_(" in client
    assert "Handler(" not in client


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "main.baml").write_text(PROGRAM + 'generator web { output_type "typescript"  output_dir "web" }')
    command = ["generate", str(tmp_path / "main.baml")]
    assert main(command) == exit_codes.OK
    client = tmp_path / "web" / "baml_client"
    assert sorted(path.name for path in client.iterdir()) == sorted(
        ["client.ts", "index.ts", "partial_types.ts", "types.ts", "wire.ts"]
    )
    assert 'from "./wire"' in (client / "client.ts").read_text()
    assert main([*command, "--check"]) == exit_codes.OK
    (client / "old.ts").write_text((client / "types.ts").read_text())
    assert main([*command, "--check"]) == exit_codes.STALE
    assert "old.ts" in capsys.readouterr().out
