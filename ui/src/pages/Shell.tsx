import type { ReactNode } from "react";
import { health, needsYou } from "../state/health";
import { resume } from "../state/lookActions";
import { usePanel, useSnapshot } from "../state/panel";
import { href, type Route, useRoute } from "../state/route";
import { Button } from "../ui/Button";
import { Icon, type IconName } from "../ui/Icon";
import { Mark } from "../ui/Mark";
import { PausedWords } from "../ui/Moment";
import { Pill } from "../ui/Pill";
import styles from "./Shell.module.css";

type Place = { word: string; icon: IconName; route: Route; pages: Route["page"][] };

/** The sidebar has room for six places; each has one job. */
const PLACES: Place[] = [
  { word: "Home", icon: "home", route: { page: "home" }, pages: ["home"] },
  {
    word: "Tools",
    icon: "tools",
    route: { page: "tools" },
    pages: ["tools", "server", "changes", "start"],
  },
  {
    word: "Activity",
    icon: "activity",
    route: { page: "activity", entry: undefined },
    pages: ["activity"],
  },
  {
    word: "Models",
    icon: "models",
    route: { page: "models", part: "installed" },
    pages: ["models", "ollamaLog"],
  },
  {
    word: "Settings",
    icon: "settings",
    route: { page: "settings" },
    pages: ["settings", "answers"],
  },
];

export function Shell({ children }: { children: ReactNode }) {
  const panel = usePanel();
  const snapshot = useSnapshot();
  const route = useRoute();
  const { up, sign, word, tone } = health(snapshot);
  const count = needsYou(snapshot);
  return (
    <div className={styles.shell}>
      <div className={styles.side}>
        <div className={styles.brand} aria-hidden="true">
          <span className={styles.mark} data-tone={tone}>
            <Mark up={up} sign={sign} />
          </span>
          <span className={styles.name}>Drawbridge</span>
        </div>
        <nav className={styles.nav} aria-label="Places">
          <ul>
            {PLACES.map((place) => (
              <li key={place.word}>
                <a
                  href={href(place.route)}
                  aria-current={place.pages.includes(route.page) ? "page" : undefined}
                  data-testid={`nav-${place.word.toLowerCase()}`}
                >
                  <Icon name={place.icon} />
                  <span>{place.word}</span>
                  {place.word === "Home" && count > 0 && (
                    <span className={styles.count}>
                      {count}
                      <span className="unseen"> {count === 1 ? "needs" : "need"} a look</span>
                    </span>
                  )}
                </a>
              </li>
            ))}
          </ul>
        </nav>
        <p className={styles.state} role="status" data-testid="bridge-state">
          <span className="unseen">Drawbridge: </span>
          <Pill tone={tone}>{word}</Pill>
        </p>
      </div>
      <main className={styles.main} id="main" data-fixed={route.page === "activity" || undefined}>
        {snapshot.paused && route.page !== "home" && (
          <div className={styles.banner}>
            <p>
              <strong>All tools are paused.</strong> <PausedWords paused={snapshot.paused} /> Each
              call is refused.
            </p>
            <Button onClick={() => void resume(panel, { kind: "all" })}>Resume</Button>
          </div>
        )}
        {children}
      </main>
    </div>
  );
}
