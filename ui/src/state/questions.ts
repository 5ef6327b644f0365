import type { QuestionAnswer } from "../ipc/bindings/QuestionAnswer";
import type { QuestionView } from "../ipc/bindings/QuestionView";
import type { ToolClaims } from "../ipc/bindings/ToolClaims";
import { appName, plural } from "./words";

/** Questions that ask the very same thing and are answered together. */
export type QuestionGroup = {
  key: string;
  /** The oldest of them. */
  first: QuestionView;
  ids: readonly number[];
  /** What the app calls itself, where it says so, each name once. */
  saysIt: readonly string[];
  /** When the first of them is denied by itself. */
  expiresAt: number;
};

/** Puts equal questions together: same app, server, tool and arguments. The oldest group first. */
export function groupsOf(questions: readonly QuestionView[]): QuestionGroup[] {
  const groups = new Map<string, QuestionView[]>();
  const oldestFirst = [...questions].sort((a, b) => a.askedAt - b.askedAt || a.id - b.id);
  for (const question of oldestFirst) {
    const { client, server, tool } = question;
    const key = JSON.stringify([client, server, tool, question.arguments]);
    groups.set(key, [...(groups.get(key) ?? []), question]);
  }
  return [...groups].flatMap(([key, all]) => {
    const [first] = all;
    if (!first) return [];
    const said = all.flatMap(({ clientSays }) => clientSays ?? []);
    return {
      key,
      first,
      ids: all.map(({ id }) => id),
      saysIt: [...new Set(said)].filter((name) => !sameName(name, first.client)),
      expiresAt: Math.min(...all.map(({ expiresAt }) => expiresAt)),
    };
  });
}

/** Whether a name an app gives itself says no more than the one it is known by. */
function sameName(said: string, client: string): boolean {
  const plain = said.trim().toLowerCase();
  return plain === "" || plain === client.toLowerCase() || plain === appName(client).toLowerCase();
}

/** A way to answer: its word, its key, and what it holds for. */
export type AnswerWay = {
  answer: QuestionAnswer;
  word: string;
  detail: string | undefined;
  letter: string;
  allows: boolean;
  /** What was done, before the tool's name. */
  done: string;
};

/** Denying comes first, so that it is what the keyboard meets first. */
export const ANSWER_WAYS: readonly AnswerWay[] = [
  {
    answer: "deny",
    word: "Deny",
    detail: undefined,
    letter: "D",
    allows: false,
    done: "Denied",
  },
  {
    answer: "denyAndSwitchOff",
    word: "Deny and switch the tool off",
    detail: undefined,
    letter: "X",
    allows: false,
    done: "Denied and switched off",
  },
  {
    answer: "allowOnce",
    word: "Allow once",
    detail: "this call alone",
    letter: "O",
    allows: true,
    done: "Allowed once",
  },
  {
    answer: "allowForSession",
    word: "Allow for this session",
    detail: "this app, this tool",
    letter: "S",
    allows: true,
    done: "Allowed for this session",
  },
  {
    answer: "alwaysAllow",
    word: "Always allow",
    detail: "this app, this tool",
    letter: "W",
    allows: true,
    done: "Always allowed from now on",
  },
];

/** The ways to answer: about a tool that asks every time, none that is remembered. */
export function answerWays(everyTime: boolean): readonly AnswerWay[] {
  return everyTime
    ? ANSWER_WAYS.filter(({ answer }) => answer !== "allowForSession" && answer !== "alwaysAllow")
    : ANSWER_WAYS;
}

/** What of a pressed key decides. */
export type KeyPress = {
  key: string;
  code: string;
  repeat: boolean;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  shiftKey: boolean;
  isComposing: boolean;
};

/** The answer a key stands for: a letter by itself, pressed once. */
export function answerOfKey(press: KeyPress): QuestionAnswer | undefined {
  const { key, code, repeat, ctrlKey, altKey, metaKey, shiftKey, isComposing } = press;
  if (repeat || ctrlKey || altKey || metaKey || shiftKey || isComposing) return undefined;
  // Where the keys write another alphabet, the place of the key counts.
  const placed = /^Key([A-Z])$/.exec(code)?.[1];
  const letter = /^[a-z]$/i.test(key) ? key.toUpperCase() : isOtherLetter(key) ? placed : undefined;
  return ANSWER_WAYS.find((way) => way.letter === letter)?.answer;
}

const isOtherLetter = (key: string) => /^(?!\p{Script=Latin})\p{L}$/u.test(key);

/** How long is left until a question is denied by itself. */
export function timeLeftWords(expiresAt: number, now: number): string {
  const seconds = Math.ceil((expiresAt - now) / 1000);
  if (seconds <= 0) return "Denied by itself now";
  if (seconds < 60) return `Denied by itself in ${seconds} s`;
  const rest = seconds % 60;
  return `Denied by itself in ${Math.floor(seconds / 60)} min${rest > 0 ? ` ${rest} s` : ""}`;
}

/** How much of the time is left, from 1 to 0. */
export function timeLeftShare(askedAt: number, expiresAt: number, now: number): number {
  const whole = expiresAt - askedAt;
  return whole > 0 ? Math.min(1, Math.max(0, (expiresAt - now) / whole)) : 0;
}

export function allowedBeforeWords(times: number): string {
  if (times === 0) return "This is the first time.";
  return times === 1
    ? "You have allowed this once before."
    : `You have allowed this ${plural(times, "time")} before.`;
}

/** What a server claims, as sentences of its own. `strong` is what to look at twice. */
export function claimSentences(claims: ToolClaims): { text: string; strong: boolean }[] {
  const { readOnly, destructive, openWorld } = claims;
  const said: { text: string; strong: boolean }[] = [];
  const say = (text: string, strong = false) => said.push({ text, strong });
  if (readOnly === true) say("It only reads.");
  if (destructive === true) say("It may destroy something.", true);
  else if (readOnly === false)
    say(destructive === false ? "It writes, but destroys nothing." : "It writes.");
  else if (destructive === false && readOnly === null) say("It destroys nothing.");
  if (openWorld === true) say("It reaches beyond this computer.", true);
  if (openWorld === false) say("It stays on this computer.");
  return said;
}

export function waitingWords(questions: number): string {
  return questions === 1
    ? "1 question waits for your answer"
    : `${plural(questions, "question")} wait for your answer`;
}
