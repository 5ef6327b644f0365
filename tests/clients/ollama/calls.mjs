// What both scripts share: where they ask, and how they say how a call went.

export const address = process.argv[2] ?? process.env.OLLAMA_HOST;
const token = process.env.OLLAMA_TOKEN;
export const headers = token ? { Authorization: `Bearer ${token}` } : {};
export const model = process.env.OLLAMA_MODEL ?? "tiny";
export const embedModel = process.env.OLLAMA_EMBED_MODEL ?? "embeds";
export const pullModel = process.env.OLLAMA_PULL_MODEL ?? "pulled";
export const question = [{ role: "user", content: "hi" }];

// `systemone` came after the version that is compared with: not found is right.
const refused = new Set([...(process.env.EXPECT_REFUSED ?? "").split(","), "systemone"]);

// The client has a word to say of its own now and then; standard output is for the lines below.
const say = console.log;
console.log = console.error;

/** The names of the calls that were made. */
export const made = [];

/** Makes a call and says how it went, in one line. */
export async function check(name, call) {
  made.push(name);
  let detail;
  let ok;
  try {
    detail = await call();
    ok = !refused.has(name);
  } catch (error) {
    const status = error.status_code;
    detail = status ? `${status}: ${error.error}` : `${error.name}: ${error.message}`;
    // An error in the middle of a stream comes without a status.
    ok = refused.has(name) && (status >= 400 || error.constructor === Error);
  }
  if (!ok) {
    process.exitCode = 1;
  }
  say(JSON.stringify({ call: name, ok, detail }));
}

/** Fails where something does not hold. */
export function holds(condition, what) {
  if (!condition) {
    throw new TypeError(`not as it should be: ${JSON.stringify(what)}`);
  }
}

/** All parts of a stream. */
export async function all(stream) {
  const parts = [];
  for await (const part of await stream) {
    parts.push(part);
  }
  return parts;
}
