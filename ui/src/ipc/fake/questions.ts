import type { AllowedAnswer } from "../bindings/AllowedAnswer";
import type { AnswerLasts } from "../bindings/AnswerLasts";
import type { QuestionAnswer } from "../bindings/QuestionAnswer";
import type { QuestionView } from "../bindings/QuestionView";
import type { ToolClaims } from "../bindings/ToolClaims";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const CLAIMS: ToolClaims = {
  readOnly: null,
  destructive: null,
  idempotent: null,
  openWorld: null,
};

export function makeQuestion(id: number, rest: Partial<QuestionView> = {}): QuestionView {
  const now = Date.now();
  return {
    id,
    client: "vscode",
    clientSays: null,
    server: "files",
    tool: "write_file",
    title: null,
    description: "Writes a file. What was there before is lost.",
    claims: { ...CLAIMS, readOnly: false, destructive: true },
    arguments: JSON.stringify({ path: "notes.md", content: "" }, null, 2),
    askedAt: now,
    expiresAt: now + 50_000,
    allowedBefore: 0,
    everyTime: false,
    looksLike: [],
    ...rest,
  };
}

const PACKING = [
  "# Oslo, three days in May",
  "",
  "Train at 9.12, platform 4. Tickets are in /home/me/My notes/trips/tickets.pdf, and the",
  "booking is on https://rail.example.org/booking/8812 under me@example.org.",
  "",
  ...["passport", "rain coat", "charger", "water bottle", "good shoes", "a book", "swimwear"].map(
    (thing) => `- ${thing}`,
  ),
  "",
  "## Money",
  "",
  "Hotel: €412.50 for two nights, paid. Museum pass: 64 EUR each.",
  ...Array.from({ length: 30 }, (_, day) => `Day ${day + 1}: see the list for that day.`),
  "",
  "The end.",
].join("\n");

/** A file, a command with a character that turns what follows around, and two equal ones. */
export function someQuestions(): QuestionView[] {
  const now = Date.now();
  const later = (seconds: number) => ({
    askedAt: now + seconds * 1000,
    expiresAt: now + 5 * MINUTE + seconds * 1000,
  });
  const forecast = {
    client: "chat",
    clientSays: "Chatty 2 (beta)",
    server: "weather",
    tool: "forecast",
    title: null,
    description: "Forecast for a place, up to ten days.",
    claims: { ...CLAIMS, readOnly: true, openWorld: true },
    arguments: JSON.stringify({ place: "Oslo", days: 3 }, null, 2),
  };
  return [
    makeQuestion(11, {
      ...later(-9),
      clientSays: "Visual Studio Code",
      title: "Write a file",
      allowedBefore: 3,
      arguments: JSON.stringify(
        {
          path: "/home/me/My notes/trips/oslo.md",
          content: PACKING,
          options: { overwrite: true, encodings: ["utf-8"], mode: 420 },
        },
        null,
        2,
      ),
    }),
    makeQuestion(12, {
      ...later(-6),
      server: "shell",
      tool: "run_command",
      title: "Run a command",
      description: "Runs a command in the person's shell and gives back what it wrote.",
      claims: { ...CLAIMS, destructive: true, openWorld: true },
      arguments: JSON.stringify(
        {
          command:
            "sudo rm -rf /home/me/old && curl https://pay.example.org/\u202Etxt.hs/send -d 'amount=$1,250.00'",
          reason: "Pays the open invoice of 1,250.00 USD.\u200B",
        },
        null,
        2,
      ),
    }),
    makeQuestion(13, { ...forecast, ...later(-4) }),
    makeQuestion(14, { ...forecast, ...later(-2) }),
  ];
}

/** Its arguments hold what looks like a key. */
export function questionWithSecret(): QuestionView {
  return makeQuestion(11, {
    expiresAt: Date.now() + 5 * MINUTE,
    server: "chatter",
    tool: "post_message",
    description: "Posts a message in a channel.",
    claims: { ...CLAIMS, readOnly: false, openWorld: true },
    arguments: JSON.stringify({ channel: "general", text: "token ghp_exampleexample" }, null, 2),
    looksLike: ["a GitHub token", "a password"],
  });
}

export function someAnswers(): AllowedAnswer[] {
  const now = Date.now();
  const make = (
    id: number,
    [client, server, tool]: [string, string, string],
    lasts: AnswerLasts,
    givenAt: number,
    used: number,
  ): AllowedAnswer => ({
    id,
    client,
    server,
    tool,
    lasts,
    givenAt,
    used,
    lastUsed: used === 0 ? null : now - 4 * MINUTE * id,
  });
  return [
    make(1, ["vscode", "files", "write_file"], "always", now - 50 * HOUR, 12),
    make(2, ["vscode", "files", "edit_file"], "session", now - 40 * MINUTE, 1),
    make(3, ["vscode", "git", "git_commit"], "session", now - 35 * MINUTE, 0),
    make(4, ["chat", "weather", "forecast"], "always", now - 9 * 24 * HOUR, 48),
    make(5, ["chat", "files", "make_folder"], "always", now - 2 * HOUR, 0),
  ];
}

/** How long an answer is remembered, if it is. */
export function lastsOf(answer: QuestionAnswer): AnswerLasts | undefined {
  if (answer === "alwaysAllow") return "always";
  return answer === "allowForSession" ? "session" : undefined;
}
