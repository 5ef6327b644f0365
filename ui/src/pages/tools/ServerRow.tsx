import type { ServerView } from "../../ipc/bindings/ServerView";
import { setServerEnabled } from "../../state/actions";
import { allowedWords, serverWord, tokensOf } from "../../state/health";
import { waitingTools } from "../../state/held";
import { usePanel } from "../../state/panel";
import { href } from "../../state/route";
import { formatTokens, plural } from "../../state/words";
import { Icon } from "../../ui/Icon";
import { PausedWords } from "../../ui/Moment";
import { Pill } from "../../ui/Pill";
import { Switch } from "../../ui/Switch";
import { ServerMenu } from "./ServerMenu";
import styles from "./Tools.module.css";

type ServerRowProps = {
  server: ServerView;
  open: boolean;
  onFold: (folded: boolean) => void;
  onEdit: () => void;
};

/** A server on top of its tools: fold, open, state, switch, menu. */
export function ServerRow({ server, open, onFold, onEdit }: ServerRowProps) {
  const panel = usePanel();
  const { tone, word } = serverWord(server);
  const { name } = server;
  const cost = tokensOf(server);
  const held = waitingTools(server);
  return (
    <div className={styles.server} data-open={open || undefined} data-testid={`server-${name}`}>
      <button
        type="button"
        className={styles.fold}
        aria-expanded={open}
        aria-label={`Tools of ${name}`}
        onClick={() => onFold(open)}
      >
        <Icon name={open ? "down" : "right"} />
      </button>
      <div className={styles.serverText}>
        <h2 className={styles.serverName}>
          <a href={href({ page: "server", server: name, tab: "state" })}>{name}</a>
        </h2>
        <p className={styles.serverFacts}>
          {allowedWords([server])}
          {cost > 0 && `, ${formatTokens(cost)}`}
        </p>
        {server.paused && (
          <p className={styles.serverFacts}>
            <PausedWords paused={server.paused} />
          </p>
        )}
        {server.startWaits && (
          <p className={styles.serverFacts}>
            <a href={href({ page: "start", server: name })} data-testid={`to-start-${name}`}>
              Look at how it is started<span className="unseen">: {name}</span>
            </a>
          </p>
        )}
        {held.length > 0 && (
          <p className={styles.serverFacts}>
            <a href={href({ page: "changes", server: name })} data-testid={`to-changes-${name}`}>
              {plural(held.length, "tool")} to look at<span className="unseen">: {name}</span>
            </a>
          </p>
        )}
      </div>
      <div className={styles.serverEnd}>
        <span data-testid={`state-${name}`}>
          <Pill tone={tone}>{word}</Pill>
        </span>
        <Switch
          checked={server.enabled}
          onChange={(enabled) => void setServerEnabled(panel, name, enabled)}
          label={`${name} is on`}
          testId={`switch-${name}`}
        />
        <ServerMenu server={server} onEdit={onEdit} />
      </div>
    </div>
  );
}
