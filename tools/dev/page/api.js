// The server's routes.  The token comes from the address (#token=…) or from open.js, and stays in this tab; a tab that
// was opened from another one asks that for it.

import { encode } from "./json.js";

const WRONG_TOKEN = "Open the page by the URL that `bamlvm dev` printed: it has the token.";
const others = new BroadcastChannel("bamlvm-dev");

others.onmessage = ({ data }) => {
  const token = sessionStorage.getItem("token");
  if (data === "token?" && token) others.postMessage({ token });
};

export function keepToken(token) {
  sessionStorage.setItem("token", token);
}

/** Find the token; resolves when there is one, or nobody has one. */
export async function authorise() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    keepToken(given);
    history.replaceState(null, "", location.pathname);
  }
  if (sessionStorage.getItem("token")) return;
  await new Promise((resolve) => {
    others.addEventListener("message", ({ data }) => {
      if (!data.token) return;
      keepToken(data.token);
      resolve();
    });
    others.postMessage("token?");
    setTimeout(resolve, 300);
  });
}

/** An answer that is not a success; `message` is the server's. */
export class Failure extends Error {}

/** Whether an error is that of a request that was given up. */
export function wasAborted(error) {
  return error.name === "AbortError";
}

export function request(path, { query = {}, ...options } = {}) {
  const words = new URLSearchParams(query).toString();
  const headers = { authorization: `Bearer ${sessionStorage.getItem("token") ?? ""}`, ...options.headers };
  return fetch(words ? `${path}?${words}` : path, { ...options, headers });
}

/** Return the body of a response.  Throws a Failure for one that is not a success. */
export async function answer(response) {
  if (response.status === 401) throw new Failure(WRONG_TOKEN);
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Failure(`the server answered ${response.status}, without a reason`);
  }
  if (!response.ok) throw new Failure(body.message);
  return body;
}

/** What a failed request means to the user. */
export function reason(error) {
  if (error instanceof Failure) return error.message;
  return "`bamlvm dev` does not answer; it may have ended.";
}

export async function get(path, query = {}, signal = undefined) {
  return answer(await request(path, { query, signal }));
}

export async function post(path, body, signal = undefined) {
  return answer(await request(path, { method: "POST", headers: { "content-type": "application/json" }, body: encode(body), signal }));
}
