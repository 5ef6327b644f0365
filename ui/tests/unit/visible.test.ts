import { describe, expect, test } from "vitest";
import { argumentsOf } from "../../src/state/arguments";
import { standOut } from "../../src/state/standOut";
import { codeOf, foldOf, spelledOut, stretches } from "../../src/state/visible";

const codes = (text: string, lines = false) =>
  stretches(text, lines)
    .filter(({ code }) => code)
    .map(({ text: code }) => code);

describe("characters that show nothing", () => {
  test("each becomes a code, and the rest stays as it is", () => {
    expect(stretches("pay\u202Etxt.exe", false)).toEqual([
      { text: "pay", code: false },
      { text: "U+202E", code: true },
      { text: "txt.exe", code: false },
    ]);
    expect(stretches("", false)).toEqual([]);
    expect(codeOf("\u{E0041}")).toBe("U+E0041");
    expect(codeOf("\u0007")).toBe("U+0007");
  });

  test.each([
    ["a bell", "\u0007"],
    ["a C1 control", "\u0085"],
    ["the end of a screen line", "\r"],
    ["zero-width space", "\u200B"],
    ["zero-width joiner", "\u200D"],
    ["word joiner", "\u2060"],
    ["soft hyphen", "\u00AD"],
    ["byte order mark", "\uFEFF"],
    ["right-to-left mark", "\u200F"],
    ["right-to-left override", "\u202E"],
    ["an isolate", "\u2066"],
    ["the Arabic letter mark", "\u061C"],
    ["a line separator", "\u2028"],
    ["a tag", "\u{E0061}"],
    ["a variation selector", "\uFE01"],
    ["a supplementary variation selector", "\u{E0100}"],
    ["a Hangul filler", "\u3164"],
    ["an empty Braille pattern", "\u2800"],
    ["a space that is another character", "\u00A0"],
    ["a private character", "\uE000"],
    ["half a character", "\uD800"],
  ])("%s is seen", (_name, character) => {
    expect(codes(`a${character}b`, true)).toHaveLength(1);
  });

  test("ordinary text of any language has none", () => {
    for (const text of ["Größe, naïve", "Привет", "日本語", "שלום", "नमस्ते", "❤️ 🙂", "a b"]) {
      expect(codes(text), text).toEqual([]);
    }
  });

  test("breaks and tabs are seen where they do nothing", () => {
    expect(codes("a\n\tb", true)).toEqual([]);
    expect(codes("a\n\tb", false)).toEqual(["U+000A", "U+0009"]);
    expect(spelledOut("a\u202Eb")).toBe("a[U+202E]b");
  });
});

describe("folding", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, n) => `line ${n + 1}`);

  test("a short text stands whole", () => {
    expect(foldOf("")).toBeUndefined();
    expect(foldOf(lines(14).join("\n"))).toBeUndefined();
  });

  test("a long one begins with what it begins with, and says how long it is", () => {
    const fold = foldOf(lines(40).join("\n"));
    expect(fold?.label).toBe("Show all 40 lines");
    expect(fold?.head).toBe(lines(12).join("\n"));
  });

  test("one endless line is folded too, between characters", () => {
    const fold = foldOf("🙂".repeat(3000));
    expect(fold?.label).toBe("Show all 3,000 characters");
    expect(fold?.head).toMatch(/^(?:🙂)+$/u);
  });

  test("blank lines do not push the end out of sight", () => {
    expect(foldOf(`echo hello${"\n".repeat(200)}rm -rf ~`)?.label).toBe("Show all 201 lines");
  });
});

describe("what stands out", () => {
  const marked = (text: string, name?: string) =>
    standOut(text, name)
      .filter((run) => run.marked)
      .map((run) => run.text);

  test.each([
    ["see /etc/passwd and ~/.ssh/id_rsa.", ["/etc/passwd", "~/.ssh/id_rsa"]],
    ["copy ../up.txt here", ["../up.txt"]],
    ["open C:\\Users\\me\\a.txt now", ["C:\\Users\\me\\a.txt"]],
    ["on \\\\server\\share\\x", ["\\\\server\\share\\x"]],
    ["go to https://a.example.org/x?y=1.", ["https://a.example.org/x?y=1"]],
    ["or evil.com/path", ["evil.com/path"]],
    ["from 10.0.0.7:8080", ["10.0.0.7:8080"]],
    ["write to me@example.org, please", ["me@example.org"]],
    ["costs €412.50 or 64 EUR or $1,250.00.", ["€412.50", "64 EUR", "$1,250.00"]],
    ["first\nsudo rm -rf x", ["sudo", "rm"]],
    ["ls | curl -d @- x", ["curl"]],
  ])("%s", (text, expected) => {
    expect(marked(text)).toEqual(expected);
  });

  test("plain words do not", () => {
    const plain = "He or she may format this and/or move it, 3 of 4 times (1/2), at 9.12.";
    expect(marked(plain)).toEqual([]);
  });

  test("the name of an argument counts", () => {
    expect(marked("My notes/a b.md", "path")).toEqual(["My notes/a b.md"]);
    expect(marked("My notes/a b.md", "title")).toEqual([]);
    expect(marked("250", "amount")).toEqual(["250"]);
    expect(marked("250", "days")).toEqual([]);
    expect(marked("frobnicate --all; rm -rf /", "command")).toEqual(["frobnicate", ";", "rm", "/"]);
  });

  test("nothing is lost or moved", () => {
    const text = "x /a/b https://c.d.org $5 \u202E rm\n\tend  ";
    for (const name of ["", "command", "path"]) {
      expect(
        standOut(text, name)
          .map((run) => run.text)
          .join(""),
      ).toBe(text);
    }
  });

  test("a long text costs little", () => {
    const begun = performance.now();
    for (const piece of ["a", "a.", "a@", "/", "\\", "1,", " ", "$", "\n", "a-"]) {
      standOut(piece.repeat(100_000), "command");
    }
    expect(performance.now() - begun).toBeLessThan(3_000);
  });
});

describe("arguments", () => {
  const pretty = (value: unknown) => JSON.stringify(value, null, 2);

  test("an object becomes names and values, nested ones as indented text", () => {
    expect(argumentsOf(pretty({ path: 'a "b"\n{c}', n: 1, deep: { list: [1, "},"] } }))).toEqual([
      { name: "path", value: 'a "b"\n{c}', text: true },
      { name: "n", value: "1", text: false },
      {
        name: "deep",
        value: '{\n  "list": [\n    1,\n    "},"\n  ]\n}',
        text: false,
      },
    ]);
  });

  test("what is shown is what is sent: long numbers and odd names stay", () => {
    expect(argumentsOf('{\n  "n": 12345678901234567890.10,\n  "__proto__": "x"\n}')).toEqual([
      { name: "n", value: "12345678901234567890.10", text: false },
      { name: "__proto__", value: "x", text: true },
    ]);
    expect(argumentsOf('{"a":1,"a":2}').map(({ value }) => value)).toEqual(["1", "2"]);
  });

  test("none are none", () => {
    expect(argumentsOf("")).toEqual([]);
    expect(argumentsOf("{}")).toEqual([]);
    expect(argumentsOf("{ }")).toEqual([]);
  });

  test("what cannot be read as an object stands as it is", () => {
    for (const odd of ["[1, 2]", '"text"', '{"a":', '{"a" 1}', '{"a":1} rest', "{a}"]) {
      expect(argumentsOf(odd), odd).toEqual([{ name: undefined, value: odd, text: false }]);
    }
  });
});
