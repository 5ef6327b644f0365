// The official JavaScript client of Ollama: every call it has, against whatever is at an address.
//
//     node client.mjs [ADDRESS]
//
// The address is the argument or OLLAMA_HOST; OLLAMA_TOKEN, where it is set, goes along as a bearer
// token. OLLAMA_MODEL and OLLAMA_EMBED_MODEL name models that are there, OLLAMA_PULL_MODEL one that
// can be pulled. EXPECT_REFUSED names calls, with commas between, that must be refused.
//
// Each call is one line of JSON on standard output: its name, whether it went as it should, and
// what was seen. The exit code is 1 when one did not.
import { Ollama } from "ollama";
import { address, all, check, embedModel, headers, holds, made, model, pullModel, question } from "./calls.mjs";

const client = new Ollama({ host: address, headers });

await check("version", async () => {
  const { version } = await client.version();
  holds(/^\d+\.\d+/.test(version), version);
  return version;
});
await check("list", async () => {
  const { models } = await client.list();
  holds(models.length > 0 && models[0].digest && models[0].size > 0, models);
  return models.map((one) => one.name);
});
await check("show", async () => {
  const shown = await client.show({ model });
  holds(shown.model_info["general.architecture"] && shown.capabilities.length > 0, shown);
  return shown.capabilities;
});
await check("preload", async () => (await client.generate({ model, prompt: "" })).done_reason);
await check("generate", async () => {
  const answer = await client.generate({ model, prompt: "hi" });
  holds(answer.done && answer.response && answer.eval_count > 0 && answer.context, answer);
  return answer.done_reason;
});
await check("generate_stream", async () => {
  const parts = await all(client.generate({ model, prompt: "hi", stream: true }));
  holds(parts.length > 1 && parts.at(-1).done && !parts[0].done, parts);
  return parts.length;
});
await check("chat", async () => {
  const answer = await client.chat({ model, messages: question });
  holds(answer.done && answer.message.role === "assistant" && answer.message.content, answer);
  return answer.done_reason;
});
await check("chat_stream", async () => {
  const parts = await all(client.chat({ model, messages: question, stream: true }));
  holds(parts.filter((part) => part.done).length === 1 && parts.at(-1).done, parts);
  return parts.length;
});
await check("chat_abort", async () => {
  const stream = await client.chat({ model, messages: question, stream: true });
  let parts = 0;
  try {
    for await (const _ of stream) {
      parts += 1;
      stream.abort();
    }
  } catch (error) {
    holds(error.name === "AbortError", error.message);
    return `aborted after ${parts}`;
  }
  // A reply that was there already when it was given up ends as if it had not been.
  return `ended after ${parts}`;
});
await check("abort", async () => {
  const parts = all(client.chat({ model, messages: question, stream: true }));
  client.abort();
  return parts.then((came) => `ended after ${came.length}`, (error) => {
    holds(error.name === "AbortError", error.message);
    return "aborted";
  });
});
await check("ps", async () => {
  const { models } = await client.ps();
  holds(models.length > 0 && models[0].expires_at && models[0].context_length > 0, models);
  return models.map((one) => one.name);
});
await check("embed", async () => {
  const { embeddings } = await client.embed({ model: embedModel, input: ["a", "b"] });
  holds(embeddings.length === 2 && embeddings[0].length > 1, embeddings);
  return embeddings[0].length;
});
await check("embeddings", async () => {
  const { embedding } = await client.embeddings({ model: embedModel, prompt: "a" });
  holds(embedding.length > 1, embedding);
  return embedding.length;
});
await check("create", async () => {
  const answer = await client.create({ model: "made-by-js", from: model, system: "Be brief." });
  holds(answer.status === "success", answer);
  return answer.status;
});
await check("create_stream", async () => {
  const parts = await all(client.create({ model: "made-by-js", from: model, stream: true }));
  holds(parts.at(-1).status === "success", parts);
  return parts.map((part) => part.status);
});
await check("copy", async () => {
  const answer = await client.copy({ source: model, destination: "copied-by-js" });
  holds(answer.status === "success", answer);
  return answer.status;
});
await check("delete", async () => {
  await client.delete({ model: "copied-by-js" });
  const answer = await client.delete({ model: "made-by-js" });
  holds(answer.status === "success", answer);
  return answer.status;
});
await check("pull", async () => {
  const answer = await client.pull({ model: pullModel });
  holds(answer.status === "success", answer);
  return answer.status;
});
await check("pull_stream", async () => {
  const parts = await all(client.pull({ model: pullModel, stream: true }));
  holds(parts[0].status === "pulling manifest" && parts.at(-1).status === "success", parts);
  holds(parts.some((part) => part.digest && part.total), parts);
  return parts.length;
});
await check("push", async () => {
  const parts = await all(client.push({ model, stream: true }));
  holds(parts.at(-1).status === "success", parts);
  return parts.length;
});

// These two go to the makers of Ollama, whatever the address: nothing is let through, and where
// they would have gone is what is looked at.
const asked = [];
const kept = new Ollama({
  host: address,
  fetch: async (url) => {
    asked.push(String(url));
    throw new Error("kept here");
  },
});
for (const [name, call] of [
  ["web_search", () => kept.webSearch({ query: "anything" })],
  ["web_fetch", () => kept.webFetch({ url: "https://example.com" })],
]) {
  await check(name, async () => {
    const message = await call().then(() => "went out", (error) => error.message);
    holds(message === "kept here" && asked.at(-1).startsWith("https://ollama.com/"), message);
    return asked.at(-1);
  });
}
await check("systemone", async () => {
  const questions = { one: { type: "choice", instructions: "?", criteria: { a: "A", b: "B" } } };
  return client.systemone({ model, state: "x", questions }).catch((error) => {
    holds(error.status_code === 404, error.message);
    throw error;
  });
});
await check("encode_image", async () => {
  const encoded = await client.encodeImage(new Uint8Array([1, 2, 3]));
  holds(encoded === "AQID", encoded);
  return encoded;
});
// Nothing a later version of the client adds is left out.
await check("every_call", async () => {
  const inner = ["constructor", "fileExists", "processStreamableRequest"];
  const classes = [Ollama, Object.getPrototypeOf(Ollama)];
  const all = classes.flatMap((one) => Object.getOwnPropertyNames(one.prototype));
  const snake = (name) => name.replace(/[A-Z]/g, (sign) => `_${sign.toLowerCase()}`);
  const missing = all.filter((one) => !inner.includes(one) && !made.includes(snake(one)));
  holds(all.length > 15 && missing.length === 0, missing);
  return all.length;
});
