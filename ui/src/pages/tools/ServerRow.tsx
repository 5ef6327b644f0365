import type { ServerView } from "../../ipc/bindings/ServerView";
import { setServerEnabled } from "../../state/actions";
import { allowedWords, serverWord, tokensOf } from "../../state/health";
import { usePanel } from "../../state/panel";
import { href } from "../../state/route";
import { formatTokens } from "../../state/words";
import { Icon } from "../../ui/Icon";
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
