import { expect, test } from "vitest";
import { allRows, type Pages, withRows } from "./rows";

interface Row {
  id: string;
  at: number;
  status: string;
}

const OLD = { id: "old", at: 1, status: "running" };
const NEW = { id: "new", at: 2, status: "running" };

function pagesOf(...rows: Row[][]): Pages<Row> {
  return { pages: rows.map((page) => ({ rows: page, more: true })), pageParams: rows.map(() => null) };
}

function after(asked: string[], found: Row[], pages = pagesOf([NEW], [OLD])): Row[] {
  const next = withRows(
    pages,
    asked,
    found,
    (row) => row.id,
    (row, than) => row.at > than.at,
  );
  return allRows(next);
}

test("a row that was read again takes its old place", () => {
  const done = { ...OLD, status: "completed" };

  expect(after(["old"], [done])).toEqual([NEW, done]);
});

test("a row that matches the filters no more leaves the list", () => {
  expect(after(["new"], [])).toEqual([OLD]);
});

test("rows the list did not hold stand on top, the newest first", () => {
  const [third, fourth] = [
    { id: "third", at: 3, status: "running" },
    { id: "fourth", at: 4, status: "running" },
  ];

  expect(after(["third", "fourth"], [third, fourth])).toEqual([fourth, third, NEW, OLD]);
});

test("a row from further down, whose page was not read yet, stays where it is", () => {
  expect(after(["ancient"], [{ id: "ancient", at: 0, status: "failed" }])).toEqual([NEW, OLD]);
});

test("a row that comes to match the filters takes its place among those that did before", () => {
  const between = { id: "between", at: 1.5, status: "failed" };

  expect(after(["between"], [between])).toEqual([NEW, between, OLD]);
});

test("the oldest row goes to the end of a list that was read to its end", () => {
  const ancient = { id: "ancient", at: 0, status: "failed" };
  const whole = { pages: [{ rows: [NEW, OLD], more: false }], pageParams: [null] };

  expect(after(["ancient"], [ancient], whole)).toEqual([NEW, OLD, ancient]);
});

test("an empty list takes what begins", () => {
  expect(after(["new"], [NEW], pagesOf([]))).toEqual([NEW]);
});
