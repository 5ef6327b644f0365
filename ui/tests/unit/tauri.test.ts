import { beforeEach, describe, expect, test, vi } from "vitest";
import { tauriHost } from "../../src/ipc/tauri";

const tauri = vi.hoisted(() => ({ invoke: vi.fn(), listen: vi.fn() }));
vi.mock("@tauri-apps/api/core", () => ({ invoke: tauri.invoke }));
vi.mock("@tauri-apps/api/event", () => ({ listen: tauri.listen }));

beforeEach(() => vi.resetAllMocks());

describe("the desktop", () => {
  test("a command goes out by its name, with its arguments or none", async () => {
    tauri.invoke.mockResolvedValue(null);
    const host = tauriHost();
    await host.call("resume", { scope: { kind: "all" } });
    await host.call("snapshot");
    expect(tauri.invoke.mock.calls).toEqual([
      ["resume", { scope: { kind: "all" } }],
      ["snapshot", {}],
    ]);
  });

  test("whatever is thrown becomes a sentence", async () => {
    const known = { code: "nameTaken", problem: { message: "Taken.", detail: "" } };
    tauri.invoke.mockRejectedValueOnce(known).mockRejectedValueOnce("command not allowed");
    const host = tauriHost();
    await expect(host.call("snapshot")).rejects.toEqual(known);
    await expect(host.call("snapshot")).rejects.toMatchObject({
      code: "other",
      problem: { detail: "command not allowed" },
    });
  });

  test("one who leaves before the subscription has landed hears nothing and leaves nothing behind", async () => {
    const unlisten = vi.fn();
    let land: (stop: () => void) => void = () => {};
    tauri.listen.mockReturnValue(
      new Promise((resolve) => {
        land = resolve;
      }),
    );
    const heard = vi.fn();
    const stop = tauriHost().on(heard);
    expect(tauri.listen.mock.calls[0]?.[0]).toBe("panel-event");
    stop();
    stop();
    land(unlisten);
    await vi.waitFor(() => expect(unlisten).toHaveBeenCalledOnce());
    tauri.listen.mock.calls[0]?.[1]({ payload: { event: "activityRecorded" } });
    expect(heard).not.toHaveBeenCalled();
  });
});
