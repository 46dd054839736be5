/** What a page shows stands in its URL: a link reproduces it, and Back works. */
import { useCallback, useRef } from "react";
import { useLocation, useNavigation, useSearchParams } from "react-router";
import { ofProject } from "../api/project";

type Fields = Record<string, string | null>;

/** What to change, or what follows from the query as it stands when the change is made: the last drawing may be older. */
export type Changes = Fields | ((now: URLSearchParams) => Fields);

/** What to change of a filter, or what follows from the filter as it stands when the change is made. */
export type Change<Filter> = Partial<Filter> | ((now: Filter) => Partial<Filter>);

/** Returns the query of the URL, and how to change it; null and "" take a field out. `push` makes Back undo it. */
export function useUrl(): [URLSearchParams, (changes: Changes, push?: boolean) => void] {
  const [query, setQuery] = useSearchParams();
  // Somebody on the way to another page, whose chunk is still coming, is not called back by a filter that comes late.
  const isLeaving = useRef(false);
  isLeaving.current = useNavigation().state === "loading";
  const change = useCallback(
    (changes: Changes, push = false) => {
      if (isLeaving.current) return;
      setQuery(
        () => {
          const now = urlNow();
          const next = new URLSearchParams(now);
          for (const [name, value] of Object.entries(typeof changes === "function" ? changes(now) : changes)) {
            if (value) next.set(name, value);
            else next.delete(name);
          }
          return next;
        },
        { replace: !push, preventScrollReset: true },
      );
    },
    [setQuery],
  );
  return [query, change];
}

/** Returns the query as it stands. The router draws later: what is chosen a moment after another choice would lose that one. */
export function urlNow(): URLSearchParams {
  return new URLSearchParams(window.location.search);
}

/**
 * Returns the id that the path of the page ends in, as it was before it was written there: the router's own parameters
 * take `%252F` of an id with `%2F` in it for a slash.
 */
export function useIdInPath(): string {
  return idIn(useLocation().pathname);
}

/** Returns what the last part of a path means; one that somebody typed with a `%` that begins no escape means itself. */
export function idIn(path: string): string {
  const part = path.split("/").filter(Boolean).at(-1) ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Returns the chosen values of a field such as `status=FAILED,PARTIAL`. */
export function chosenIn(query: URLSearchParams, name: string): string[] {
  return (query.get(name) ?? "").split(",").filter(Boolean);
}

/** Returns the change that chooses a value of such a field, or gives it back. */
export function toggled(now: URLSearchParams, name: string, value: string): Fields {
  const chosen = chosenIn(now, name);
  return { [name]: (chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]).join() };
}

/** Returns the change that chooses one of a closed set in such a field, or gives it back; what is not of it goes. */
export function toggledAmong<Value extends string>(
  now: URLSearchParams,
  name: string,
  all: readonly Value[],
  one: Value,
): Fields {
  return { [name]: toggledIn(chosenAmong(now, name, all), one).join() };
}

/** Returns those of a closed set that a field names, however somebody typed them; what else stands there is no filter. */
export function chosenAmong<Value extends string>(
  query: URLSearchParams,
  name: string,
  all: readonly Value[],
): Value[] {
  const named = chosenIn(query, name).map((one) => one.toLowerCase());
  return all.filter((one) => named.includes(one.toLowerCase()));
}

/** Returns the value that a text is, if it is one of them. */
export function oneOf<Value extends string>(all: readonly Value[], text: string | null): Value | undefined {
  return all.find((one) => one === text);
}

/** Returns what is chosen after one was chosen, or given back. */
export function toggledIn<Value>(chosen: readonly Value[], one: Value): Value[] {
  return chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one];
}

/** Returns the fields of a URL whose values are none that can be asked for, as they stand there: `status=wat`. */
export function invalidValues(query: URLSearchParams, all: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(all).flatMap(([name, values]) => {
    const known = values.map((one) => one.toLowerCase());
    return chosenIn(query, name)
      .filter((one) => !known.includes(one.toLowerCase()))
      .map((one) => `${name}=${one}`);
  });
}

/** Returns such fields of single values, each of which a function of its own knows: `min_cost=abc`. */
export function invalidBy(query: URLSearchParams, all: Readonly<Record<string, (text: string) => boolean>>): string[] {
  return Object.entries(all).flatMap(([name, isKnown]) => {
    const text = query.get(name);
    return text && !isKnown(text) ? [`${name}=${text}`] : [];
  });
}

/** The address of a submission's page: the name for people, the id for which of that name. */
export function dagPath(dag: { name: string; dag_id: string }, job?: string): string {
  const query = new URLSearchParams({ id: dag.dag_id });
  if (job) query.set("job", job);
  return `/dags/DAG-${encodeURIComponent(dag.name)}?${query}`;
}

/** The address of a recorded run's page; with `action` of that action in its Telemetry, with `q` of what is found in it. */
export function runPath(run: string, action?: string | null, q?: string | null): string {
  const query = new URLSearchParams({ ...((action || q) && { tab: "telemetry" }) });
  if (action) query.set("action", action);
  if (q) query.set("q", q);
  return `/runs/${encodeURIComponent(run)}${query.size > 0 ? `?${query}` : ""}`;
}

/** The address of the page of an agent that was discovered from its runs. */
export function agentPath(agent: string): string {
  return `/registry/${encodeURIComponent(agent)}`;
}

export function logPath(jobId: string): string {
  return `/logs/${encodeURIComponent(jobId)}`;
}

/** Where a stored content is downloaded from, as a file of this name; `inline` is for images on a page. */
export function blobPath(digest: string, path: string, inline = false): string {
  const query = new URLSearchParams({ name: path.split("/").at(-1) ?? "" });
  if (inline) query.set("inline", "true");
  return ofProject(`/api/blobs/${digest}?${query}`);
}
