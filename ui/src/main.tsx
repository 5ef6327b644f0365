import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./App";
import { openHost } from "./ipc";
import { makePanel } from "./state/panel";
import "./styles/tokens.css";
import "./styles/base.css";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no element with the id root");
const panel = makePanel(await openHost());
createRoot(root).render(
  <StrictMode>
    <App panel={panel} />
  </StrictMode>,
);
