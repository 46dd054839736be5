/** The filters of the Runs page in the URL. */

import { ofProject } from "../../api/project";
import { ALL_RUNS, queryOf, type RegistryFilter } from "../../api/registry";
import { type ExportFormat, ORIGINS, RUN_SORTS, RUN_STATUSES, type RunView, WINDOWS } from "../../api/types";
import { asCost, asScore, isCost, originIn } from "../../components/fields";
import { inWindow } from "../../components/format";
import { chosenAmong, invalidBy, invalidValues, oneOf } from "../../components/url";

/** Returns the filter in a URL, without invalid values. */
export function filterOf(query: URLSearchParams): RegistryFilter {
  return {
    status: chosenAmong(query, "status", RUN_STATUSES),
    minCost: asCost(query.get("min_cost") ?? "") ?? "",
    determinismBelow: asScore(query.get("determinism_below") ?? "") ?? "",
    window: oneOf(WINDOWS, query.get("window")) ?? ALL_RUNS.window,
    origin: originIn(query),
    agent: query.get("agent_id") ?? "",
    session: query.get("session_id") ?? "",
    tag: query.get("tag") ?? "",
    q: query.get("q") ?? "",
    sort: oneOf(RUN_SORTS, query.get("sort")) ?? ALL_RUNS.sort,
    order: query.get("order") === "asc" ? "asc" : "desc",
    hasArchived: query.get("archived") === "yes",
  };
}

/** Returns the invalid values in a URL. */
export function invalidFilters(query: URLSearchParams): string[] {
  return [
    ...invalidValues(query, {
      status: RUN_STATUSES,
      window: WINDOWS,
      origin: ORIGINS,
      sort: RUN_SORTS,
      order: ["asc", "desc"],
      archived: ["yes"],
    }),
    ...invalidBy(query, { min_cost: isCost, determinism_below: (text) => asScore(text) !== null }),
  ];
}

/** Returns the URL's fields for a change, without defaults. */
export function fieldsOf(change: Partial<RegistryFilter>): Record<string, string | null> {
  const fields: Record<string, string | null> = {};
  for (const name of ["window", "origin", "sort", "order"] as const) {
    if (change[name]) fields[name] = change[name] === ALL_RUNS[name] ? null : change[name];
  }
  if (change.status) fields.status = change.status.join();
  if (change.minCost !== undefined) fields.min_cost = change.minCost;
  if (change.determinismBelow !== undefined) fields.determinism_below = change.determinismBelow;
  if (change.agent !== undefined) fields.agent_id = change.agent;
  if (change.session !== undefined) fields.session_id = change.session;
  if (change.tag !== undefined) fields.tag = change.tag;
  if (change.q !== undefined) fields.q = change.q;
  if (change.hasArchived !== undefined) fields.archived = change.hasArchived ? "yes" : null;
  return fields;
}

/** Returns whether no filter but the window is set. */
export function isUnfiltered(filter: RegistryFilter): boolean {
  const { status, minCost, determinismBelow, agent, session, tag, q } = filter;
  return status.length === 0 && !minCost && !determinismBelow && !agent && !session && !tag && !q;
}

/** Returns a filter as text: `failed, from $10, of research, in the last 7 days`. */
export function filterWords(filter: RegistryFilter): string {
  return [
    filter.status.join(" or "),
    filter.origin === "all" ? "production and evaluation" : filter.origin,
    filter.minCost && `from $${filter.minCost}`,
    filter.determinismBelow && `determinism below ${filter.determinismBelow}`,
    filter.agent && `of ${filter.agent}`,
    filter.session && `of session ${filter.session}`,
    filter.tag && `tagged ${filter.tag}`,
    filter.q && `with “${filter.q}”`,
    inWindow(filter.window),
    filter.hasArchived && "archived ones too",
  ]
    .filter(Boolean)
    .join(", ");
}

/** Returns the search to repeat within a found run; null where its id, name or agent matches. */
export function searchWithin(run: Pick<RunView, "run_id" | "agent_id" | "name">, q: string): string | null {
  const isOwn = [run.run_id, run.agent_id, run.name ?? ""].some((one) => one.toLowerCase().includes(q.toLowerCase()));
  return isOwn ? null : q;
}

/** Returns the address of the filtered export. */
export function exportPath(filter: RegistryFilter, form: ExportFormat): string {
  const query = new URLSearchParams({ format: form });
  for (const [name, value] of Object.entries(queryOf(filter))) query.set(name, String(value));
  return ofProject(`/api/v1/runs/export?${query}`);
}

/** Returns the runs selected for comparison in a URL; two at most. */
export function pickedIn(query: URLSearchParams): string[] {
  return query.getAll("a").concat(query.getAll("b")).filter(Boolean);
}

/** Returns the selection after a run is toggled; a third replaces the first. */
export function pickedWith(picked: readonly string[], run: string): string[] {
  return picked.includes(run) ? picked.filter((one) => one !== run) : [...picked.slice(-1), run];
}
