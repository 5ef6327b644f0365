import { homeLine } from "../../state/ollama";
import { useSnapshot } from "../../state/panel";
import { href } from "../../state/route";
import { Icon } from "../../ui/Icon";
import styles from "./Ollama.module.css";

/** A line about Ollama, only where there is something to say. */
export function Ollama() {
  const line = homeLine(useSnapshot().ollama);
  if (!line) return null;
  return (
    <p className={styles.line} data-tone={line.tone} data-testid="home-ollama">
      <Icon name={line.tone === "trouble" ? "trouble" : "models"} className={styles.sign} />
      <span className={styles.words}>{line.text}</span>
      <a href={href({ page: "models", part: "installed" })}>
        Models<span className="unseen"> and Ollama</span>
      </a>
    </p>
  );
}
