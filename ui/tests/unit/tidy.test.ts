import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const SOURCES = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile())
  .map((file) => join(file.parentPath, file.name));

const holding = (pattern: RegExp, files = SOURCES) =>
  files
    .filter((path) => pattern.test(readFileSync(path, "utf8")))
    .map((path) => relative(join(ROOT, "src"), path));

test("only src/ipc/tauri.ts knows Tauri", () => {
  expect(holding(/@tauri-apps|__TAURI__/)).toEqual(["ipc/tauri.ts"]);
});

test("effects live beside the host and the store", () => {
  const outside = holding(/\buse(Layout|Insertion)?Effect\b/).filter(
    (path) => !path.startsWith("ipc/") && !path.startsWith("state/"),
  );
  expect(outside).toEqual([]);
});

test("text of servers is never markup", () => {
  expect(holding(/dangerouslySetInnerHTML|innerHTML|insertAdjacentHTML|document\.write/)).toEqual(
    [],
  );
});

test("colours stand in the token file alone", () => {
  const styles = SOURCES.filter((path) => path.endsWith(".css") && !path.endsWith("tokens.css"));
  expect(holding(/#[0-9a-f]{3,8}\b|\brgb\(|\bhsl\(|\boklch\(/i, styles)).toEqual([]);
});

test("the lock file names no place to download from", () => {
  const lock = readFileSync(join(ROOT, "package-lock.json"), "utf8");
  expect(lock).not.toContain('"resolved"');
});

test.each(["index.html", "question.html"])("%s needs no inline script or style", (name) => {
  const page = readFileSync(join(ROOT, name), "utf8");
  expect(page).not.toMatch(/<style|\sstyle=|<script(?![^>]*\ssrc=)/);
});

test("no file is too long to be read at once", () => {
  const long = SOURCES.filter((path) => !path.includes("bindings")).filter(
    (path) => readFileSync(path, "utf8").split("\n").length > 450,
  );
  expect(long.map((path) => relative(ROOT, path))).toEqual([]);
});
