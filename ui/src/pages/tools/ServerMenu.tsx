import type { ServerView } from "../../ipc/bindings/ServerView";
import {
  removeServer,
  restartServer,
  setAllTools,
  startServer,
  stopServer,
} from "../../state/actions";
import { pause, resume } from "../../state/lookActions";
import { usePanel } from "../../state/panel";
import { go } from "../../state/route";
import { Menu, MenuGroup, MenuItem, MenuLine } from "../../ui/Menu";

export function ServerMenu({ server, onEdit }: { server: ServerView; onEdit: () => void }) {
  const panel = usePanel();
  const { name, state, enabled, transport } = server;
  const running = state.kind === "ready" || state.kind === "starting";
  const own = transport.kind !== "builtIn";
  const scope = { kind: "server", server: name } as const;
  const noTools = server.tools.length === 0;
  return (
    <Menu label={`More for ${name}`}>
      {running ? (
        <>
          <MenuItem icon="restart" onClick={() => void restartServer(panel, name)}>
            Restart
          </MenuItem>
          <MenuItem icon="stop" onClick={() => void stopServer(panel, name)}>
            Stop
          </MenuItem>
        </>
      ) : server.startWaits ? (
        <MenuItem icon="eye" onClick={() => go({ page: "start", server: name })}>
          Look at how it is started
        </MenuItem>
      ) : (
        <MenuItem
          icon="play"
          disabled={!enabled || state.kind === "stopping"}
          onClick={() => void startServer(panel, name)}
        >
          Start
        </MenuItem>
      )}
      {server.paused ? (
        <MenuItem icon="play" testId="resume-server" onClick={() => void resume(panel, scope)}>
          Resume
        </MenuItem>
      ) : (
        <>
          <MenuItem
            icon="pause"
            testId="pause-server"
            onClick={() => void pause(panel, scope, null)}
          >
            Pause
          </MenuItem>
          <MenuItem
            icon="pause"
            testId="pause-server-15"
            onClick={() => void pause(panel, scope, 15)}
          >
            Pause for 15 minutes
          </MenuItem>
        </>
      )}
      <MenuLine />
      <MenuGroup label="All its tools">
        <MenuItem
          icon="none"
          disabled={noTools}
          testId="all-off"
          onClick={() => void setAllTools(panel, server, "off")}
        >
          Set all to Off
        </MenuItem>
        <MenuItem
          icon="info"
          disabled={noTools}
          testId="all-ask"
          onClick={() => void setAllTools(panel, server, "ask")}
        >
          Set all to Ask
        </MenuItem>
        <MenuItem
          icon="check"
          disabled={noTools}
          testId="all-allow"
          onClick={() => void setAllTools(panel, server, "allow")}
        >
          Set all to Allow
        </MenuItem>
      </MenuGroup>
      <MenuLine />
      <MenuItem icon="activity" onClick={() => go({ page: "server", server: name, tab: "log" })}>
        Open its log
      </MenuItem>
      {own && (
        <>
          <MenuItem icon="edit" testId="edit-server" onClick={onEdit}>
            Edit
          </MenuItem>
          <MenuItem
            icon="remove"
            danger
            testId="remove-server"
            onClick={() => void removeServer(panel, name)}
          >
            Remove
          </MenuItem>
        </>
      )}
    </Menu>
  );
}
