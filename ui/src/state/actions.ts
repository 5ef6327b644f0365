import type { Mode } from "../ipc/bindings/Mode";
import type { Preset } from "../ipc/bindings/Preset";
import type { ServerView } from "../ipc/bindings/ServerView";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import { commandError } from "../ipc/host";
import { treatment } from "./errors";
import type { Panel } from "./panel";
import { plural } from "./words";

const MODE_WORDS: Record<Mode, string> = {
  off: "Off",
  ask: "Ask",
  "ask-every-time": "Ask every time",
  allow: "Allow",
};

/** Says in an alert that something was not done, and why. */
export async function orSay(
  panel: Panel,
  notDone: string,
  action: Promise<unknown>,
): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (thrown) {
    const error = commandError(thrown);
    if (treatment(error) === "silent") return false;
    const { problem } = error;
    const text = `${notDone} ${problem.message}`;
    panel.notices.show({ tone: "trouble", text, detail: problem.detail });
    return false;
  }
}

export const withServer =
  (name: string, change: (server: ServerView) => ServerView) => (snapshot: Snapshot) => ({
    ...snapshot,
    servers: snapshot.servers.map((each) => (each.name === name ? change(each) : each)),
  });

export function setToolMode(panel: Panel, server: string, tool: string, mode: Mode) {
  const guess = withServer(server, (each) => ({
    ...each,
    tools: each.tools.map((one) =>
      one.name === tool ? { ...one, mode, modeSource: "tool" as const } : one,
    ),
  }));
  const action = panel.store.guess(guess, () =>
    panel.host.call("set_tool_mode", { server, tool, mode }),
  );
  return orSay(panel, `${tool} was not set to ${MODE_WORDS[mode]}.`, action);
}

/** Sets all tools of a server, and offers to put each back. */
export async function setAllTools(panel: Panel, server: ServerView, mode: Mode) {
  const { name } = server;
  const before = server.tools.filter((tool) => tool.mode !== mode);
  if (before.length === 0) return;
  const guess = withServer(name, (each) => ({
    ...each,
    tools: each.tools.map((tool) => ({ ...tool, mode, modeSource: "tool" as const })),
  }));
  const action = panel.store.guess(guess, () =>
    panel.host.call("set_all_tools", { server: name, mode }),
  );
  if (!(await orSay(panel, `The tools of ${name} were not changed.`, action))) return;
  const putBack = async () => {
    for (const tool of before) {
      if (!(await setToolMode(panel, name, tool.name, tool.mode))) return;
    }
  };
  panel.notices.show({
    tone: "done",
    text: `All tools of ${name} are set to ${MODE_WORDS[mode]}.`,
    action: { label: "Undo", run: () => void putBack(), focus: false },
  });
}

/** Sets what tools without a mode of their own get, and lets those run that were confirmed. */
export async function setPreset(
  panel: Panel,
  server: ServerView,
  preset: Preset,
  allowed: string[] = [],
) {
  const { name } = server;
  const action = panel.host.call("set_preset", { server: name, preset, allowed });
  if (!(await orSay(panel, `The tools of ${name} were not changed.`, action))) return;
  await panel.store.refresh();
  const before = server.preset;
  panel.notices.show({
    tone: "done",
    text:
      allowed.length > 0
        ? `${plural(allowed.length, "tool")} of ${name} may run, the rest asks.`
        : `Tools of ${name} without a mode of their own are set anew.`,
    // What was confirmed is set on each tool, and is taken back there.
    ...(allowed.length === 0 && {
      action: {
        label: "Undo",
        run: () => void setPreset(panel, { ...server, preset }, before),
        focus: false,
      },
    }),
  });
}

export function setServerEnabled(panel: Panel, server: string, enabled: boolean) {
  const guess = withServer(server, (each) => ({ ...each, enabled }));
  const action = panel.store.guess(guess, () =>
    panel.host.call("set_server_enabled", { server, enabled }),
  );
  return orSay(panel, `${server} was not switched ${enabled ? "on" : "off"}.`, action);
}

export const startServer = (panel: Panel, server: string) =>
  orSay(panel, `${server} was not started.`, panel.host.call("start_server", { server }));
export const stopServer = (panel: Panel, server: string) =>
  orSay(panel, `${server} was not stopped.`, panel.host.call("stop_server", { server }));
export const restartServer = (panel: Panel, server: string) =>
  orSay(panel, `${server} was not restarted.`, panel.host.call("restart_server", { server }));

/** Removes a server at once and offers to put it back. */
export function removeServer(panel: Panel, server: string) {
  const remove = async () => {
    const { undo } = await panel.host.call("remove_server", { server });
    const restore = () =>
      void orSay(panel, `${server} was not put back.`, panel.host.call("restore_server", { undo }));
    panel.notices.show({
      tone: "done",
      text: `${server} was removed.`,
      action: { label: "Undo", run: restore, focus: true },
    });
  };
  return orSay(panel, `${server} was not removed.`, remove());
}

/** Takes remembered answers back, and says what follows from it. */
export async function takeBackAnswers(panel: Panel, answers: readonly number[]): Promise<boolean> {
  const action = panel.host.call("take_back_answers", { answers: [...answers] });
  const one = answers.length === 1;
  const done = await orSay(
    panel,
    one ? "The answer was not taken back." : "The answers were not taken back.",
    action,
  );
  if (done) {
    const text = `${plural(answers.length, "answer")} ${one ? "was" : "were"} taken back. From the next call on you are asked again.`;
    panel.notices.show({ tone: "done", text });
    await panel.store.refresh();
  }
  return done;
}

export async function copyText(panel: Panel, text: string): Promise<boolean> {
  return orSay(panel, "Nothing was copied.", panel.host.call("copy_text", { text }));
}

export const openConfigFile = (panel: Panel) =>
  orSay(panel, "The config file was not opened.", panel.host.call("open_config_file"));
export const openLogFolder = (panel: Panel) =>
  orSay(panel, "The folder was not opened.", panel.host.call("open_log_folder"));
