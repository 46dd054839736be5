import { expect, test } from "vitest";
import { Gathered } from "./gathered";

test("what is asked for in one turn is one request, and what the server does not know is nothing", async () => {
  const asked: string[][] = [];
  const things = new Gathered(
    async (ids: string[]) => {
      asked.push(ids);
      return ids.filter((id) => id !== "c").map((id) => ({ id }));
    },
    ({ id }) => id,
  );

  const found = await Promise.all(["a", "b", "a", "c"].map((id) => things.load(id)));

  expect([asked, found]).toEqual([[["a", "b", "c"]], [{ id: "a" }, { id: "b" }, { id: "a" }, null]]);
});

test("more than the server takes at once goes in several requests, and a refusal reaches only its own", async () => {
  const sizes: number[] = [];
  const things = new Gathered(
    async (ids: string[]) => {
      sizes.push(ids.length);
      if (ids.includes("250")) throw new Error("no");
      return ids;
    },
    (id) => id,
  );

  const told = await Promise.allSettled(Array.from({ length: 251 }, (_, at) => things.load(String(at))));

  expect([sizes, told.filter(({ status }) => status === "rejected").length]).toEqual([[200, 51], 51]);
});
