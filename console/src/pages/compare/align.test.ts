import { expect, test } from "vitest";
import { align } from "./align";

/** The pairs as words: `plan`, `-search` of the first run alone, `+search` of the second alone. */
function words(one: string, other: string): string {
  const a = one.split(" ").filter(Boolean);
  const b = other.split(" ").filter(Boolean);
  return align(a, b)
    .pairs.map((pair) => {
      if (pair.a === null) return `+${b[pair.b as number]}`;
      if (pair.b === null) return `-${a[pair.a]}`;
      expect(a[pair.a]).toBe(b[pair.b]);
      return a[pair.a];
    })
    .join(" ");
}

test.each([
  ["plan search write", "plan search write", "plan search write"],
  ["plan search write", "plan search search write", "plan search +search write"],
  ["plan search write", "plan write", "plan -search write"],
  ["", "a b", "+a +b"],
  ["a b", "", "-a -b"],
  ["", "", ""],
])("%j and %j are %j", (one, other, aligned) => {
  expect(words(one, other)).toBe(aligned);
});

test("one inserted call does not shift all that follow", () => {
  expect(words("a b c a b c a b", "a b x c a b c a b").match(/[+-]\S+/g)).toEqual(["+x"]);
});

test("every call stands once, in its order, and as many match as can", () => {
  const next = random(7);
  for (let round = 0; round < 200; round += 1) {
    const a = Array.from({ length: next(12) }, () => "abc"[next(3)] as string);
    const b = Array.from({ length: next(12) }, () => "abc"[next(3)] as string);

    const { pairs } = align(a, b);

    expect(pairs.map((pair) => pair.a).filter((at) => at !== null)).toEqual(a.map((_, at) => at));
    expect(pairs.map((pair) => pair.b).filter((at) => at !== null)).toEqual(b.map((_, at) => at));
    const matched = pairs.filter((pair) => pair.a !== null && pair.b !== null);
    for (const pair of matched) expect(a[pair.a as number]).toBe(b[pair.b as number]);
    expect(matched).toHaveLength(longest(a, b));
  }
});

test("runs that differ in too much are shown one after the other, between their like ends", () => {
  const { pairs, isCut } = align(["s", "a", "b", "e"], ["s", "x", "y", "e"], 2);

  expect(isCut).toBe(true);
  expect(pairs).toEqual([
    { a: 0, b: 0 },
    { a: 1, b: null },
    { a: 2, b: null },
    { a: null, b: 1 },
    { a: null, b: 2 },
    { a: 3, b: 3 },
  ]);
});

/** The length of the longest common subsequence, by the book. */
function longest(a: string[], b: string[]): number {
  const table = Array.from({ length: a.length + 1 }, () => new Array<number>(b.length + 1).fill(0));
  const at = (x: number, y: number) => table[x]?.[y] ?? 0;
  for (let x = 1; x <= a.length; x += 1) {
    for (let y = 1; y <= b.length; y += 1) {
      const row = table[x] as number[];
      row[y] = a[x - 1] === b[y - 1] ? at(x - 1, y - 1) + 1 : Math.max(at(x - 1, y), at(x, y - 1));
    }
  }
  return at(a.length, b.length);
}

function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * below);
  };
}
