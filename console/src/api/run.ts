/** One run: its recording, bodies of single actions, notes, stages, forks, and the changes to it. */
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { notifyRunEnds } from "../components/runNotifications";
import { ApiError } from "./apiError";
import { useChange } from "./changes";
import { api, type Schemas } from "./client";
import { BatchLoader } from "./liveUpdates";
import { queries, useRefetchOn, useRefetchOnRuns } from "./query";
import { hasOrphans, type Recording, type Row, recordingOf, withNews } from "./recording";
import { refetchRegistry } from "./registry";
import type { RunView } from "./types";

export type BodyView = Schemas["BodyView"];
export type BodiesView = Schemas["BodiesView"];
export type FailureView = Schemas["FailureView"];
export type NoteView = Schemas["NoteView"];
export type NewNoteBody = Schemas["NewNoteBody"];
export type ActionDetailView = Schemas["ActionDetailView"];

const PAUSE_MS = 40; // between two updates: a call must appear within 100 ms of its commit
const LONG_PAUSE_MS = 250; // the same for a long run: merging and sorting takes 10 ms and more
const MANY_ROWS = 2000;
const WHOLE_PAUSE_MS = 2000; // between two full reloads, where an update is not enough

/** All actions of a run without their bodies, with updates merged in while it runs. */
export function useRecording(runId: string) {
  const key = recordingKey(runId);
  const found = useQuery({
    queryKey: key,
    structuralSharing: false, // unchanged rows keep their objects anyway
    queryFn: async ({ signal }) => {
      const old = isGone(key) ? undefined : queries.getQueryData<Recording>(key);
      const fresh = await readRecording(runId, old, signal);
      if (old) notifyRunEnds([old.run], [fresh.run]);
      return fresh;
    },
  });
  useRefetchOnRuns(({ runs }) => runs.has(runId), found.refetch, pauseOf(found.data));
  return found;
}

/** Whether the run was deleted: later events belong to a new run with its id. */
function isGone(key: string[]): boolean {
  const error = queries.getQueryState(key)?.error;
  return error instanceof ApiError && error.status === 404;
}

function pauseOf(recording: Recording | undefined): number {
  if (recording && hasOrphans(recording)) return WHOLE_PAUSE_MS;
  return recording && recording.rows.length > MANY_ROWS ? LONG_PAUSE_MS : PAUSE_MS;
}

export function recordingKey(runId: string): string[] {
  return ["recording", runId];
}

async function readRecording(run: string, old: Recording | undefined, signal: AbortSignal): Promise<Recording> {
  const news = old && !hasOrphans(old) ? withNews(old, await readSkeleton(run, signal, old.version)) : null;
  return news ?? recordingOf(await readSkeleton(run, signal));
}

async function readSkeleton(run: string, signal: AbortSignal, after?: number) {
  const query = after === undefined ? {} : { after };
  const { data } = await api.GET("/api/v1/runs/{run}/skeleton", { params: { path: { run }, query }, signal });
  if (!data) throw new Error("The server returned no data.");
  return data;
}

/** Returns a text that changes when an action's bodies may have changed: they come with its end. */
function stampOf({ outcome, durationUs }: Row): string {
  return `${outcome} ${durationUs}`;
}

/** Returns a loader for bodies of single actions, each truncated to `limitBytes`; visible rows share a request. */
export function useBodyReader(run: string, limitBytes: number): BatchLoader<BodiesView> {
  return useMemo(() => {
    async function read(ids: string[]): Promise<BodiesView[]> {
      const query = { ids: JSON.stringify(ids), limit_bytes: limitBytes };
      return (await api.GET("/api/v1/runs/{run}/bodies", { params: { path: { run }, query } })).data?.data ?? [];
    }
    return new BatchLoader(read, ({ id }) => id);
  }, [run, limitBytes]);
}

/** The bodies of one row. */
export function useBodies(reader: BatchLoader<BodiesView>, run: string, row: Row, limitBytes: number) {
  return useQuery({
    queryKey: ["bodies", run, row.id, limitBytes, stampOf(row)],
    staleTime: Number.POSITIVE_INFINITY,
    placeholderData: keepPreviousData,
    queryFn: () => reader.load(row.id),
  });
}

/** Everything about one action; reloaded when it ends. */
export function useAction(run: string, row: Row) {
  return useQuery<ActionDetailView | null>({
    queryKey: [...actionKey(run, row.id), stampOf(row)],
    placeholderData: (old) => (old?.action.id === row.id ? old : undefined),
    queryFn: async ({ signal }) => {
      const path = { run, action: row.id };
      return (await api.GET("/api/v1/runs/{run}/actions/{action}", { params: { path }, signal })).data ?? null;
    },
  });
}

export function actionKey(run: string, action: string): string[] {
  return ["action", run, action];
}

