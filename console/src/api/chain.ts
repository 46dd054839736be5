/** The tape of a recorded run, verified. */
import { api, type Schemas } from "./client";

export type ChainAnswer = Schemas["ChainAnswer"];

/** Has the server compute the run's hash chain anew. */
export async function readChain(run: string, signal: AbortSignal): Promise<ChainAnswer> {
  const { data } = await api.GET("/api/v1/runs/{run}/chain", { params: { path: { run } }, signal });
  if (!data) throw new Error("The server gave no answer.");
  return data;
}
