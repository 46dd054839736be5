import { expect, test } from "vitest";
import { folderOf, folderPath, levelOf, nextAfter } from "./store";

test("keys that share a part up to a colon or slash are one folder, and a folder of one key is that key", () => {
  const keys = ["city", "research:A:plan", "research:A:report", "research:B:plan", "seen/once"];

  expect(levelOf([{ keys, after: null }], "")).toEqual([
    { kind: "key", key: "city", name: "city" },
    { kind: "folder", prefix: "research:", name: "research:", count: 3, hasMore: false },
    { kind: "key", key: "seen/once", name: "seen/once" },
  ]);
});

test("within a folder names are told without it", () => {
  const keys = ["research:A:plan", "research:A:report", "research:B:plan"];

  expect(levelOf([{ keys, after: null }], "research:").map((entry) => entry.name)).toEqual(["A:", "B:plan"]);
});

test("half a name typed keeps to the level it is on", () => {
  expect([folderOf("research:RES"), folderOf("res")]).toEqual(["research:", ""]);
  expect(levelOf([{ keys: ["research:A", "research:B"], after: null }], "res").map((one) => one.name)).toEqual([
    "research:",
  ]);
});

test("a folder that fills a page is stepped over, and says that it holds more", () => {
  const keys = ["a", "data:1", "data:2"];
  const after = nextAfter(keys, "");

  expect(after).toBe("data:\u{10ffff}");
  expect(
    levelOf(
      [
        { keys, after },
        { keys: ["zoo"], after: null },
      ],
      "",
    ).at(1),
  ).toMatchObject({ count: 2, hasMore: true });
});

test("one key of a folder at the end of a page is no reason to step over it", () => {
  expect(nextAfter(["a", "b", "data:1"], "")).toBe("data:1");
  expect(
    levelOf(
      [
        { keys: ["data:1"], after: "data:1" },
        { keys: ["data:2"], after: null },
      ],
      "",
    ),
  ).toEqual([{ kind: "folder", prefix: "data:", name: "data:", count: 2, hasMore: false }]);
});

test("within its own folder nothing is stepped over", () => {
  expect(nextAfter(["data:1", "data:2"], "data:")).toBe("data:2");
});

test("the way to a prefix leads through its folders", () => {
  expect(folderPath("research:RES_1/plan")).toEqual([
    { prefix: "research:", name: "research:" },
    { prefix: "research:RES_1/", name: "RES_1/" },
  ]);
});
