// The server's routes.  The token comes from the address (#token=…) and stays in this tab.

const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem("token", given);
  history.replaceState(null, "", location.pathname);
}

function headers(more = {}) {
  return { authorization: `Bearer ${sessionStorage.getItem("token") ?? ""}`, ...more };
}

/** An answer that is not a success; `message` is the server's. */
export class Failure extends Error {}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Failure(response.status === 401 ? "Open the page by the URL that `bamlvm dev` printed: it has the token." : body.message);
  return body;
}

export async function get(path, query = {}, signal = undefined) {
  const words = new URLSearchParams(query).toString();
  return answer(await fetch(words ? `${path}?${words}` : path, { headers: headers(), signal }));
}

function send(path, body, signal) {
  return fetch(path, { method: "POST", headers: headers({ "content-type": "application/json" }), body: JSON.stringify(body), signal });
}

export async function post(path, body, signal = undefined) {
  return answer(await send(path, body, signal));
}

/** Yield the server-sent events of a run as `{ name, data }`. */
export async function* events(path, body, signal) {
  const response = await send(path, body, signal);
  if (!response.ok) {
    await answer(response);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  let searched = 0; // an event may come in many pieces: what has been searched is not searched again
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    buffer += value;
    for (let end; (end = buffer.indexOf("\n\n", searched)) !== -1; searched = 0) {
      const event = parsed(buffer.slice(0, end));
      buffer = buffer.slice(end + 2);
      if (event) yield event;
    }
    searched = Math.max(0, buffer.length - 1);
  }
}

function parsed(text) {
  let name = "message";
  const data = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("event: ")) name = line.slice(7);
    else if (line.startsWith("data: ")) data.push(line.slice(6));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}
