import type { AllowedAnswer } from "../ipc/bindings/AllowedAnswer";
import type { AnswerLasts } from "../ipc/bindings/AnswerLasts";
import { appName } from "./words";

export const LASTS_WORDS: Record<AnswerLasts, string> = {
  session: "Until the session ends",
  always: "Always",
};

export type AppAnswers = {
  client: string;
  ids: number[];
  servers: { server: string; answers: AllowedAnswer[] }[];
};

/** Remembered answers by app, then by server, then by tool. */
export function answersByApp(answers: readonly AllowedAnswer[]): AppAnswers[] {
  const sorted = [...answers].sort(
    (a, b) =>
      appName(a.client).localeCompare(appName(b.client)) ||
      a.client.localeCompare(b.client) ||
      a.server.localeCompare(b.server) ||
      a.tool.localeCompare(b.tool) ||
      a.id - b.id,
  );
  const apps: AppAnswers[] = [];
  for (const answer of sorted) {
    let app = apps.at(-1);
    if (app?.client !== answer.client) {
      app = { client: answer.client, ids: [], servers: [] };
      apps.push(app);
    }
    app.ids.push(answer.id);
    const server = app.servers.at(-1);
    if (server?.server === answer.server) server.answers.push(answer);
    else app.servers.push({ server: answer.server, answers: [answer] });
  }
  return apps;
}
