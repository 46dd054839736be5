import { expect, test } from "vitest";
import { joinCommand, offersOf } from "./AddWorker";

test("lines become offers", () => {
  expect(
    offersOf([
      { label: " GPU ", slots: "1" },
      { label: "GENERAL", slots: "4" },
    ]),
  ).toEqual({ GPU: 1, GENERAL: 4 });
});

test("what the server would refuse is said before it is asked", () => {
  const wrong = [
    [],
    [{ label: "", slots: "1" }],
    [{ label: "a b; rm", slots: "1" }],
    [{ label: "GPU", slots: "0" }],
    [{ label: "GPU", slots: "1.5" }],
    [
      { label: "GPU", slots: "1" },
      { label: "GPU", slots: "2" },
    ],
  ];

  expect(wrong.map((rows) => typeof offersOf(rows))).toEqual(Array(6).fill("string"));
});

test("the command names the server and each offer", () => {
  expect(joinCommand("http://titan:5000", { GPU: 1, GENERAL: 4 })).toBe(
    "titan workers join http://titan:5000 --offer GPU:1 --offer GENERAL:4",
  );
});
