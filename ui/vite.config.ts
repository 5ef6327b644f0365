import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

export default defineConfig({
  plugins: [react()],
  // Relative addresses, so that the panel works from Tauri's own scheme and from any folder.
  base: "./",
  clearScreen: false,
  server: { host: "127.0.0.1", port: 5173, strictPort: true },
  build: {
    // The oldest webviews: WebKitGTK 2.40 and WKWebView of macOS 13. WebView2 keeps itself current.
    target: ["safari16.4", "chrome111"],
    // Inline `data:` images would need `img-src data:` in the content security policy.
    assetsInlineLimit: 0,
    // It is read from this computer, so one file is as good as many.
    chunkSizeWarningLimit: 700,
    modulePreload: { polyfill: false },
    // The panel, and the window for questions.
    rollupOptions: { input: ["index.html", "question.html"] },
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: "unit", environment: "node", include: ["tests/unit/**/*.test.{ts,tsx}"] },
      },
      {
        extends: true,
        test: {
          name: "browser",
          environment: "node",
          include: ["tests/browser/**/*.test.ts"],
          // What pages look like does not depend on how fast they come.
          exclude: process.env.DRAWBRIDGE_TEST_SLOWNESS ? ["tests/browser/*ook.test.ts"] : [],
          globalSetup: ["tests/browser/serve.ts"],
          fileParallelism: false,
          // A finding is of use only when it is told whole.
          chaiConfig: { truncateThreshold: 0 },
          // What a page shows comes as soon as the computer can, which may have much else to do.
          expect: { poll: { timeout: 30_000 } },
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
