import { describe, expect, test } from "vitest";
import type { AllowedAnswer } from "../../src/ipc/bindings/AllowedAnswer";
import type { ToolClaims } from "../../src/ipc/bindings/ToolClaims";
import { makeQuestion, someAnswers, someQuestions } from "../../src/ipc/fake/questions";
import { answersByApp } from "../../src/state/allowed";
import {
  ANSWER_WAYS,
  allowedBeforeWords,
  answerOfKey,
  claimSentences,
  groupsOf,
  type KeyPress,
  timeLeftShare,
  timeLeftWords,
  waitingWords,
} from "../../src/state/questions";

describe("equal questions", () => {
  const ids = (...args: Parameters<typeof groupsOf>) => groupsOf(...args).map((group) => group.ids);

  test("are one group: same app, server, tool and arguments", () => {
    expect(ids(someQuestions())).toEqual([[11], [12], [13, 14]]);
    const one = { askedAt: 1 };
    expect(
      ids([
        makeQuestion(1, one),
        makeQuestion(2, { ...one, client: "chat" }),
        makeQuestion(3, { ...one, server: "git" }),
        makeQuestion(4, { ...one, tool: "read_file" }),
        makeQuestion(5, { ...one, arguments: '{"path": "other"}' }),
        makeQuestion(6, one),
      ]),
    ).toEqual([[1, 6], [2], [3], [4], [5]]);
  });

  test("the oldest group comes first, and is denied when its first one is", () => {
    const groups = groupsOf([
      makeQuestion(3, { askedAt: 30, expiresAt: 80 }),
      makeQuestion(2, { askedAt: 20, expiresAt: 70, tool: "other" }),
      makeQuestion(1, { askedAt: 10, expiresAt: 90 }),
    ]);
    expect(groups.map(({ first }) => first.id)).toEqual([1, 2]);
    expect(groups[0]?.expiresAt).toBe(80);
    expect(groupsOf([])).toEqual([]);
  });

  test("names cannot be put so that two questions look like one", () => {
    expect(
      ids([
        makeQuestion(1, { askedAt: 1, client: 'a","b', server: "c" }),
        makeQuestion(2, { askedAt: 1, client: "a", server: 'b","c' }),
      ]),
    ).toEqual([[1], [2]]);
  });

  test("what an app calls itself is told only where it says more", () => {
    const says = (clientSays: string | null) =>
      groupsOf([makeQuestion(1, { client: "vscode", clientSays })])[0]?.saysIt;
    expect(says("Visual Studio Code")).toEqual(["Visual Studio Code"]);
    expect(says("VS Code")).toEqual([]);
    expect(says(" VSCODE ")).toEqual([]);
    expect(says(null)).toEqual([]);
  });
});

describe("keys", () => {
  const press = (key: string, rest: Partial<KeyPress> = {}) =>
    answerOfKey({
      key,
      code: `Key${key.toUpperCase()}`,
      repeat: false,
      ctrlKey: false,
      altKey: false,
      metaKey: false,
      shiftKey: false,
      isComposing: false,
      ...rest,
    });

  test("each letter is one answer", () => {
    expect(["o", "s", "w", "d", "x"].map((key) => press(key))).toEqual([
      "allowOnce",
      "allowForSession",
      "alwaysAllow",
      "deny",
      "denyAndSwitchOff",
    ]);
    expect(press("O"), "with the capitals locked").toBe("allowOnce");
    expect(new Set(ANSWER_WAYS.map(({ letter }) => letter)).size).toBe(ANSWER_WAYS.length);
  });

  test("nothing else is", () => {
    for (const key of ["Enter", " ", "Escape", "a", "y", "Tab", "1", "ö", "Dead"]) {
      expect(press(key, { code: key }), key).toBeUndefined();
    }
    const held: Partial<KeyPress>[] = [
      { repeat: true },
      { ctrlKey: true },
      { altKey: true },
      { metaKey: true },
      { shiftKey: true },
      { isComposing: true },
    ];
    for (const each of held) expect(press("o", each), JSON.stringify(each)).toBeUndefined();
  });

  test("the letter counts, and its place only under another alphabet", () => {
    expect(press("z", { code: "KeyW" }), "a French keyboard").toBeUndefined();
    expect(press("w", { code: "KeyZ" })).toBe("alwaysAllow");
    expect(press("щ", { code: "KeyO" }), "a Russian one").toBe("allowOnce");
  });
});

describe("words of a question", () => {
  test("the time left", () => {
    expect(timeLeftWords(42_000, 0)).toBe("Denied by itself in 42 s");
    expect(timeLeftWords(42_000, 100)).toBe("Denied by itself in 42 s");
    expect(timeLeftWords(59_001, 0)).toBe("Denied by itself in 1 min");
    expect(timeLeftWords(299_000, 0)).toBe("Denied by itself in 4 min 59 s");
    expect(timeLeftWords(0, 5)).toBe("Denied by itself now");
    expect(timeLeftShare(0, 50, 25)).toBe(0.5);
    expect(timeLeftShare(0, 50, 99)).toBe(0);
    expect(timeLeftShare(10, 50, 0), "a clock that was set back").toBe(1);
    expect(timeLeftShare(5, 5, 5)).toBe(0);
  });

  test("counts", () => {
    expect(allowedBeforeWords(0)).toBe("This is the first time.");
    expect(allowedBeforeWords(1)).toBe("You have allowed this once before.");
    expect(allowedBeforeWords(3)).toBe("You have allowed this 3 times before.");
    expect(waitingWords(1)).toBe("1 question waits for your answer");
    expect(waitingWords(2)).toBe("2 questions wait for your answer");
  });

  test("a claim that is not made is not told", () => {
    const none: ToolClaims = {
      readOnly: null,
      destructive: null,
      idempotent: null,
      openWorld: null,
    };
    const said = (claims: Partial<ToolClaims>) =>
      claimSentences({ ...none, ...claims }).map(({ text }) => text);
    expect(said({})).toEqual([]);
    expect(said({ readOnly: true, destructive: false })).toEqual(["It only reads."]);
    expect(said({ readOnly: true, destructive: true }), "both, where both are said").toEqual([
      "It only reads.",
      "It may destroy something.",
    ]);
    expect(said({ readOnly: false, openWorld: true })).toEqual([
      "It writes.",
      "It reaches beyond this computer.",
    ]);
    expect(said({ destructive: false })).toEqual(["It destroys nothing."]);
  });
});

describe("allowed answers", () => {
  test("stand by app, by server, by tool", () => {
    const shape = answersByApp(someAnswers()).map(({ client, ids, servers }) => ({
      client,
      ids,
      servers: servers.map(({ server, answers }) => [server, ...answers.map(({ tool }) => tool)]),
    }));
    expect(shape).toEqual([
      {
        client: "chat",
        ids: [5, 4],
        servers: [
          ["files", "make_folder"],
          ["weather", "forecast"],
        ],
      },
      {
        client: "vscode",
        ids: [2, 1, 3],
        servers: [
          ["files", "edit_file", "write_file"],
          ["git", "git_commit"],
        ],
      },
    ]);
  });

  test("each stands once, whatever their order", () => {
    const answers: AllowedAnswer[] = [...someAnswers(), ...someAnswers()].map((answer, id) => ({
      ...answer,
      id,
    }));
    const ids = answersByApp(answers).flatMap((app) => app.ids);
    expect(ids.sort((a, b) => a - b)).toEqual(answers.map(({ id }) => id));
  });
});
