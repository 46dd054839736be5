/** The URL holds the state of a page, so links reproduce it and Back works. */
import { useCallback, useContext } from "react";
import { UNSAFE_DataRouterContext, useLocation, useSearchParams } from "react-router";
import { ofProject } from "../api/project";
import type { OriginChoice } from "../api/types";

type Fields = Record<string, string | null>;

/** Changes, or a function of the current query: the last render may be older. */
export type Changes = Fields | ((now: URLSearchParams) => Fields);

/** Changes of a filter, or a function of the current filter. */
export type Change<Filter> = Partial<Filter> | ((now: Filter) => Partial<Filter>);

/** Returns the URL's query, and a function to change it; null and "" remove a field. `push` adds a history entry. */
export function useUrl(): [URLSearchParams, (changes: Changes, push?: boolean) => void] {
  const [query, setQuery] = useSearchParams();
  const router = useContext(UNSAFE_DataRouterContext)?.router;
  const change = useCallback(
    (changes: Changes, push = false) => {
      // A late filter change must not call back somebody who is leaving for another page. This asks the router itself,
      // because useNavigation() reports a click only with the next render.
      if (router?.state.navigation.state === "loading") return;
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
    [router, setQuery],
  );
  return [query, change];
}

/** Returns the current query. The router's may be older: a quick second choice would lose the first. */
export function urlNow(): URLSearchParams {
  return new URLSearchParams(window.location.search);
}

/** Returns the last id in the path as it was before encoding: the router's parameters decode `%252F` to a slash. */
export function useIdInPath(): string {
  return idIn(useLocation().pathname);
}

/** Decodes the last part of a path; an invalid escape is taken literally. */
export function idIn(path: string): string {
  const part = path.split("/").filter(Boolean).at(-1) ?? "";
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Returns the values of a field such as `status=FAILED,PARTIAL`. */
export function chosenIn(query: URLSearchParams, name: string): string[] {
  return (query.get(name) ?? "").split(",").filter(Boolean);
}

/** Returns the change that toggles a value of such a field. */
export function toggled(now: URLSearchParams, name: string, value: string): Fields {
  const chosen = chosenIn(now, name);
  return { [name]: (chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]).join() };
}

/** Returns the change that toggles a value of a closed set, and removes invalid ones. */
export function toggledAmong<Value extends string>(
  now: URLSearchParams,
  name: string,
  all: readonly Value[],
  one: Value,
): Fields {
  return { [name]: toggledIn(chosenAmong(now, name, all), one).join() };
}

/** Returns the values of a closed set that a field names, ignoring case and invalid ones. */
export function chosenAmong<Value extends string>(
  query: URLSearchParams,
  name: string,
  all: readonly Value[],
): Value[] {
  const named = chosenIn(query, name).map((one) => one.toLowerCase());
  return all.filter((one) => named.includes(one.toLowerCase()));
}

/** Returns the text as a value of the set, if it is one. */
export function oneOf<Value extends string>(all: readonly Value[], text: string | null): Value | undefined {
  return all.find((one) => one === text);
}

/** Returns the list with one value toggled. */
export function toggledIn<Value>(chosen: readonly Value[], one: Value): Value[] {
  return chosen.includes(one) ? chosen.filter((other) => other !== one) : [...chosen, one];
}

/** Returns invalid values of fields with a closed set, such as `status=wat`. */
export function invalidValues(query: URLSearchParams, all: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(all).flatMap(([name, values]) => {
    const known = values.map((one) => one.toLowerCase());
    return chosenIn(query, name)
      .filter((one) => !known.includes(one.toLowerCase()))
      .map((one) => `${name}=${one}`);
  });
}

/** Returns invalid values of single-value fields, such as `min_cost=abc`. */
export function invalidBy(query: URLSearchParams, all: Readonly<Record<string, (text: string) => boolean>>): string[] {
  return Object.entries(all).flatMap(([name, isKnown]) => {
    const text = query.get(name);
    return text && !isKnown(text) ? [`${name}=${text}`] : [];
  });
}

/** Returns the address of a DAG's page: the name for people, the id for the submission. */
export function dagPath(dag: { name: string; dag_id: string }, job?: string): string {
  const query = new URLSearchParams({ id: dag.dag_id });
  if (job) query.set("job", job);
  return `/dags/DAG-${encodeURIComponent(dag.name)}?${query}`;
}

/** Returns the address of a run's page; with `action` of that action, with `q` of a search in it. */
export function runPath(run: string, action?: string | null, q?: string | null): string {
  const query = new URLSearchParams({ ...((action || q) && { tab: "telemetry" }) });
  if (action) query.set("action", action);
  if (q) query.set("q", q);
  return `/runs/${encodeURIComponent(run)}${query.size > 0 ? `?${query}` : ""}`;
}

/** Returns the address of an agent's page, with its runs of an origin; by default of production. */
export function agentPath(agent: string, origin: OriginChoice = "production"): string {
  return `/registry/${encodeURIComponent(agent)}${origin === "production" ? "" : `?origin=${origin}`}`;
}

export function logPath(jobId: string): string {
  return `/logs/${encodeURIComponent(jobId)}`;
}

/** Returns the download address of a blob, saved under this name; `inline` is for images. */
export function blobPath(digest: string, path: string, inline = false): string {
  const query = new URLSearchParams({ name: path.split("/").at(-1) ?? "" });
  if (inline) query.set("inline", "true");
  return ofProject(`/api/blobs/${digest}?${query}`);
}
