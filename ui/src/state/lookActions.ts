import type { BlockedView } from "../ipc/bindings/BlockedView";
import type { PauseScope } from "../ipc/bindings/PauseScope";
import type { SecretsRule } from "../ipc/bindings/SecretsRule";
import type { ToolDifference } from "../ipc/bindings/ToolDifference";
import { orSay, withServer } from "./actions";
import type { Panel } from "./panel";
import { withPause } from "./pause";
import { appName, plural } from "./words";

/** What a pause is about, at the beginning of a sentence. */
function scopeName(scope: PauseScope): string {
  if (scope.kind === "all") return "All tools";
  return scope.kind === "server" ? scope.server : appName(scope.client);
}

const are = (scope: PauseScope) => (scope.kind === "all" ? "are" : "is");

/** Pauses, and offers to stop what is still under way. */
export async function pause(panel: Panel, scope: PauseScope, minutes: number | null) {
  const since = Date.now();
  const until = minutes === null ? null : since + minutes * 60_000;
  let running = 0;
  const action = panel.store.guess(
    (snapshot) => withPause(snapshot, scope, { since, until, fromBefore: false }),
    async () => {
      running = await panel.host.call("pause", { scope, minutes });
    },
  );
  if (!(await orSay(panel, `${scopeName(scope)} ${are(scope)} not paused.`, action))) return;
  if (running === 0) return;
  panel.notices.show({
    tone: "done",
    text:
      running === 1 ? "1 call is still running." : `${plural(running, "call")} are still running.`,
    action: {
      label: running === 1 ? "Stop it" : "Stop them",
      icon: "stop",
      run: () => void cancelCalls(panel, scope),
      focus: false,
    },
  });
}

export function resume(panel: Panel, scope: PauseScope) {
  const action = panel.store.guess(
    (snapshot) => withPause(snapshot, scope, null),
    () => panel.host.call("resume", { scope }),
  );
  return orSay(panel, `${scopeName(scope)} ${are(scope)} still paused.`, action);
}

async function cancelCalls(panel: Panel, scope: PauseScope) {
  let stopped = 0;
  const cancel = async () => {
    stopped = await panel.host.call("cancel_calls", { scope });
  };
  if (!(await orSay(panel, "The calls were not stopped.", cancel()))) return;
  const text =
    stopped === 0
      ? "No call was running any more."
      : `${plural(stopped, "call")} ${stopped === 1 ? "was" : "were"} stopped.`;
  panel.notices.show({ tone: "done", text });
}

/** Lets apps use tools exactly as they were shown. */
export async function acceptTools(
  panel: Panel,
  server: string,
  shown: readonly ToolDifference[],
): Promise<boolean> {
  const tools = shown.map(({ tool, fingerprint }) => ({ name: tool.name, fingerprint }));
  const one = tools.length === 1;
  const notDone = one ? `${tools[0]?.name} stays held back.` : "The tools stay held back.";
  const done = await orSay(panel, notDone, panel.host.call("accept_tools", { server, tools }));
  if (done) await panel.store.refresh();
  return done;
}

export function setSecretsRule(panel: Panel, server: string, rule: SecretsRule) {
  const action = panel.store.guess(
    withServer(server, (each) => ({ ...each, secrets: rule })),
    () => panel.host.call("set_secrets_rule", { server, rule }),
  );
  return orSay(panel, `The choice for ${server} was not changed.`, action);
}

export function letThroughOnce(panel: Panel, { id }: BlockedView) {
  const action = panel.host
    .call("let_through_once", { blocked: id })
    .then(() => panel.store.refresh());
  return orSay(panel, "It is not let through.", action);
}

export function dismissBlocked(panel: Panel, { id }: BlockedView) {
  const action = panel.store.guess(
    (snapshot) => ({ ...snapshot, blocked: snapshot.blocked.filter((each) => each.id !== id) }),
    () => panel.host.call("dismiss_blocked", { blocked: id }),
  );
  return orSay(panel, "It was not put away.", action);
}
