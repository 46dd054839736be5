import { describe, expect, it } from "vitest";
import { navItemOf } from "./navigation";

describe("The place of a page", () => {
  it.each([
    ["/", "Home"],
    ["/dags", "DAG Pipelines"],
    ["/dags/DAG-nightly", "DAG Pipelines"],
    ["/logs/train", "DAG Pipelines"],
    ["/runs/compare", "Runs"],
    ["/registry/research", "Runs"],
    ["/ledger", "Ledger"],
    ["/help/keys", "Help"],
  ])("%s belongs to %s", (path, name) => {
    expect(navItemOf(path)?.name).toBe(name);
  });

  it.each(["/nowhere", "/dagsandmore"])("%s belongs to none", (path) => {
    expect(navItemOf(path)).toBeUndefined();
  });
});
