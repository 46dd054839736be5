/** Which lists and objects of a value are shown open at first: the outer ones, as many as are drawn in a moment. */
import type { Json } from "./parse";
import { typedOf } from "./typed";

/** Items of one list that are shown at once. */
export const ITEMS_AT_ONCE = 100;

const MOST_NODES = 800; // drawn at first, in some 30 ms
const DEEPEST = 20;

/** Returns the containers to open, breadth first, until as much is shown as is worth it. */
export function openedAtFirst(root: Json): ReadonlySet<Json> {
  const opened = new Set<Json>();
  let left = MOST_NODES;
  let level: Json[] = [root];
  for (let depth = 0; depth < DEEPEST && level.length > 0; depth += 1) {
    const next: Json[] = [];
    for (const value of level) {
      const inner = innerOf(value).slice(0, ITEMS_AT_ONCE);
      if (inner.length > left) continue;
      left -= inner.length;
      opened.add(value);
      next.push(...inner.filter(isNest));
    }
    level = next;
  }
  return opened;
}

function isNest(value: Json): boolean {
  return value.is === "list" || value.is === "object";
}

/** Returns what is drawn within a value; within a typed one that is what it groups. */
function innerOf(value: Json): Json[] {
  const typed = typedOf(value);
  if (typed?.is === "group") return [typed.of];
  if (typed?.is === "pairs") return typed.entries.map((entry) => entry.value);
  if (typed?.is === "raised") return typed.rest.map((entry) => entry.value);
  if (typed?.is === "cut") return typed.head ? [typed.head] : [];
  if (value.is === "list") return [...value.items];
  return value.is === "object" ? value.entries.map((entry) => entry.value) : [];
}
