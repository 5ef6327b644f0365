import { CSPProvider } from "@base-ui/react/csp-provider";
import { ActivityPage } from "./pages/activity/ActivityPage";
import { AnswersPage } from "./pages/answers/AnswersPage";
import { ChangesPage } from "./pages/changes/ChangesPage";
import { HomePage } from "./pages/home/HomePage";
import { ModelsPage } from "./pages/models/ModelsPage";
import { OllamaLogPage } from "./pages/models/OllamaLogPage";
import { Shell } from "./pages/Shell";
import { StartFailed, Starting } from "./pages/Starting";
import { ServerPage } from "./pages/server/ServerPage";
import { SettingsPage } from "./pages/settings/SettingsPage";
import { StartPage } from "./pages/start/StartPage";
import { ToolsPage } from "./pages/tools/ToolsPage";
import { type Panel, PanelProvider, SnapshotProvider, usePanelState } from "./state/panel";
import { useRoute } from "./state/route";
import { NoticeList } from "./ui/NoticeList";

export function App({ panel }: { panel: Panel }) {
  return (
    <CSPProvider disableStyleElements>
      <PanelProvider panel={panel}>
        <Pages />
        <NoticeList />
      </PanelProvider>
    </CSPProvider>
  );
}

function Pages() {
  const state = usePanelState();
  if (state.kind === "failed") return <StartFailed error={state.error} />;
  if (state.kind === "loading") return <Starting />;
  return (
    <SnapshotProvider snapshot={state.snapshot}>
      <Shell>
        <CurrentPage />
      </Shell>
    </SnapshotProvider>
  );
}

function CurrentPage() {
  const route = useRoute();
  switch (route.page) {
    case "home":
      return <HomePage />;
    case "tools":
      return <ToolsPage />;
    case "server":
      return <ServerPage key={route.server} name={route.server} tab={route.tab} />;
    case "changes":
      return <ChangesPage key={route.server} name={route.server} />;
    case "start":
      return <StartPage key={route.server} name={route.server} />;
    case "activity":
      return <ActivityPage entry={route.entry} chosen={route.chosen ?? {}} />;
    case "models":
      return <ModelsPage part={route.part} model={route.model} />;
    case "ollamaLog":
      return <OllamaLogPage />;
    case "settings":
      return <SettingsPage part={route.part} />;
    case "answers":
      return <AnswersPage />;
  }
}
