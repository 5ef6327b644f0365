import { useServerLog } from "../../state/log";
import { LogView } from "../../ui/LogView";

/** What a server writes, as it writes it. */
export function ServerLog({ server }: { server: string }) {
  return <LogView log={useServerLog(server)} of="the server" />;
}
