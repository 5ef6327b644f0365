// The official TypeScript client, driven by lines of JSON on standard input. Each line is one step;
// the answer to it is one line of JSON on standard output.
import { createInterface } from "node:readline";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { ToolListChangedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

const client = new Client({ name: "drawbridge-tests-typescript", version: "1" });

let listChanges = 0;
let wakeWaiting = () => {};
client.setNotificationHandler(ToolListChangedNotificationSchema, () => {
  listChanges += 1;
  wakeWaiting();
});

const steps = {
  async open() {
    const transport = new StreamableHTTPClientTransport(new URL(process.env.GATEWAY_URL), {
      requestInit: { headers: { Authorization: `Bearer ${process.env.GATEWAY_TOKEN}` } },
    });
    await client.connect(transport);
    return { server: client.getServerVersion(), capabilities: client.getServerCapabilities() };
  },
  async tools() {
    const { tools } = await client.listTools();
    return { tools: tools.map((tool) => tool.name) };
  },
  async call({ name, arguments: args }) {
    const progress = [];
    const result = await client.callTool({ name, arguments: args }, undefined, {
      onprogress: (step) => progress.push(step.progress),
    });
    return { result, progress };
  },
  async cancel({ name, arguments: args }) {
    const stop = new AbortController();
    try {
      await client.callTool({ name, arguments: args }, undefined, {
        signal: stop.signal,
        onprogress: () => stop.abort("the test has seen enough"),
      });
      return { cancelled: false };
    } catch (error) {
      return { cancelled: true, why: String(error) };
    }
  },
  async prompt({ name, arguments: args }) {
    return { result: await client.getPrompt({ name, arguments: args }) };
  },
  async prompts() {
    const { prompts } = await client.listPrompts();
    return { prompts: prompts.map((prompt) => prompt.name) };
  },
  async resources() {
    const { resources } = await client.listResources();
    return { resources: resources.map((resource) => resource.uri) };
  },
  async read({ uri }) {
    return { result: await client.readResource({ uri }) };
  },
  async listChanged() {
    await new Promise((resolve) => {
      wakeWaiting = resolve;
      if (listChanges > 0) resolve();
    });
    return { listChanges };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line);
  let answer;
  try {
    answer = await steps[step.do](step);
  } catch (error) {
    answer = step.mayFail ? { failed: String(error), code: error.code } : { trouble: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit(0);
