import { expect, test } from "vitest";
import type { NoteView } from "../../../api/run";
import { scoresOf } from "./RunFacts";

function aNote(id: string, told: Partial<NoteView> = {}): NoteView {
  return {
    id,
    at: "2026-03-01T09:00:00Z",
    author: "ada",
    action_id: null,
    name: "quality",
    score: 1,
    text: "",
    acknowledges: false,
    mutes: false,
    ...told,
  };
}

test("of each name the last score that each person gave the run itself is shown", () => {
  const notes = [
    aNote("latest", { score: 0 }),
    aNote("words", { score: null }),
    aNote("earlier"),
    aNote("of an action", { action_id: "a1", name: "tone" }),
    aNote("by another", { author: "bob" }),
    aNote("of another name", { name: null }),
  ];

  expect(scoresOf(notes).map(({ id }) => id)).toEqual(["latest", "by another", "of another name"]);
});
