import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server to develop against: `titan up`, or another by TITAN_SERVER=http://127.0.0.1:5001.
const server = process.env.TITAN_SERVER ?? "http://127.0.0.1:5000";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: process.env.TITAN_WEB_OUT ?? "../src/titan/web",
    emptyOutDir: true,
    target: "es2022",
    modulePreload: { polyfill: false }, // it would be an inline script, which the content policy refuses
    assetsInlineLimit: 0,
    reportCompressedSize: true,
  },
  server: {
    host: "127.0.0.1",
    // Without changeOrigin: the server takes changes from its own pages only, so it must see this page's Host.
    proxy: {
      "/api": { target: server, ws: true },
    },
  },
});
