import { expect, test } from "vitest";
import type { Message } from "./conversation";
import { parseJson } from "./json";
import { SHOWN, shownFrom } from "./Messages";

function talk(length: number): Message[] {
  return Array.from({ length }, (_, at) => ({
    role: "user",
    name: null,
    parts: [{ is: "text", text: `Question ${at}`, isCut: false }],
    others: [],
  }));
}

test("of a long conversation the last messages are seen at first, of a short one all", () => {
  expect([0, 1, SHOWN, SHOWN + 1, 50].map((length) => shownFrom(talk(length), []))).toEqual([0, 0, 0, 0, 50 - SHOWN]);
});

test("a message that is searched for is seen at once, wherever in it the word stands", () => {
  const messages = talk(50);
  const given = parseJson('{"about": ["A Zebra"]}');
  messages[20] = { role: "assistant", name: null, parts: [{ is: "call", name: "find", id: null, given }], others: [] };

  expect([shownFrom(messages, ["question 7"]), shownFrom(messages, ["zebra"]), shownFrom(messages, ["isCut"])]).toEqual(
    [7, 20, 50 - SHOWN],
  );
});
