import { useOllamaLog } from "../../state/log";
import { ollamaWord } from "../../state/ollama";
import { useSnapshot } from "../../state/panel";
import { href } from "../../state/route";
import { Icon } from "../../ui/Icon";
import { LogView } from "../../ui/LogView";
import { Page } from "../../ui/Page";
import { Pill } from "../../ui/Pill";
import styles from "./Models.module.css";

/** What the Ollama that Drawbridge starts writes. */
export function OllamaLogPage() {
  const { ollama } = useSnapshot();
  const log = useOllamaLog();
  const { tone, word } = ollamaWord(ollama);
  return (
    <Page
      title="Log of Ollama"
      subject="ollama log"
      above={
        <a className={styles.back} href={href({ page: "models", part: "installed" })}>
          <Icon name="left" /> Models
        </a>
      }
      aside={
        <span role="status">
          <Pill tone={tone}>{word}</Pill>
        </span>
      }
    >
      <LogView log={log} of="Ollama" />
    </Page>
  );
}
