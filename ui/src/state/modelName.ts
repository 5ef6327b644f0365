/** Takes what people paste: a command, an address of Ollama's library, or the name itself. */
export function readModelName(text: string): string {
  return text
    .trim()
    .replace(/^ollama\s+(pull|run)\s+/i, "")
    .replace(/^(https?:\/\/)?(www\.)?ollama\.com\/(library\/)?/i, "")
    .replace(/^https?:\/\/(hf\.co|huggingface\.co)\//i, "$1/")
    .replace(/[/\s]+$/, "");
}

const PART = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

/** Why a name cannot be one, or nothing. */
export function modelNameProblem(name: string): string | undefined {
  if (name === "") return "Write the name of a model, such as qwen3:8b.";
  if (/\s/.test(name)) return "A name has no blanks in it.";
  const [path = "", tag, ...more] = name.replace(/^([^/]+):(\d+)\//, "$1/").split(":");
  const parts = path.split("/");
  const wrong =
    more.length > 0 ||
    parts.length > 4 ||
    parts.some((part) => !PART.test(part)) ||
    (tag !== undefined && !PART.test(tag)) ||
    name.length > 200;
  return wrong ? "A name is written like qwen3:8b or hf.co/someone/model:Q4_K_M." : undefined;
}
