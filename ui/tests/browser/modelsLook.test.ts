import { lookAt, type Place } from "./lookAt";
import { withBrowser } from "./panel";

withBrowser();

const PLACES: Place[] = [
  { name: "home-ollama-failed", play: "ollama=failed" },
  { name: "models", play: "backends=some", hash: "#/models" },
  {
    name: "models-details",
    hash: "#/models",
    open: async (page) => {
      await page.getByTestId("details-gemma3:12b").click();
      await page.getByTestId("tried").getByText("Needs about").waitFor();
    },
  },
  {
    name: "models-menu",
    hash: "#/models",
    open: (page) => page.getByRole("button", { name: "More for gemma3:12b" }).click(),
  },
  {
    name: "models-delete",
    hash: "#/models",
    open: async (page) => {
      await page.getByRole("button", { name: "More for gemma3:12b" }).click();
      await page.getByTestId("delete-model").click();
      await page.getByRole("alertdialog").waitFor();
    },
  },
  {
    name: "models-by-name",
    hash: "#/models",
    open: async (page) => {
      await page.getByTestId("by-name").click();
      await page.getByTestId("model-name").fill("two words");
    },
  },
  { name: "models-none", play: "models=none", hash: "#/models" },
  { name: "models-not-read", play: "models=failed", hash: "#/models" },
  { name: "models-slow-computer", play: "computer=none", hash: "#/models" },
  { name: "models-pulls", play: "pulls=some", hash: "#/models/catalog" },
  { name: "models-catalog-led", hash: "#/models/catalog/qwen3%3A4b" },
  { name: "models-catalog-no-room", play: "computer=full", hash: "#/models/catalog/gpt-oss%3A20b" },
  {
    name: "models-catalog-nothing",
    hash: "#/models/catalog",
    open: (page) => page.getByTestId("catalog-search").fill("xyzzy"),
  },
  {
    name: "models-catalog-details",
    hash: "#/models/catalog",
    open: async (page) => {
      await page.getByTestId("details-gpt-oss:20b").click();
      await page.getByTestId("tried").getByText("Needs about").waitFor();
    },
  },
  {
    name: "models-limit",
    hash: "#/models",
    open: async (page) => {
      await page.getByTestId("model-qwen3:14b").getByTestId("fit-compressCache").click();
      await page.getByRole("alertdialog").waitFor();
    },
  },
  { name: "computer", hash: "#/models/computer" },
  { name: "computer-none", play: "computer=limited", hash: "#/models/computer" },
  { name: "computer-unified", play: "computer=unified", hash: "#/models/computer" },
  { name: "ollama-not-installed", play: "ollama=not-installed&models=none", hash: "#/models" },
  { name: "ollama-failed", play: "ollama=failed", hash: "#/models" },
  { name: "ollama-not-responding", play: "ollama=not-responding", hash: "#/models" },
  { name: "settings-program", play: "ollama=not-installed", hash: "#/settings/program" },
  {
    name: "settings-gpus",
    hash: "#/settings/ollama",
    open: async (page) => {
      await page.getByTestId("ollama-more").click();
      await page.getByTestId("gpu-by-itself-0000:00:02.0").scrollIntoViewIfNeeded();
    },
  },
  { name: "ollama-off", play: "ollama=off&models=none", hash: "#/models" },
  {
    name: "ollama-port",
    play: "ollama=port-taken",
    hash: "#/models",
    open: (page) => page.getByTestId("ollama-port").click(),
  },
  { name: "ollama-restart", play: "ollama=restart", hash: "#/models" },
  { name: "ollama-notice", play: "ollama=notice", hash: "#/models" },
  { name: "ollama-log", hash: "#/models/log" },
  {
    name: "settings-ollama",
    play: "ollama=app",
    hash: "#/settings/ollama",
    open: async (page) => {
      await page.getByTestId("ollama-more").click();
      await page.getByTestId("ollama-port").selectOption("own");
    },
  },
  { name: "settings-backends", play: "backends=some", hash: "#/settings/backends" },
  {
    name: "settings-backend-add",
    hash: "#/settings/backends",
    open: async (page) => {
      await page.getByTestId("add-backend").click();
      await page.getByTestId("backend-name").fill("attic");
      await page.getByTestId("backend-url").fill("http://192.168.1.31:8000");
      await page.getByTestId("backend-secret").selectOption("A new one");
      await page.getByTestId("backend-key").fill("example");
      await page.getByTestId("check-backend").click();
      await page.getByTestId("check-problem").waitFor();
    },
  },
];

lookAt(PLACES);
