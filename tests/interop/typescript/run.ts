// Two clients of `bamlvm serve` that are made of its OpenAPI document; tests/interop/clients.py makes and runs them.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";
import { client } from "./hey/client.gen.js";
import * as hey from "./hey/sdk.gen.js";

const [baseUrl, key] = [process.argv[2]!, process.argv[3]!];
const headers = { authorization: `Bearer ${key}` };

function equal(found: unknown, expected: unknown): void {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${JSON.stringify(found)} is not ${JSON.stringify(expected)}`);
  }
}

async function typed(): Promise<void> {
  const api = createClient<paths>({ baseUrl, headers });
  const { data, error } = await api.POST("/call/Extract", { body: { text: "x" } });
  if (error) {
    throw new Error(error.message);
  }
  const person: components["schemas"]["Person"] = data;
  equal([person.name, person.age, person.mood, person.address?.street], ["Ada", 36, "Happy", "S 1"]);
  const { data: pet } = await api.POST("/call/Choose", { body: { text: "x" } });
  equal(pet?.kind === "dog" ? pet.breed : pet?.lives, "pug");
  const refused = await api.POST("/call/Larger", { body: { a: 1, b: "2" as unknown as number } });
  equal([refused.response.status, refused.error?.error], [400, "invalid_argument"]);
  const unread = await api.POST("/call/Extract", { body: { text: "bad" } });
  equal([unread.response.status, unread.error?.raw_output], [500, "I cannot."]);
}

async function streamed(): Promise<void> {
  client.setConfig({ baseUrl, headers });
  const { data: bill } = await hey.bill({ body: { text: "x" } });
  equal(bill?.total.checks.positive.status, "succeeded");
  const events: unknown[] = [];
  const { stream } = await hey.streamExtract({ body: { text: "x" } });
  for await (const event of stream) {
    events.push(event);
  }
  if (events.length < 4) {
    throw new Error(`only ${events.length} events`);
  }
  equal((events.at(-1) as components["schemas"]["Person"]).scores, { x: 0.5 });
}

await typed();
await streamed();
console.log("done");
