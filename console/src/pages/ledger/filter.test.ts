import { expect, test } from "vitest";
import { exportPath, fieldsOf, filterOf, invalidFilters, isUnfiltered, noFilter, pageOf } from "./filter";

test("a link to the calls of one name in a run is understood", () => {
  const filter = filterOf(new URLSearchParams("run_id=r1&action_name=send_email&outcome=error"));

  expect(filter).toMatchObject({ run: "r1", name: "send_email", outcome: ["error"], sort: "time", order: "desc" });
  expect(isUnfiltered(filter)).toBe(false);
});

test("several outcomes and kinds are chosen at once", () => {
  const filter = filterOf(new URLSearchParams("outcome=error,blocked&kind=tool,model"));

  expect([...filter.outcome].sort()).toEqual(["blocked", "error"]);
  expect([...filter.kind].sort()).toEqual(["model", "tool"]);
  expect(fieldsOf({ outcome: ["error", "running"], kind: [] })).toEqual({
    page: null,
    outcome: "error,running",
    kind: "",
  });
});

test("what no filter can be filters nothing", () => {
  const filter = filterOf(
    new URLSearchParams("outcome=fine&kind=turn&min_cost=much&start_date=2026-02-31x&sort_by=me"),
  );

  expect(isUnfiltered(filter)).toBe(true);
  expect(filter.sort).toBe("time");
  expect(invalidFilters(new URLSearchParams("outcome=fine&kind=model&sort_by=me"))).toEqual([
    "outcome=fine",
    "sort_by=me",
  ]);
});

test("costs, days and pages that are none are named, too", () => {
  const query = new URLSearchParams(
    "min_cost=abc&max_cost=-1&start_date=2026-99-99&end_date=2026-02-31&page=x&search=fl",
  );

  expect(invalidFilters(query)).toEqual([
    "min_cost=abc",
    "max_cost=-1",
    "start_date=2026-99-99",
    "end_date=2026-02-31",
    "page=x",
  ]);
  expect(filterOf(query)).toMatchObject({ minCost: "", maxCost: "", from: "", to: "", q: "fl" });
  expect(invalidFilters(new URLSearchParams("min_cost=0.5&start_date=2024-02-29&page=2&max_cost="))).toEqual([]);
});

test("every change of a filter leads back to the first page", () => {
  expect(fieldsOf({ agent: "research", minCost: "0.5" })).toEqual({
    page: null,
    agent_id: "research",
    min_cost: "0.5",
  });
});

test("taking the filters away leaves the order", () => {
  const fields = noFilter();

  expect(fields.run_id).toBeNull();
  expect("sort_by" in fields).toBe(false);
});

test.each([
  ["page=3", 3],
  ["page=9999", 200],
  ["", 1],
  ["page=-1", 1],
  ["page=x", 1],
])("%j is page %i", (query, page) => {
  expect(pageOf(new URLSearchParams(query))).toBe(page);
});

test("an export is of what the filters leave, without the order and page of the list", () => {
  const filter = filterOf(new URLSearchParams("outcome=error&min_cost=0.1&search=a%20b&sort_by=cost&page=3"));

  expect(exportPath(filter, "csv")).toBe(
    "/api/v1/ledger/export?format=csv&outcome=error&origin=production&min_cost=0.1&search=a+b",
  );
});
