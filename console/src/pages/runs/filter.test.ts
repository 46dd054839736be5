import { expect, test } from "vitest";
import { ALL_RUNS } from "../../api/registry";
import {
  exportPath,
  fieldsOf,
  filterOf,
  filterWords,
  invalidFilters,
  isUnfiltered,
  pickedIn,
  pickedWith,
  searchWithin,
} from "./filter";

test("a URL without fields asks for the last 7 days, the newest first", () => {
  expect(filterOf(new URLSearchParams())).toEqual(ALL_RUNS);
});

test("every filter comes back from the URL that it made", () => {
  const filter = {
    status: ["failed", "running"],
    minCost: "10",
    determinismBelow: "70",
    window: "30d",
    origin: "evaluation",
    agent: "research, the 2nd",
    session: "s1",
    tag: "nightly",
    q: "LoRA",
    sort: "cost",
    order: "asc",
    hasArchived: true,
  } as const;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fieldsOf(filter))) if (value) query.set(name, value);

  expect(filterOf(query)).toEqual({ ...filter, status: ["running", "failed"] });
});

test("what is so anyway does not stand in the URL", () => {
  expect(fieldsOf({ window: "7d", origin: "production", sort: "started", order: "desc", hasArchived: false })).toEqual({
    window: null,
    origin: null,
    sort: null,
    order: null,
    archived: null,
  });
});

test("what somebody mistyped filters nothing", () => {
  const filter = filterOf(new URLSearchParams("window=week&sort=luck&origin=test&min_cost=lots&status=DONE,Failed"));

  expect(filter).toEqual({ ...ALL_RUNS, status: ["failed"] });
});

test("what filters nothing is named", () => {
  const query = new URLSearchParams(
    "status=wat,Failed&sort=foo&window=5y&origin=test&order=asc&q=wat&min_cost=-1&archived=no",
  );

  expect(invalidFilters(query)).toEqual([
    "status=wat",
    "window=5y",
    "origin=test",
    "sort=foo",
    "archived=no",
    "min_cost=-1",
  ]);
  expect(invalidFilters(new URLSearchParams("status=failed&min_cost=0.5&archived=yes"))).toEqual([]);
});

test("a filter is told in words", () => {
  const filter = { ...ALL_RUNS, status: ["failed"], minCost: "10", agent: "research", tag: "nightly" };

  expect(filterWords(filter)).toBe("failed, production, from $10, of research, tagged nightly, in the last 7 days");
  expect(isUnfiltered(filter)).toBe(false);
  expect(isUnfiltered({ ...ALL_RUNS, window: "all" })).toBe(true);
});

test("an export holds what the list shows", () => {
  const path = exportPath({ ...ALL_RUNS, window: "all", agent: "a&b", minCost: "0.5" }, "csv");
  const query = new URL(path, "http://titan.test").searchParams;

  expect(Object.fromEntries(query)).toMatchObject({
    format: "csv",
    window: "all",
    origin: "production",
    agent_id: "a&b",
    min_cost: "0.5",
  });
});

test("a third run takes the place of the first, and one chosen again is given back", () => {
  expect(pickedWith(["a", "b"], "c")).toEqual(["b", "c"]);
  expect(pickedWith(["a", "b"], "a")).toEqual(["b"]);
  expect(pickedWith([], "a")).toEqual(["a"]);
});

test("a run is chosen beside the one that the address has, and given back", () => {
  const one = new URLSearchParams("agent_id=pair&a=first");

  expect(pickedWith(pickedIn(one), "second")).toEqual(["first", "second"]);
  expect(pickedWith(pickedIn(one), "first")).toEqual([]);
});

test("a search goes on within a run, unless the run itself is called so", () => {
  const run = { run_id: "RESEARCH_1", agent_id: "RESEARCHER", name: "LoRA, briefly" };

  expect(["zebra", "research", "lora", "earcher", ""].map((q) => searchWithin(run, q))).toEqual([
    "zebra",
    null,
    null,
    null,
    null,
  ]);
  expect(searchWithin({ ...run, name: null }, "lora")).toBe("lora");
});
