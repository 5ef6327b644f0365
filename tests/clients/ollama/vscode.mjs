// The six calls of Ollama's own extension for VS Code, in its order and with its headers, as read
// in github.com/ollama/ollama-vscode (src/provider.ts, version 0.0.8): version, tags,
// recommendations, show for each model, then a chat as a stream and, while it runs, ps.
//
//     node vscode.mjs [ADDRESS]
//
// The variables and the lines are those of client.mjs.
import { Ollama } from "ollama";
import { address, check, headers, holds, model, question } from "./calls.mjs";

/** How long the extension waits for recommendations, and the context it warns below. */
const RECOMMENDATIONS_MS = 2000;
const LEAST_CONTEXT = 64 * 1024;

const client = new Ollama({ host: address, headers });

await check("GET /api/version", async () => {
  const { version } = await client.version();
  holds(typeof version === "string" && version !== "", version);
  return version;
});

let models = [];
await check("GET /api/tags", async () => {
  ({ models } = await client.list());
  holds(models.every((one) => typeof one.name === "string"), models);
  holds(models.length > 0, "no models");
  return models.map((one) => one.name);
});

await check("GET /api/experimental/model-recommendations", async () => {
  const base = address.includes("://") ? address : `http://${address}`;
  const response = await fetch(new URL("api/experimental/model-recommendations", `${base}/`), {
    headers: { ...headers, accept: "application/json" },
    signal: AbortSignal.timeout(RECOMMENDATIONS_MS),
  });
  holds(response.ok, response.status);
  const { recommendations } = await response.json();
  holds(recommendations.every((one) => typeof one.model === "string"), recommendations);
  return recommendations.length;
});

await check("POST /api/show", async () => {
  const shown = await Promise.all(models.map((one) => client.show({ model: one.name })));
  return shown.map((one) => {
    const family = one.model_info["general.architecture"];
    const context = one.model_info[`${family}.context_length`];
    holds(Array.isArray(one.capabilities) && context > 0, one);
    return context;
  });
});

let running;
await check("POST /api/chat", async () => {
  const stream = await client.chat({ model, messages: question, stream: true, options: { seed: 1 } });
  running = client.ps();
  let text = "";
  let last;
  for await (const part of stream) {
    text += part.message?.content ?? "";
    last = part;
  }
  holds(text !== "" && last.done && last.prompt_eval_count >= 0 && last.eval_count >= 0, last);
  return { text: text.length, prompt: last.prompt_eval_count, reply: last.eval_count };
});

await check("GET /api/ps", async () => {
  const { models: loaded } = await running;
  const one = loaded.find((found) => found.name.split(":")[0] === model.split(":")[0]);
  holds(Number.isInteger(one?.context_length), loaded);
  return { context: one.context_length, warns: one.context_length < LEAST_CONTEXT };
});
