import { expect, test } from "vitest";
import { ofProject, pathIn, projectIn } from "./project";

test("a path names a project in any language, or none", () => {
  expect(projectIn("/runs")).toBe(null);
  expect(projectIn("/p")).toBe(null);
  expect(projectIn("/p/finance")).toBe("finance");
  expect(projectIn(pathIn("Crème/brûlée", "/runs/R_1"))).toBe("Crème/brûlée");
  expect(projectIn("/p/100%/runs")).toBe("100%");
});

test("pages of the default project have no prefix", () => {
  expect(pathIn("default", "/runs")).toBe("/runs");
  expect(pathIn("finance", "/runs")).toBe("/p/finance/runs");
});

test("a link to a request names the project behind what else it asks", () => {
  expect(ofProject("/api/x", null)).toBe("/api/x");
  expect(ofProject("/api/x", "a&b")).toBe("/api/x?project=a%26b");
  expect(ofProject("/api/x?y=1", "finance")).toBe("/api/x?y=1&project=finance");
});
