import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { openHost } from "./ipc";
import { QuestionWindow } from "./pages/question/QuestionWindow";
import { makePanel } from "./state/panel";
import "./styles/tokens.css";
import "./styles/base.css";

const root = document.getElementById("root");
if (!root) throw new Error("question.html has no element with the id root");
const panel = makePanel(await openHost());
createRoot(root).render(
  <StrictMode>
    <QuestionWindow panel={panel} />
  </StrictMode>,
);
