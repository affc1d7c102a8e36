"""How fast hot code is: small programs of many kinds, in the second tier beside the interpreter.

Nothing is tuned for one of them.  ``times_faster`` is the interpreter's time over that of translated code, the fastest
of a few calls each, after the calls that make a program hot.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

import bamlvm

PROGRAMS = {
    "binary search": (
        """
        function find(xs: int[], x: int) -> int {
          let lo = 0; let hi = xs.length() - 1;
          while (lo <= hi) {
            let mid = (lo + hi) / 2; let v = xs[mid];
            if (v == x) { return mid; }
            if (v < x) { lo = mid + 1; } else { hi = mid - 1; }
          }
          -1
        }
        function main(n: int) -> int {
          let xs: int[] = []; for (let i = 0; i < n; i += 1) { xs.push(i * 3); }
          let s = 0; for (let i = 0; i < n; i += 1) { s += find(xs, i * 2); } s
        }
        """,
        3_000,
    ),
    "priority queue": (
        """
        class Queue {
          items int[]
          function push(self, x: int) -> null {
            let h = self.items; h.push(x); let i = h.length() - 1;
            while (i > 0) {
              let p = (i - 1) / 2; if (h[p] <= h[i]) { break; }
              let t = h[p]; h[p] = h[i]; h[i] = t; i = p;
            }
            null
          }
        }
        function main(n: int) -> int {
          let q = Queue { items: [] }; let s = 17;
          for (let i = 0; i < n; i += 1) { s = (s * 75 + 74) % 65537; q.push(s); }
          q.items[0] + q.items[n / 2]
        }
        """,
        4_000,
    ),
    "linked list": (
        """
        class Node { value int  next Node? }
        function main(n: int) -> int {
          let head: Node? = null; for (let i = 0; i < n; i += 1) { head = Node { value: i, next: head }; }
          let s = 0; let k = head; while (k != null) { s = (s * 31 + k.value) % 1000003; k = k.next; } s
        }
        """,
        8_000,
    ),
    "edit distance": (
        """
        function less(a: int, b: int) -> int { if (a < b) { a } else { b } }
        function least(a: int, b: int, c: int) -> int { less(less(a, b), c) }
        function main(n: int) -> int {
          let row: int[] = []; for (let j = 0; j <= n; j += 1) { row.push(j); }
          for (let i = 1; i <= n; i += 1) {
            let next: int[] = [i];
            for (let j = 1; j <= n; j += 1) {
              let cost = if (i * 7 % 13 == j * 5 % 11) { 0 } else { 1 };
              next.push(least(row[j] + 1, next[j - 1] + 1, row[j - 1] + cost));
            }
            row = next;
          }
          row[n]
        }
        """,
        80,
    ),
    "primes": (
        """
        function is_prime(n: int) -> bool {
          if (n < 2) { return false; } let i = 2; while (i * i <= n) { if (n % i == 0) { return false; } i += 1; } true
        }
        function main(n: int) -> int { let c = 0; for (let i = 0; i < n; i += 1) { if (is_prime(i)) { c += 1; } } c }
        """,
        4_000,
    ),
    "greatest common divisor": (
        """
        function gcd(a: int, b: int) -> int { let x = a; let y = b; while (y != 0) { let t = x % y; x = y; y = t; } x }
        function main(n: int) -> int {
          let s = 0; for (let i = 1; i < n; i += 1) { for (let j = 1; j < 50; j += 1) { s += gcd(i, j); } } s
        }
        """,
        100,
    ),
    "towers": (
        """
        function move(n: int, a: int, b: int, c: int) -> int {
          if (n == 0) { return 0; } move(n - 1, a, c, b) + 1 + move(n - 1, c, b, a)
        }
        function main(n: int) -> int { move(n, 1, 2, 3) }
        """,
        12,
    ),
    "shapes": (
        """
        class Circle { r float }  class Square { a float }  class Rect { w float  h float }
        function area(s: Circle | Square | Rect) -> float {
          match (s) { let c: Circle => 3.14 * c.r * c.r, let q: Square => q.a * q.a, let r: Rect => r.w * r.h }
        }
        function main(n: int) -> float {
          let shapes = [Circle { r: 1.0 }, Square { a: 2.0 }, Rect { w: 1.0, h: 3.0 }]; let t = 0.0;
          for (let k = 0; k < n; k += 1) { for (let s in shapes) { t += area(s); } } t
        }
        """,
        3_000,
    ),
    "closures": (
        """
        function main(n: int) -> int {
          let xs: int[] = []; for (let i = 0; i < n; i += 1) { xs.push(i); }
          let k = 3; let calls = 0;
          xs.map((x: int) -> int { x * k }).filter((x: int) -> bool { calls += 1; x % 2 == 0 })
            .reduce((a: int, x: int) -> int { (a + x) % 1000003 }, 0) + calls
        }
        """,
        5_000,
    ),
    "throws": (
        """
        function parse(x: int) -> int throws string {
          if (x % 3 == 0) { throw "three" } if (x % 5 == 0) { throw "five" } x
        }
        function twice(x: int) -> int throws string { parse(x) + parse(x + 1) }
        function main(n: int) -> int {
          let s = 0; for (let i = 0; i < n; i += 1) { s += twice(i) catch (e) { "three" => 1, _ => 2 }; } s
        }
        """,
        5_000,
    ),
    "words": (
        """
        function main(n: int) -> int {
          let text = "the quick brown fox jumps over the lazy dog and the fox".split(" ");
          let counts: map<string, int> = {};
          for (let i = 0; i < n; i += 1) { for (let w in text) { counts[w] = (counts.get(w) ?? 0) + 1; } }
          counts["the"] + counts["fox"]
        }
        """,
        500,
    ),
    "states": (
        """
        enum State { Start Middle End }
        function next(s: State, k: int) -> State {
          match (s) {
            State.Start => State.Middle, State.End => State.Start,
            State.Middle => { if (k % 5 == 0) { return State.End; } State.Middle }
          }
        }
        function main(n: int) -> int {
          let s: State = State.Start; let c = 0;
          for (let i = 0; i < n; i += 1) { s = next(s, i); if (s == State.End) { c += 1; } } c
        }
        """,
        8_000,
    ),
}


def fastest(runtime: bamlvm.Runtime, argument: int, rounds: int) -> float:
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        runtime.call_function_sync("main", {"n": argument})
        times.append(time.perf_counter() - started)
    return min(times)


@pytest.mark.parametrize("name", PROGRAMS)
def test_hot_code_beside_the_interpreter(benchmark: Any, name: str) -> None:
    source, argument = PROGRAMS[name]
    interpreted = bamlvm.Runtime.from_files({"main.baml": source}, translate=False)
    translated = bamlvm.Runtime.from_files({"main.baml": source})
    expected = interpreted.call_function_sync("main", {"n": argument})
    for _ in range(4):
        assert translated.call_function_sync("main", {"n": argument}) == expected
    benchmark.pedantic(translated.call_function_sync, ("main", {"n": argument}), rounds=15)
    seconds = fastest(interpreted, argument, 3)
    benchmark.extra_info["times_faster"] = round(seconds / benchmark.stats.stats.min, 1)