/** The ids of the actions whose name or content contains all words of `q`; nothing without `q`. */
export function useFound(run: string, q: string, version: number) {
  return useQuery({
    queryKey: ["found", run, q, version],
    enabled: q !== "",
    placeholderData: (old: { ids: Set<string>; more: boolean } | undefined, query) =>
      query?.queryKey[2] === q ? old : undefined,
    queryFn: async ({ signal }) => {
      const { data } = await api.GET("/api/v1/runs/{run}/find", { params: { path: { run }, query: { q } }, signal });
      return { ids: new Set(data?.ids), more: data?.more ?? false };
    },
  });
}

export function notesKey(run: string): string[] {
  return ["notes", run];
}

/** All notes on a run and its actions, newest first. */
export function useNotes(run: string) {
  return useQuery({
    queryKey: notesKey(run),
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/runs/{run}/notes", { params: { path: { run } }, signal })).data?.data ?? [],
  });
}

const STAGES_PAUSE_MS = 500; // between two reloads of a run with all its jobs

/** One run with its stages and jobs, live; only while `enabled`. */
export function useRun(id: string, enabled = true) {
  const found = useQuery({
    queryKey: runKey(id),
    enabled,
    queryFn: async ({ signal }) =>
      (await api.GET("/api/v1/runs/{run}", { params: { path: { run: id } }, signal })).data ?? null,
  });
  useRefetchOn((event) => enabled && event.agent_run_id === id, found.refetch, STAGES_PAUSE_MS);
  return found;
}

function runKey(id: string): string[] {
  return ["run", id];
}

/** The details of a run, loaded when shown. */
export function useRunDetails(run: string) {
  return useQuery({
    queryKey: ["runDetails", run],
    queryFn: async ({ signal }) => {
      const { data } = await api.GET("/api/v1/runs/{run}", { params: { path: { run } }, signal });
      return (data?.details ?? []) as Record<string, unknown>[];
    },
  });
}

/** The latest forks of a run. */
export function useForks(run: string) {
  return useQuery({
    queryKey: ["forks", run],
    queryFn: async ({ signal }) => {
      const query = { parent_run_id: run, window: "all", limit: 20 } as const;
      return (await api.GET("/api/v1/runs", { params: { query }, signal })).data?.data ?? [];
    },
  });
}

/** The latest runs of an agent, for comparison. */
export function useLatestRuns(agentId: string) {
  return useQuery({
    queryKey: ["latestRuns", agentId],
    queryFn: async ({ signal }) => {
      const query = { agent_id: agentId, window: "all", limit: 20 } as const;
      const { data } = await api.GET("/api/v1/runs", { params: { query }, signal });
      return data?.data ?? [];
    },
  });
}

type ChainAnswer = Schemas["ChainAnswer"];

/** Lets the server recompute the run's hash chain. */
export async function readChain(run: string, signal: AbortSignal): Promise<ChainAnswer> {
  const { data } = await api.GET("/api/v1/runs/{run}/chain", { params: { path: { run } }, signal });
  if (!data) throw new Error("The server returned no data.");
  return data;
}

export type Fork = Schemas["ForkView"];
export type NewFork = Schemas["NewForkBody"];

/** Forks a run; the page shows the error itself. */
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

/** Returns the mutation that deletes a note; an acknowledgement that is deleted puts the run back on the list. */
export function useDeleteNote(run: string, note: NoteView, done: string) {
  return useChange(
    async () => {
      await api.DELETE("/api/v1/runs/{run}/notes/{note}", { params: { path: { run, note: note.id } } });
    },
    done,
    () => {
      if (note.acknowledges || note.mutes) refetchRegistry();
      void queries.invalidateQueries({ queryKey: notesKey(run) });
      if (note.action_id) void queries.invalidateQueries({ queryKey: actionKey(run, note.action_id) });
    },
  );
}

/** Returns the mutation that deletes all notes that mute a run; acknowledgements stay. */
export function useUnmute(run: string) {
  return useChange(
    async () => (await api.POST("/api/v1/runs/{run}/unmute", { params: { path: { run } } })).data,
    (answer) =>
      `${answer?.deleted.length ? "Unmuted." : "It was not muted."}${
        answer?.acknowledged ? " It is still acknowledged." : ""
      }`,
    () => {
      refetchRegistry();
      void queries.invalidateQueries({ queryKey: notesKey(run) });
    },
  );
}

/** Returns the mutation that pins or unpins a run. */
export function usePin() {
  return useChange(
    async ({ run_id, is_pinned }: RunView) => {
      const path = is_pinned ? ("/api/v1/runs/{run}/unpin" as const) : ("/api/v1/runs/{run}/pin" as const);
      await api.POST(path, { params: { path: { run: run_id } } });
    },
    (_, { run_id, is_pinned }) =>
      is_pinned
        ? `${run_id} is unpinned: it expires with its retention period.`
        : `${run_id} is pinned: it is kept until you unpin it.`,
    (_, { run_id }) => {
      void queries.invalidateQueries({ queryKey: recordingKey(run_id) });
      void queries.invalidateQueries({ queryKey: runKey(run_id) });
      refetchRegistry();
    },
  );
}
