import { expect, test } from "vitest";
import { nameIn, viewIn } from "./DagPage";

test("the prefix of a DAG's name is optional, and taken away once", () => {
  expect(["DAG-nightly", "nightly", "DAG-DAG-x"].map(nameIn)).toEqual(["nightly", "nightly", "DAG-x"]);
});

test("a view nobody knows is the graph", () => {
  expect([viewIn("files"), viewIn("nonsense"), viewIn(null)]).toEqual(["files", "graph", "graph"]);
});
