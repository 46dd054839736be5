/** Forks of a run: a worker executes its stored code with one action edited, and it is recorded as a run of its own. */
import { useChange } from "./changes";
import { api, type Schemas } from "./client";

export type Fork = Schemas["ForkView"];
export type NewFork = Schemas["NewForkBody"];

/** Forks a run; the page shows itself why that failed. */
export function useStartFork(run: string, started: (fork: Fork) => void) {
  return useChange(
    async (body: NewFork, headers) =>
      (await api.POST("/api/v1/runs/{run}/forks", { params: { path: { run } }, body, headers })).data,
    (fork) => (fork ? `A worker executes the fork ${fork.run_id}.` : null),
    (fork) => {
      if (fork) started(fork);
    },
    { isShown: true },
  );
}
