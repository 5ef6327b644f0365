/** One argument of a call. The name is absent where the arguments are no object. */
export type Argument = { name: string | undefined; value: string; text: boolean };

/**
 * The arguments, one by one, from their JSON. Read off the text itself: a reading that makes numbers
 * of numbers would show another number where one is too long, and what is shown has to be what is
 * sent.
 */
export function argumentsOf(json: string): Argument[] {
  const all = json.trim();
  if (all === "" || /^\{\s*\}$/.test(all)) return [];
  const found = all.startsWith("{") ? members(all) : undefined;
  return found ?? [{ name: undefined, value: all, text: false }];
}

function members(json: string): Argument[] | undefined {
  const found: Argument[] = [];
  let at = blank(json, 1);
  for (;;) {
    const nameEnd = textEnd(json, at);
    if (nameEnd === undefined) return undefined;
    const name = parsed(json.slice(at, nameEnd));
    at = blank(json, nameEnd);
    if (name === undefined || json[at] !== ":") return undefined;
    at = blank(json, at + 1);
    const end = valueEnd(json, at);
    const raw = json.slice(at, end).trimEnd();
    if (end === undefined || raw === "") return undefined;
    const text = raw.startsWith('"') ? parsed(raw) : undefined;
    found.push(
      text === undefined
        ? { name, value: raw.replaceAll("\n  ", "\n"), text: false }
        : { name, value: text, text: true },
    );
    if (json[end] === "}") return blank(json, end + 1) === json.length ? found : undefined;
    at = blank(json, end + 1);
  }
}

/** Where the next thing begins. */
function blank(json: string, from: number): number {
  let at = from;
  while (/[ \t\r\n]/.test(json[at] ?? "")) at += 1;
  return at;
}

/** Behind the closing quote. */
function textEnd(json: string, from: number): number | undefined {
  if (json[from] !== '"') return undefined;
  for (let at = from + 1; at < json.length; at += 1) {
    if (json[at] === "\\") at += 1;
    else if (json[at] === '"') return at + 1;
  }
  return undefined;
}

/** At the comma or the brace that ends a value. */
function valueEnd(json: string, from: number): number | undefined {
  let depth = 0;
  for (let at = from; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') {
      const end = textEnd(json, at);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (character === "{" || character === "[") depth += 1;
    else if (depth === 0 && (character === "," || character === "}")) return at;
    else if (character === "}" || character === "]") depth -= 1;
  }
  return undefined;
}

function parsed(json: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
