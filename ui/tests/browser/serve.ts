import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import type {} from "vitest";
import type { TestProject } from "vitest/node";

/** The policy the desktop sets, without what only its own scheme needs. */
const POLICY =
  "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
};

declare module "vitest" {
  export interface ProvidedContext {
    panel: string;
  }
}

/** Serves the built panel on a free port of this computer while the browser tests run. */
export default async function serve(project: TestProject) {
  const root = join(import.meta.dirname, "../../dist");
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://panel");
    const path = normalize(join(root, pathname === "/" ? "index.html" : pathname));
    const body = path.startsWith(root) ? await readFile(path).catch(() => undefined) : undefined;
    response.writeHead(body ? 200 : 404, {
      "content-type": TYPES[extname(path)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
    });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  project.provide("panel", `http://127.0.0.1:${port}`);
  return () => new Promise<void>((resolve) => server.close(() => resolve()));
}
