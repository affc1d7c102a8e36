"""Functions that compute, wait, emit and throw."""

SOURCE = """
class Problem { code int  message string }
enum Color { Red }
function add(a: int, b: int) -> int { a + b }
function spin() -> int { let n = 0; while (true) { n = (n + 1) % 1000; } n }
function nap(ms: int) -> int { baml.sys.sleep(ms); ms }
function naps() -> int { let n = 0; while (true) { baml.sys.sleep(1); n += 1; } n }
function emit(n: int) -> int {
    for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(i); }
    n
}
function emit_and_nap(n: int) -> int {
    for (let i = 0; i < n; i += 1) { baml.stream.emit_partial(i); baml.sys.sleep(1); }
    n
}
function inner(n: int) -> int { 10 / n }
function outer(n: int) -> int {
    inner(n)
}
function throw_problem() -> int { throw Problem { code: 7, message: "bad" } }
function throw_string() -> int { throw "oh" }
function throw_enum() -> int { throw Color.Red }
function forever(n: int) -> int { forever(n + 1) + 1 }
function variable() -> string { env.get("BAMLVM_TEST") ?? "none" }
"""
