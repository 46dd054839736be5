/** The ledger's filters as they stand in the URL, by the names the server has for them. */
import { type LedgerFilter, ledgerQuery, MOST_PAGES } from "../../api/ledger";
import { ofProject } from "../../api/project";
import { CALL_KINDS, type ExportFormat, LEDGER_OUTCOMES, LEDGER_SORTS } from "../../api/types";
import { asCost, isCost } from "../../components/fields";
import { chosenAmong, invalidBy, invalidValues, oneOf } from "../../components/url";

const FIELDS: Record<keyof LedgerFilter, string> = {
  outcome: "outcome",
  kind: "kind",
  name: "action_name",
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

/** Those that leave something out. */
const FILTERING = ["outcome", "kind", "name", "agent", "run", "minCost", "maxCost", "from", "to", "q"] as const;

export function filterOf(query: URLSearchParams): LedgerFilter {
  const text = (name: keyof LedgerFilter) => query.get(FIELDS[name]) ?? "";
  return {
    outcome: chosenAmong(query, FIELDS.outcome, LEDGER_OUTCOMES),
    kind: chosenAmong(query, FIELDS.kind, CALL_KINDS),
    name: text("name"),
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

/** Returns what stands in a URL and filters nothing, for it is no value of its field. */
export function invalidFilters(query: URLSearchParams): string[] {
  return [
    ...invalidValues(query, {
      outcome: LEDGER_OUTCOMES,
      kind: CALL_KINDS,
      sort_by: LEDGER_SORTS,
      sort_order: ["asc", "desc"],
    }),
    ...invalidBy(query, { min_cost: isCost, max_cost: isCost, start_date: isDay, end_date: isDay, page: isPage }),
  ];
}

/** Returns the URL's fields for what changes; any of it leads back to the first page. */
export function fieldsOf(change: Partial<LedgerFilter>): Record<string, string | null> {
  const fields: Record<string, string | null> = { page: null };
  for (const [name, value] of Object.entries(change)) fields[FIELDS[name as keyof LedgerFilter]] = String(value);
  return fields;
}

/** Returns the fields that take every filter away. */
export function noFilter(): Record<string, string | null> {
  return Object.fromEntries([...FILTERING.map((name) => [FIELDS[name], null]), ["page", null]]);
}

export function isUnfiltered(filter: LedgerFilter): boolean {
  return FILTERING.every((name) => filter[name].length === 0);
}

/** Returns the address of the export of what a filter leaves; it has an order of its own. */
export function exportPath(filter: LedgerFilter, format: ExportFormat): string {
  const { sort_by: _sort, sort_order: _order, ...wanted } = ledgerQuery(filter);
  const query = new URLSearchParams({ format });
  for (const [name, value] of Object.entries(wanted)) query.set(name, String(value));
  return ofProject(`/api/v1/ledger/export?${query}`);
}

/** Returns the page that a URL asks for: the first where it names none, the last that there can be where it names one behind. */
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

/** Whether it is a day that there is: `Date` takes the 31st of February for the 3rd of March. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
