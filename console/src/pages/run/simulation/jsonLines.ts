/** Two recorded values as lines side by side, so that lines that differ stand beside one another. */
import { align } from "../../compare/align";

export interface LinePair {
  original: string | null;
  replay: string | null;
  isEqual: boolean;
}

/** Returns the lines of both, aligned; keys in one order, for theirs does not count. */
export function linePairs(original: string | null, replay: string | null): LinePair[] {
  const [a, b] = [linesOf(original), linesOf(replay)];
  const pairs: LinePair[] = [];
  let [left, right]: [string[], string[]] = [[], []];
  function flush(): void {
    for (let at = 0; at < Math.max(left.length, right.length); at += 1) {
      pairs.push({ original: left[at] ?? null, replay: right[at] ?? null, isEqual: false });
    }
    [left, right] = [[], []];
  }
  for (const pair of align(a, b).pairs) {
    if (pair.a !== null && pair.b !== null) {
      flush();
      pairs.push({ original: a[pair.a] ?? null, replay: b[pair.b] ?? null, isEqual: true });
    } else if (pair.a !== null) left.push(a[pair.a] ?? "");
    else if (pair.b !== null) right.push(b[pair.b] ?? "");
  }
  flush();
  return pairs;
}

function linesOf(text: string | null): string[] {
  if (text === null) return [];
  try {
    return JSON.stringify(inOrder(JSON.parse(text)), null, 2).split("\n");
  } catch {
    return text.split("\n"); // only its beginning is here
  }
}

function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inOrder(item)]));
}
