/** What goes over the wire between a client and `bamlvm serve`: calls, streams of server-sent events, errors. */

export interface Check {
  name: string;
  expression: string;
  status: "succeeded" | "failed";
}

/** A value whose type has checks, and their outcomes by name. */
export interface Checked<T, Name extends string = string> {
  value: T;
  checks: { [name in Name]: Check };
}

/** Such a value while it streams: what may still grow has no outcomes yet. */
export interface PartlyChecked<T, Name extends string = string> {
  value: T;
  checks: { [name in Name]?: Check };
}

/** A field marked `@stream.with_state` while it streams. */
export interface StreamState<T> {
  value: T;
  state: "Pending" | "Incomplete" | "Complete";
}

/** An image, a sound, a PDF document or a video. */
export type Media = ({ url: string } | { base64: string }) & { media_type?: string | null };

/** Return the outcomes of checks in written order. */
export function get_checks(checks: { [name: string]: Check }): Check[] {
  return Object.values(checks);
}

/** Whether every check holds. */
export function all_succeeded(checks: { [name: string]: Check }): boolean {
  return get_checks(checks).every((check) => check.status === "succeeded");
}

/** A call that has failed: `kind` is the server's name of the error, `status` that of the response if it has failed. */
export class BamlError extends Error {
  override readonly name = "BamlError";
  readonly kind: string;
  readonly status: number | undefined;
  readonly details: { readonly [key: string]: unknown };

  constructor(kind: string, message: string, status?: number, details: { readonly [key: string]: unknown } = {}) {
    super(message);
    this.kind = kind;
    this.status = status;
    this.details = details;
  }

  /** What the model has answered, where that could not be read. */
  get raw_output(): string | undefined {
    const text = this.details["raw_output"];
    return typeof text === "string" ? text : undefined;
  }
}

/** A client of a program, which calls are made with instead of the program's own: see ClientRegistry of the program. */
export interface ClientRegistry {
  primary?: string;
  clients: { name: string; provider: string; options: { [key: string]: unknown } }[];
}

/** Options of one call. */
export interface CallOptions {
  signal?: AbortSignal;
  headers?: { [name: string]: string };
  clientRegistry?: ClientRegistry;
}

/** Where the server is: its address, headers of every request (`authorization` among them), another `fetch`. */
export interface ServerOptions {
  baseUrl?: string;
  headers?: { [name: string]: string };
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

type Arguments = { [name: string]: unknown };

/** Sends calls to a server. */
export class Caller {
  readonly #options: ServerOptions;

  constructor(options: ServerOptions = {}) {
    this.#options = options;
  }

  /** Call a function and return its result. */
  async call<T>(name: string, args: Arguments, options: CallOptions = {}): Promise<T> {
    const response = await this.#post(`/call/${name}`, args, options);
    return (await response.json()) as T;
  }

  /** Call a function and read its partial values as they arrive; the request is sent by the first read. */
  stream<P, T>(name: string, args: Arguments, options: CallOptions = {}): BamlStream<P, T> {
    return new BamlStream(() => this.#post(`/stream/${name}`, args, options), options.signal);
  }

  async #post(path: string, args: Arguments, options: CallOptions): Promise<Response> {
    const { baseUrl = "http://localhost:2024", headers = {}, fetch: send = globalThis.fetch } = this.#options;
    const { clientRegistry, signal } = options;
    const body = clientRegistry ? { ...args, __baml_options__: { client_registry: clientRegistry } } : args;
    const response = await send(baseUrl.replace(/\/+$/, "") + path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers, ...options.headers },
      body: JSON.stringify(body),
      signal: signal ?? null,
    });
    if (!response.ok) {
      throw failure(await response.text(), response.status);
    }
    return response;
  }
}

/** The partial values of a streamed call, by `for await`, and its result. */
export class BamlStream<P, T> implements AsyncIterable<P> {
  readonly #events: AsyncGenerator<P, T, undefined>;
  #end: { value: T } | { error: unknown } | undefined;

  constructor(start: () => Promise<Response>, signal?: AbortSignal) {
    this.#events = read<P, T>(start, signal);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<P, void, undefined> {
    let isWhole = false;
    try {
      for (;;) {
        const step = await this.#next();
        if (step.done === true) {
          isWhole = true;
          return;
        }
        yield step.value;
      }
    } finally {
      if (!isWhole) {
        await this.close();
      }
    }
  }

  /** Wait for the end of the stream and return the result. */
  async getFinalResponse(): Promise<T> {
    while (this.#end === undefined) {
      await this.#next();
    }
    if ("error" in this.#end) {
      throw this.#end.error;
    }
    return this.#end.value;
  }

  /** Cancel the call, if it still runs. */
  async close(): Promise<void> {
    this.#end ??= { error: new BamlError("cancelled", "the stream was closed before its end") };
    await this.#events.return(undefined as never);
  }

  async #next(): Promise<{ done: true } | { done: false; value: P }> {
    if (this.#end !== undefined) {
      if ("error" in this.#end) {
        throw this.#end.error;
      }
      return { done: true };
    }
    try {
      const step = await this.#events.next();
      if (step.done !== true) {
        return { done: false, value: step.value };
      }
      this.#end ??= { value: step.value };
      return { done: true };
    } catch (error) {
      this.#end ??= { error };
      throw error;
    }
  }
}

/** Yield the partial values of a response and return the result. */
async function* read<P, T>(start: () => Promise<Response>, signal?: AbortSignal): AsyncGenerator<P, T, undefined> {
  const { body } = await start();
  if (body !== null) {
    for await (const { name, data } of serverSentEvents(body)) {
      signal?.throwIfAborted(); // many events may have arrived at once
      if (name === "final") {
        return JSON.parse(data) as T;
      }
      if (name === "error") {
        throw failure(data);
      }
      if (name === "" || name === "partial" || name === "message") {
        yield JSON.parse(data) as P;
      }
    }
  }
  throw new BamlError("stream_ended", "the stream has ended without a result");
}

/** Yield the events of a body (WHATWG HTML, 9.2.6). */
async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; data: string }> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const pieces: string[] = []; // of a line whose end has not arrived
  let name = "";
  let data: string[] = [];
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = done ? decoder.decode() : decoder.decode(value, { stream: true });
      const held = pieces[pieces.length - 1]?.endsWith("\r") ?? false;
      pieces.push(text);
      if (!done && !held && !/[\r\n]/.test(text)) {
        continue;
      }
      // A carriage return at the end may be the first half of a line's end.
      const lines = pieces.join("").split(done ? /\r\n|\r|\n/ : /\r\n|\r(?!$)|\n/);
      pieces.splice(0, pieces.length, lines.pop() ?? "");
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) {
            yield { name, data: data.join("\n") };
          }
          name = "";
          data = [];
          continue;
        }
        const colon = line.indexOf(":");
        const field = colon < 0 ? line : line.slice(0, colon);
        const content = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
        if (field === "data") {
          data.push(content);
        } else if (field === "event") {
          name = content;
        }
      }
      if (done) {
        return;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Return the error that a server's text describes. */
function failure(text: string, status?: number): BamlError {
  try {
    const details = JSON.parse(text) as { [key: string]: unknown };
    return new BamlError(String(details["error"]), String(details["message"]), status, details);
  } catch {
    return new BamlError("http_error", text.slice(0, 1000) || `status ${status}`, status);
  }
}
