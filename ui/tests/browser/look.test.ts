import { lookAt, type Place } from "./lookAt";
import { readyToAnswer, withBrowser } from "./panel";

withBrowser();

const SNIPPET = JSON.stringify({
  mcpServers: {
    notes: {
      command: "npx",
      args: [
        "-y",
        "@scope/notes-mcp@1.2.3",
        "--folder",
        "/home/me/My notes/with a rather long path/that goes on/and on/until it has to wrap",
        "",
      ],
      env: { NOTES_KEY: "secret-value" },
    },
  },
});

const PLACES: Place[] = [
  { name: "home", hash: "#/" },
  { name: "home-first-start", play: "scene=first-start" },
  { name: "home-trouble", play: "scene=trouble" },
  {
    name: "home-port-in-use",
    play: "scene=port-in-use",
    open: (page) => page.getByTestId("move-port").click(),
  },
  { name: "home-config-error", play: "scene=config-error" },
  { name: "home-record-trouble", play: "scene=record-trouble" },
  { name: "home-questions", play: "scene=questions" },
  { name: "home-paused", play: "scene=paused" },
  { name: "home-paused-before", play: "scene=paused-before" },
  { name: "home-pauses", play: "scene=pauses" },
  { name: "home-pause-menu", open: (page) => page.getByTestId("pause-menu").click() },
  { name: "home-held", play: "scene=held" },
  { name: "home-start-waits", play: "scene=start-waits" },
  { name: "home-blocked", play: "scene=blocked" },
  {
    name: "home-blocked-list",
    play: "scene=blocked",
    open: async (page) => {
      await page.getByTestId("more-blocked").click();
      await page.getByTestId("blocked-list").waitFor();
    },
  },
  {
    name: "home-away",
    play: "scene=away",
    open: (page) => page.getByTestId("away").waitFor(),
  },
  { name: "home-empty", play: "scene=empty" },
  { name: "starting", play: "scene=loading" },
  { name: "unreachable", play: "scene=broken" },
  { name: "tools", hash: "#/tools" },
  {
    name: "tools-detail",
    hash: "#/tools",
    open: async (page) => {
      await page.getByTestId("tool-files-read_several_files").getByRole("button").first().click();
      await page.getByText("What it takes").waitFor();
    },
  },
  {
    name: "tools-held",
    play: "scene=held",
    hash: "#/tools",
    open: async (page) => {
      await page.getByTestId("tool-search").fill("share");
      await page.getByTestId("tool-files-share_file").getByRole("button").first().click();
      await page.getByText("What it takes").waitFor();
    },
  },
  { name: "tools-paused", play: "scene=pauses", hash: "#/tools" },
  { name: "changes", play: "scene=held", hash: "#/tools/files/changes" },
  {
    name: "changes-seen",
    play: "scene=held-mild",
    hash: "#/tools/files/changes",
    open: async (page) => {
      await page
        .getByRole("button", { name: /words unchanged/ })
        .first()
        .click();
      await page.getByTestId("change-edit_file").getByTestId("accept").click();
      await page.getByText("Apps can use it from the next call on.").waitFor();
      await page.getByTestId("change-share_file").getByTestId("switch-off").click();
    },
  },
  { name: "changes-none", hash: "#/tools/files/changes" },
  { name: "start", play: "scene=start-waits", hash: "#/tools/git/start" },
  { name: "start-new", play: "scene=start-new", hash: "#/tools/git/start" },
  { name: "start-agreed", hash: "#/tools/git/start" },
  { name: "server-start-waits", play: "scene=start-waits", hash: "#/tools/git" },
  { name: "tools-trouble", play: "scene=trouble", hash: "#/tools" },
  { name: "tools-many", play: "scene=many", hash: "#/tools" },
  { name: "tools-empty", play: "scene=empty", hash: "#/tools" },
  {
    name: "tools-nothing-found",
    hash: "#/tools",
    open: (page) => page.getByTestId("tool-search").fill("xyzzy"),
  },
  {
    name: "tools-menu",
    hash: "#/tools",
    open: (page) => page.getByRole("button", { name: "More for files" }).click(),
  },
  { name: "add-paste", hash: "#/tools", open: (page) => page.getByTestId("add-server").click() },
  {
    name: "add-form",
    hash: "#/tools",
    open: async (page) => {
      await page.getByTestId("add-server").click();
      await page.getByTestId("use-form").click();
      await page.getByTestId("add-argument").click();
    },
  },
  {
    name: "add-form-values",
    hash: "#/tools",
    open: async (page) => {
      await page.getByTestId("add-server").click();
      await page.getByTestId("snippet").fill(SNIPPET);
      await page.getByTestId("read-snippet").click();
      await page.getByRole("button", { name: "Change" }).click();
      await page.getByTestId("keep-1").scrollIntoViewIfNeeded();
    },
  },
  {
    name: "add-review",
    hash: "#/tools",
    open: async (page) => {
      await page.getByTestId("add-server").click();
      await page.getByTestId("snippet").fill(SNIPPET);
      await page.getByTestId("read-snippet").click();
      await page.getByTestId("review").waitFor();
    },
  },
  {
    name: "edit",
    hash: "#/tools/git",
    open: async (page) => {
      await page.getByTestId("menu").click();
      await page.getByTestId("edit-server").click();
      await page.getByTestId("server-name").waitFor();
    },
  },
  { name: "server-state", hash: "#/tools/git" },
  { name: "server-failed", play: "scene=trouble", hash: "#/tools/browser" },
  { name: "server-log", hash: "#/tools/files/log" },
  { name: "server-settings", hash: "#/tools/files/settings" },
  { name: "server-gone", hash: "#/tools/nobody" },
  { name: "activity", hash: "#/activity" },
  { name: "activity-detail", hash: "#/activity/254" },
  { name: "activity-refused", hash: "#/activity/242" },
  { name: "activity-less", play: "scene=record-less", hash: "#/activity/254?app=chat" },
  {
    name: "activity-filtered",
    hash: "#/activity?text=train&from=1577836800000&app=vscode&decision=allowed&reason=mode,person",
    open: (page) =>
      page.getByTestId("legend").or(page.getByTestId("fold-picture")).first().waitFor(),
  },
  {
    name: "activity-picture",
    play: "scene=many",
    hash: "#/activity",
    open: async (page) => {
      const fold = page.getByTestId("fold-picture");
      if ((await fold.getAttribute("aria-expanded")) === "false") await fold.click();
      await page.getByTestId("by-tool").click();
      await page.getByTestId("legend").getByText("read_file of files").waitFor();
    },
  },
  {
    name: "activity-filters",
    hash: "#/activity?time=week",
    open: async (page) => {
      await page.getByTestId("more-filters").click();
      await page.getByTestId("filter-choices").waitFor();
    },
  },
  {
    name: "activity-nothing",
    hash: "#/activity?text=xyzzy",
    open: (page) => page.getByTestId("clear-empty").waitFor(),
  },
  {
    name: "activity-exporting",
    play: "scene=many",
    hash: "#/activity",
    open: async (page) => {
      await page.getByTestId("export").click();
      await page.getByTestId("export-csv").click();
      await page.getByTestId("record-work").waitFor();
    },
  },
  { name: "activity-empty", play: "scene=empty", hash: "#/activity" },
  { name: "settings", hash: "#/settings" },
  { name: "settings-secrets", play: "scene=secrets", hash: "#/settings/secrets" },
  { name: "settings-record", hash: "#/settings/record" },
  {
    name: "settings-record-broken",
    play: "scene=record-broken",
    hash: "#/settings/record",
    open: async (page) => {
      await page.getByTestId("keep-days").selectOption("own");
      await page.getByTestId("check-record").click();
      await page.getByTestId("to-broken").waitFor();
    },
  },
  {
    name: "settings-record-delete",
    hash: "#/settings/record",
    open: async (page) => {
      await page.getByTestId("delete-activity").click();
      await page.getByRole("alertdialog").waitFor();
    },
  },
  { name: "settings-apps-paused", play: "scene=pauses", hash: "#/settings" },
  { name: "settings-keyring-locked", play: "scene=keyring-locked", hash: "#/settings/secrets" },
  {
    name: "settings-store-secret",
    play: "scene=secrets",
    hash: "#/settings/secrets",
    open: async (page) => {
      await page.getByTestId("store-notes-API_KEY").click();
      await page.getByTestId("secret-value").fill("example");
    },
  },
  { name: "settings-no-tray", play: "scene=no-tray", hash: "#/settings" },
  { name: "settings-config-error", play: "scene=config-error", hash: "#/settings" },
  {
    name: "settings-export",
    hash: "#/settings",
    open: async (page) => {
      await page.getByTestId("export-show").click();
      await page.getByTestId("export-text").waitFor();
    },
  },
  {
    name: "settings-write",
    hash: "#/settings",
    open: async (page) => {
      await page.getByTestId("export-folder").click();
      await page.getByTestId("diff").waitFor();
    },
  },
  {
    name: "settings-remove-app",
    hash: "#/settings",
    open: async (page) => {
      await page.getByTestId("remove-app-vscode").click();
      await page.getByRole("alertdialog").waitFor();
    },
  },
  { name: "answers", play: "scene=answers", hash: "#/settings/answers" },
  {
    name: "answers-take-back-all",
    play: "scene=answers",
    hash: "#/settings/answers",
    open: async (page) => {
      await page.getByTestId("take-back-all").click();
      await page.getByRole("alertdialog").waitFor();
    },
  },
  { name: "answers-empty", hash: "#/settings/answers" },
  {
    name: "question",
    page: "question.html",
    play: "scene=questions",
    open: async (page) => {
      await page.getByRole("button", { name: /Show all \d+ lines/ }).click();
      await readyToAnswer(page);
    },
  },
  {
    name: "question-command",
    page: "question.html",
    play: "scene=questions",
    open: async (page) => {
      await page.getByTestId("closed-question").first().click();
      await readyToAnswer(page);
    },
  },
  {
    name: "question-equal",
    page: "question.html",
    play: "scene=questions",
    open: async (page) => {
      await page.getByTestId("closed-question").last().click();
      await readyToAnswer(page);
    },
  },
  {
    name: "question-failed",
    page: "question.html",
    play: "scene=questions&fail=answer_questions",
    open: async (page) => {
      await readyToAnswer(page);
      await page.getByTestId("answer-allowOnce").click();
      await page.getByTestId("problem").waitFor();
    },
  },
  {
    name: "question-secret",
    page: "question.html",
    play: "scene=question-secret",
    open: readyToAnswer,
  },
  { name: "question-not-yet", page: "question.html", play: "scene=questions" },
  { name: "question-none", page: "question.html" },
  { name: "question-unreachable", page: "question.html", play: "scene=broken" },
];

lookAt(PLACES);
