import { expect, test } from "vitest";
import { agentPath, idIn, runPath, toggled, toggledAmong } from "./url";

test("a value is chosen beside the others, and given back", () => {
  const now = new URLSearchParams("fold=a,b&open=c");

  expect(toggled(now, "fold", "c")).toEqual({ fold: "a,b,c" });
  expect(toggled(now, "fold", "a")).toEqual({ fold: "b" });
  expect(toggled(now, "tags", "x")).toEqual({ tags: "x" });
});

test("one of a closed set is chosen beside the others, however they are typed, and what is not of it goes", () => {
  const now = new URLSearchParams("status=FAILED,wat");

  expect(toggledAmong(now, "status", ["failed", "running"], "running")).toEqual({ status: "failed,running" });
  expect(toggledAmong(now, "status", ["failed", "running"], "failed")).toEqual({ status: "" });
});

test("an id is read from the path that leads to its page as it is, whatever stands in it", () => {
  const ids = ["R_1", "a/b", "a%2Fb", "a%252Fb", "100%", "a b?c#d", "é/😀", "../x"];

  expect(ids.map((id) => idIn(new URL(runPath(id), "http://here").pathname))).toEqual(ids);
  expect(ids.map((id) => idIn(new URL(agentPath(id), "http://here").pathname))).toEqual(ids);
});

test("of a path that somebody typed, an ending slash is no id, and what is no escape stands for itself", () => {
  expect(["/runs/R_1/", "/runs/100%", "/"].map(idIn)).toEqual(["R_1", "100%", ""]);
});
