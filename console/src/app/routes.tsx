import { createBrowserRouter } from "react-router";
import { basename } from "../api/project";
import { AppShell } from "./AppShell";
import { ErrorPage, NotFound } from "./ErrorPage";

/** Each page is a chunk, loaded when it is opened. */
export const router = createBrowserRouter(
  [
    {
      path: "/",
      element: <AppShell />,
      errorElement: <ErrorPage />,
      HydrateFallback: () => null, // draw nothing before the first page is loaded
      children: [
        {
          errorElement: <ErrorPage />,
          children: [
            { index: true, lazy: async () => ({ Component: (await import("../pages/home/HomePage")).HomePage }) },
            {
              path: "agents",
              lazy: async () => ({ Component: (await import("../pages/agents/AgentsPage")).AgentsPage }),
            },
            { path: "dags", lazy: async () => ({ Component: (await import("../pages/dags/DagsPage")).DagsPage }) },
            { path: "dags/:dag", lazy: async () => ({ Component: (await import("../pages/dag/DagPage")).DagPage }) },
            { path: "runs", lazy: async () => ({ Component: (await import("../pages/runs/RunsPage")).RunsPage }) },
            {
              path: "runs/compare",
              lazy: async () => ({ Component: (await import("../pages/compare/ComparePage")).ComparePage }),
            },
            {
              path: "ledger",
              lazy: async () => ({ Component: (await import("../pages/ledger/LedgerPage")).LedgerPage }),
            },
            {
              path: "registry",
              lazy: async () => ({ Component: (await import("../pages/registry/RegistryPage")).RegistryPage }),
            },
            {
              path: "registry/:agent",
              lazy: async () => ({ Component: (await import("../pages/registry/AgentPage")).AgentPage }),
            },
            {
              path: "workers",
              lazy: async () => ({ Component: (await import("../pages/workers/WorkersPage")).WorkersPage }),
            },
            { path: "logs/:job", lazy: async () => ({ Component: (await import("../pages/log/LogPage")).LogPage }) },
            { path: "runs/:run", lazy: async () => ({ Component: (await import("../pages/run/RunPage")).RunPage }) },
            {
              path: "approvals",
              lazy: async () => ({ Component: (await import("../pages/approvals/ApprovalsPage")).ApprovalsPage }),
            },
            { path: "store", lazy: async () => ({ Component: (await import("../pages/store/StorePage")).StorePage }) },
            {
              path: "settings",
              lazy: async () => ({ Component: (await import("../pages/settings/SettingsPage")).SettingsPage }),
            },
            { path: "help", lazy: async () => ({ Component: (await import("../pages/help/HelpPage")).HelpPage }) },
            {
              path: "help/:topic",
              lazy: async () => ({ Component: (await import("../pages/help/HelpPage")).HelpPage }),
            },
            { path: "*", element: <NotFound /> },
          ],
        },
      ],
    },
  ],
  { basename: basename || "/" },
);
