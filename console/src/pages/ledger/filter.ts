/** The ledger's filters in the URL, under the server's names. */
import { type LedgerFilter, ledgerQuery, MOST_PAGES } from "../../api/ledger";
import { ofProject } from "../../api/project";
import { CALL_KINDS, type ExportFormat, LEDGER_OUTCOMES, LEDGER_SORTS, ORIGINS } from "../../api/types";
import { asCost, isCost, originIn } from "../../components/fields";
import { chosenAmong, invalidBy, invalidValues, oneOf } from "../../components/url";

const FIELDS: Record<keyof LedgerFilter, string> = {
  outcome: "outcome",
  kind: "kind",
  name: "action_name",
  origin: "origin",
  agent: "agent_id",
  run: "run_id",
  minCost: "min_cost",
  maxCost: "max_cost",
  from: "start_date",
  to: "end_date",
  q: "search",
  sort: "sort_by",
  order: "sort_order",
};

const FILTERING = ["outcome", "kind", "name", "agent", "run", "minCost", "maxCost", "from", "to", "q"] as const;

export function filterOf(query: URLSearchParams): LedgerFilter {
  const text = (name: keyof LedgerFilter) => query.get(FIELDS[name]) ?? "";
  return {
    outcome: chosenAmong(query, FIELDS.outcome, LEDGER_OUTCOMES),
    kind: chosenAmong(query, FIELDS.kind, CALL_KINDS),
    name: text("name"),
    origin: originIn(query),
    agent: text("agent"),
    run: text("run"),
    minCost: asCost(text("minCost")) ?? "",
    maxCost: asCost(text("maxCost")) ?? "",
    from: dayOf(text("from")),
    to: dayOf(text("to")),
    q: text("q"),
    sort: oneOf(LEDGER_SORTS, text("sort")) ?? "time",
    order: text("order") === "asc" ? "asc" : "desc",
  };
}

/** Returns the invalid values in a URL. */
export function invalidFilters(query: URLSearchParams): string[] {
  return [
    ...invalidValues(query, {
      outcome: LEDGER_OUTCOMES,
      kind: CALL_KINDS,
      origin: ORIGINS,
      sort_by: LEDGER_SORTS,
      sort_order: ["asc", "desc"],
    }),
    ...invalidBy(query, { min_cost: isCost, max_cost: isCost, start_date: isDay, end_date: isDay, page: isPage }),
  ];
}

/** Returns the URL's fields for a change; it resets the page. */
export function fieldsOf(change: Partial<LedgerFilter>): Record<string, string | null> {
  const fields: Record<string, string | null> = { page: null };
  for (const [name, value] of Object.entries(change)) fields[FIELDS[name as keyof LedgerFilter]] = String(value);
  return fields;
}

/** Returns the fields that remove every filter. */
export function noFilter(): Record<string, string | null> {
  return Object.fromEntries([...FILTERING.map((name) => [FIELDS[name], null]), ["page", null]]);
}

export function isUnfiltered(filter: LedgerFilter): boolean {
  return FILTERING.every((name) => filter[name].length === 0);
}

/** Returns the address of the filtered export, which has its own order. */
export function exportPath(filter: LedgerFilter, format: ExportFormat): string {
  const { sort_by: _sort, sort_order: _order, ...wanted } = ledgerQuery(filter);
  const query = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(wanted)) query.set(name, String(value));
  return ofProject(`/api/v1/ledger/export?${query}`);
}

/** Returns the page in a URL, at least 1 and at most the last possible. */
export function pageOf(query: URLSearchParams): number {
  const page = query.get("page") ?? "";
  return isPage(page) ? Math.min(Number(page), MOST_PAGES) : 1;
}

function isPage(text: string): boolean {
  return Number.isInteger(Number(text)) && Number(text) > 0;
}

function dayOf(text: string): string {
  return isDay(text) ? text : "";
}

/** Whether the day exists: `Date` accepts the 31st of February. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
