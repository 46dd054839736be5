import { expect, test } from "vitest";
import {
  around,
  barHeight,
  barOf,
  END,
  isInSight,
  MOST_PX,
  movedBy,
  ofBar,
  ROW_PX,
  TOP,
  type Viewport,
} from "./scroll";

function sightOf(lines: number, height = 400, heightOf = (_line: number) => ROW_PX): Viewport {
  return { lines, height, heightOf };
}

test("moving goes through lines by their heights", () => {
  const wrapped = sightOf(100, 400, (line) => (line === 1 ? 100 : ROW_PX));

  const down = movedBy(TOP, 130, wrapped);

  expect([down, movedBy(down, -20, wrapped)]).toEqual([
    { at: "line", line: 2, offset: 10 },
    { at: "line", line: 1, offset: 90 },
  ]);
});

test("the view sticks to the end when it gets there, and lets go when it moves up", () => {
  const viewport = sightOf(100);

  expect(movedBy(TOP, 1600, viewport)).toEqual(END);
  expect(movedBy(END, -30, viewport)).toEqual({ at: "line", line: 78, offset: 10 });
});

test("nothing goes above the first line", () => {
  expect(movedBy({ at: "line", line: 2, offset: 5 }, -999, sightOf(100))).toEqual(TOP);
});

test("a line is shown in the middle, near the ends as far as it goes", () => {
  const viewport = sightOf(1000);

  expect([around(500, viewport), around(3, viewport), around(998, viewport)]).toEqual([
    { at: "line", line: 490, offset: 10 },
    TOP,
    END,
  ]);
});

test("a line is in sight when all of it is", () => {
  const viewport = sightOf(1000);
  const view = { at: "line", line: 10, offset: 5 } as const;

  expect([10, 11, 29, 30].map((line) => isInSight(line, view, viewport))).toEqual([false, true, true, false]);
});

test("within what a browser can show the scroll bar is to the pixel", () => {
  const viewport = sightOf(10_000);

  expect([barOf({ at: "line", line: 7, offset: 5 }, viewport), ofBar(145, viewport), barHeight(10_000)]).toEqual([
    145,
    { at: "line", line: 7, offset: 5 },
    200_000,
  ]);
});

test("of a log too long for that every line is still reached", () => {
  const viewport = sightOf(5_000_000);
  const most = barHeight(viewport.lines) - viewport.height;

  expect(barHeight(viewport.lines)).toBe(MOST_PX);
  expect([ofBar(0, viewport), ofBar(most, viewport)]).toEqual([TOP, END]);
  for (const line of [0, 1, 77_777, 4_999_000]) {
    const back = ofBar(barOf({ at: "line", line, offset: 0 }, viewport), viewport);
    expect(back.at === "line" ? back.line + back.offset / ROW_PX : -1).toBeCloseTo(line, 3);
  }
});

test("a log shorter than the window stays where it is", () => {
  const viewport = sightOf(3);

  expect([barOf(TOP, viewport), barOf(END, viewport), movedBy(TOP, 50, viewport), around(2, viewport)]).toEqual([
    0,
    0,
    END,
    END,
  ]);
});
