/**
 * One level of the keys, as folders and keys. The server lists keys in the order of their code points and knows no
 * folders, so a folder of a million keys is stepped over: the next question begins behind it.
 */

export interface KeyPage {
  keys: string[];
  /** Where the next question begins; null at the end. */
  after: string | null;
}

export type Entry =
  | { kind: "key"; key: string; name: string }
  | { kind: "folder"; prefix: string; name: string; count: number; hasMore: boolean };

const LAST_CHARACTER = "\u{10ffff}"; // sorts behind all that a key goes on with

/** Returns the part of a prefix that is a folder: `research:RES` is in `research:`. */
export function folderOf(prefix: string): string {
  return /^.*[:/]/su.exec(prefix)?.[0] ?? "";
}

/** Returns the folders on the way to a prefix, outermost first, each with its own name. */
export function trail(prefix: string): { prefix: string; name: string }[] {
  const names = folderOf(prefix).match(/[^:/]*[:/]/gu) ?? [];
  let walked = "";
  return names.map((name) => {
    walked += name;
    return { prefix: walked, name };
  });
}

/** Returns what to ask next behind keys that the server said to go on: behind the last one, or behind its folder. */
export function nextAfter(keys: readonly string[], prefix: string): string | null {
  const last = keys.at(-1);
  if (last === undefined) return null;
  const folder = folderBelow(last, folderOf(prefix));
  const isWideFolder = folder !== null && folder.length >= prefix.length && keys.at(-2)?.startsWith(folder);
  return isWideFolder ? folder + LAST_CHARACTER : last;
}

/** Returns the folders and keys of the level that `prefix` is on; a folder of one key is that key. */
export function levelOf(pages: readonly KeyPage[], prefix: string): Entry[] {
  const base = folderOf(prefix);
  const groups = new Map<string, { keys: string[]; hasMore: boolean }>();
  for (const page of pages) {
    for (const key of page.keys) {
      const name = folderBelow(key, base) ?? key;
      const group = groups.get(name);
      if (group) group.keys.push(key);
      else groups.set(name, { keys: [key], hasMore: false });
    }
    const stepped = page.after?.endsWith(LAST_CHARACTER) ? page.after.slice(0, -LAST_CHARACTER.length) : null;
    const wide = stepped === null ? undefined : groups.get(stepped);
    if (wide) wide.hasMore = true;
  }
  return [...groups].map(([group, { keys, hasMore }]): Entry => {
    const [key = group] = keys;
    if (keys.length === 1) return { kind: "key", key, name: key.slice(base.length) };
    return { kind: "folder", prefix: group, name: group.slice(base.length), count: keys.length, hasMore };
  });
}

function folderBelow(key: string, base: string): string | null {
  const end = key.slice(base.length).search(/[:/]/);
  return end < 0 ? null : key.slice(0, base.length + end + 1);
}
