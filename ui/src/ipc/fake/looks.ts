import type { DiffPiece } from "../bindings/DiffPiece";
import type { ServerDraft } from "../bindings/ServerDraft";
import type { StartReview } from "../bindings/StartReview";
import { wordDifference } from "./difference";
import type { FakeEngine } from "./engine";
import type { Handlers } from "./index";
import { Refusal } from "./refusal";
import type { Scene } from "./scenes";
import { previewStart } from "./snippet";

type Names =
  | "pause"
  | "resume"
  | "cancel_calls"
  | "tool_differences"
  | "accept_tools"
  | "start_review"
  | "agree_to_start"
  | "set_secrets_rule"
  | "let_through_once"
  | "dismiss_blocked"
  | "secrets"
  | "store_secret"
  | "remove_secret";

/** What waits for the person's eyes, pauses, and secrets. */
export function lookHandlers(engine: FakeEngine, scene: Scene): Pick<Handlers, Names> {
  const done = (_effect: unknown) => null;
  return {
    pause: ({ scope, minutes }) => engine.calls.pause(scope, minutes),
    resume: ({ scope }) => done(engine.calls.resume(scope)),
    cancel_calls: ({ scope }) => engine.calls.cancel(scope),
    tool_differences: ({ server }) => engine.held.differences(engine.server(server)),
    accept_tools: ({ server, tools }) => {
      engine.changeServer(server, { tools: engine.held.accepted(engine.server(server), tools) });
      const names = tools.map(({ name }) => name).join(", ");
      const note = `Apps may use ${names} of ${server} as it is now.`;
      return done(engine.note({ kind: "toolsChanged", note, server }));
    },
    start_review: ({ server }) => review(engine, server, scene),
    agree_to_start: ({ server, fingerprint }) => {
      if (fingerprint !== review(engine, server, scene).fingerprint) {
        throw new Refusal(
          "other",
          `How ${server} is started has changed again since you looked at it, so it was not started. Look at it once more.`,
        );
      }
      engine.changeServer(server, { startWaits: false });
      return done(engine.start(server));
    },
    set_secrets_rule: ({ server, rule }) => {
      engine.changeServer(server, { secrets: rule });
      return done(engine.setting(`Keys and tokens of ${server} are treated anew.`, server));
    },
    let_through_once: ({ blocked }) => {
      const all = engine.snapshot.blocked;
      if (!all.some(({ id }) => id === blocked)) {
        throw new Refusal("other", "This was put away already, so nothing was changed.");
      }
      return done(
        engine.change({
          blocked: all.map((each) => (each.id === blocked ? { ...each, letThrough: true } : each)),
        }),
      );
    },
    dismiss_blocked: ({ blocked }) =>
      done(engine.change({ blocked: engine.snapshot.blocked.filter(({ id }) => id !== blocked) })),
    secrets: () => engine.secrets.view(engine.drafts, engine.snapshot.backends),
    store_secret: ({ name, value }) => {
      engine.secrets.set(name, value);
      const named = engine.secrets.view(engine.drafts).secrets.find((each) => each.name === name);
      for (const server of named?.servers ?? []) {
        if (engine.server(server).enabled) engine.stop(server, () => engine.start(server));
      }
      return null;
    },
    remove_secret: ({ name }) => done(engine.secrets.remove(name)),
  };
}

const AGREED =
  "uvx mcp-server-git --repository /home/me/recipes\nfolder: /home/me/recipes\nvariables: GIT_AUTHOR_NAME";

function review(engine: FakeEngine, name: string, scene: Scene): StartReview {
  const { startWaits, transport } = engine.server(name);
  if (!startWaits || transport.kind !== "local") {
    throw new Refusal("other", `${name} does not wait to be looked at any more.`);
  }
  const { command, args, cwd, envNames } = transport;
  const env = envNames.map((each) => ({ name: each, value: null }));
  const draft: ServerDraft = { name, transport: { kind: "local", command, args, env, cwd } };
  const preview = previewStart(draft);
  const now = `${preview.commandLine}\nfolder: ${cwd}\nvariables: ${envNames.join(", ")}`;
  const difference: DiffPiece[] = scene === "start-new" ? [] : wordDifference(AGREED, now);
  return { preview, difference, fingerprint: now };
}
