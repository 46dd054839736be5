import { expect, test, vi } from "vitest";
import { ApiError, Unreachable } from "./apiError";
import { IdempotencyKeys, newIdempotencyKey } from "./changes";

vi.hoisted(() => vi.stubGlobal("window", { location: { origin: "http://titan.test" } }));

const REFUSAL = new ApiError(409, {
  type: "Conflict",
  message: "no",
  subject: "",
  expected: "",
  found: "",
  next_step: "",
});

test("a key is 32 hexadecimal digits, and every one is another", () => {
  const keys = Array.from({ length: 100 }, newIdempotencyKey);

  expect(keys.every((key) => /^[0-9a-f]{32}$/.test(key))).toBe(true);
  expect(new Set(keys).size).toBe(100);
});

/** Returns the key under which `what` is asked, whatever becomes of it. */
async function keyOf(keys: IdempotencyKeys, what: unknown, end: Error | null = null): Promise<string> {
  let used = "";
  const asked = keys.perform(what, async (key) => {
    used = key;
    if (end) throw end;
  });
  await asked.catch(() => undefined);
  return used;
}

test("who asks for the same after a lost answer asks under the same key", async () => {
  const keys = new IdempotencyKeys();

  const lost = await keyOf(keys, { id: 1 }, new Unreachable("away"));

  expect(await keyOf(keys, { id: 2 })).not.toBe(lost);
  expect(await keyOf(keys, { id: 1 })).toBe(lost);
});

test("an answer ends a key, and so does a refusal", async () => {
  const keys = new IdempotencyKeys();

  const [done, refused, next] = [await keyOf(keys, null), await keyOf(keys, null, REFUSAL), await keyOf(keys, null)];

  expect(new Set([done, refused, next]).size).toBe(3);
});
