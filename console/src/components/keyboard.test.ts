import { expect, test } from "vitest";
import { isTyping } from "./keyboard";

/** A key pressed where `closest` finds the field or dialog around it, if any. */
function aKey(target: object | null): KeyboardEvent {
  return { target } as unknown as KeyboardEvent;
}

test("a key is meant for the field or dialog it was pressed in, and elsewhere for the page", () => {
  const keys = [aKey({ closest: () => ({}) }), aKey({ closest: () => null }), aKey(null)];

  expect(keys.map(isTyping)).toEqual([true, false, false]);
});
