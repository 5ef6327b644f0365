import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useLayoutEffect,
  useState,
  useSyncExternalStore,
} from "react";
import type { ActivityFilter } from "../ipc/bindings/ActivityFilter";
import type { ServerView } from "../ipc/bindings/ServerView";
import type { Snapshot } from "../ipc/bindings/Snapshot";
import type { Host } from "../ipc/host";
import { ActivityFeed, type FeedView } from "./activity";
import { ANYTHING } from "./activityFilter";
import { Models } from "./models";
import { Notices } from "./notices";
import { type PanelState, Store } from "./store";
import { WorkWatch } from "./workWatch";

/** All that lives as long as the window does. */
export type Panel = {
  host: Host;
  store: Store;
  /** All that is on record. */
  feed: ActivityFeed;
  /** What fits the filter of the activity page. */
  narrowed: ActivityFeed;
  work: WorkWatch;
  models: Models;
  notices: Notices;
};

export function makePanel(host: Host): Panel {
  return {
    host,
    store: new Store(host),
    feed: new ActivityFeed(host),
    narrowed: new ActivityFeed(host),
    work: new WorkWatch(),
    models: new Models(host),
    notices: new Notices(),
  };
}

const PanelContext = createContext<Panel | undefined>(undefined);
const SnapshotContext = createContext<Snapshot | undefined>(undefined);

type PanelProviderProps = {
  panel: Panel;
  /** Whether the window shows the record; one that does not has no use for reading it. */
  record?: boolean;
  children: ReactNode;
};

export function PanelProvider({ panel, record = true, children }: PanelProviderProps) {
  useEffect(() => {
    const stops = [panel.store.follow()];
    if (record) {
      stops.push(panel.feed.follow(), panel.work.follow(panel.host));
      stops.push(panel.models.listen(panel.notices));
    }
    return () => {
      for (const stop of stops) stop();
    };
  }, [panel, record]);
  return <PanelContext value={panel}>{children}</PanelContext>;
}

export function usePanel(): Panel {
  const panel = useContext(PanelContext);
  if (!panel) throw new Error("a page needs the PanelProvider around it");
  return panel;
}

export function usePanelState(): PanelState {
  const { store } = usePanel();
  return useSyncExternalStore(store.subscribe, store.state);
}

/** Gives the pages below the snapshot, once there is one. */
export function SnapshotProvider(props: { snapshot: Snapshot; children: ReactNode }) {
  return <SnapshotContext value={props.snapshot}>{props.children}</SnapshotContext>;
}

export function useSnapshot(): Snapshot {
  const snapshot = useContext(SnapshotContext);
  if (!snapshot) throw new Error("a page needs the SnapshotProvider around it");
  return snapshot;
}

export function useServer(name: string): ServerView | undefined {
  return useSnapshot().servers.find((server) => server.name === name);
}

export function useFeed(): FeedView {
  const { feed } = usePanel();
  return useSyncExternalStore(feed.subscribe, feed.view);
}

/** What fits a filter, followed for as long as the page shows it. */
export function useShownFeed(filter: ActivityFilter): { feed: ActivityFeed; view: FeedView } {
  const { feed, narrowed } = usePanel();
  const key = JSON.stringify(filter);
  const all = key === JSON.stringify(ANYTHING);
  // Before the window is drawn, so that what fitted another filter is not seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the filter.
  useLayoutEffect(() => {
    if (!all) narrowed.show(filter);
  }, [narrowed, key, all]);
  useLayoutEffect(() => (all ? undefined : narrowed.follow()), [narrowed, all]);
  const shown = all ? feed : narrowed;
  return { feed: shown, view: useSyncExternalStore(shown.subscribe, shown.view) };
}

export function useNotices() {
  const { notices } = usePanel();
  return useSyncExternalStore(notices.subscribe, notices.all);
}

/** The moment, for "two minutes ago", as often as asked. Nothing ticks while nothing asks. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
