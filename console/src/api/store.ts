/** The shared key-value store: keys by folder, values, sets and the changes to them. No event reports its changes. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { queries } from "./query";

const KEY = ["store"];
const PAGE_KEYS = 1000;

type Headers = { "Idempotency-Key": string };

/** The keys that start with `prefix`, page by page, skipping folders that fill one. */
export function useKeyPages(prefix: string) {
  return useInfiniteQuery({
    queryKey: [...KEY, "keys", prefix],
    initialPageParam: "",
    queryFn: async ({ pageParam, signal }): Promise<KeyPage> => {
      const query = { prefix, after: pageParam, limit: PAGE_KEYS };
      const { data } = await api.GET("/api/store/keys", { params: { query }, signal });
      const keys = data?.keys ?? [];
      return { keys, after: data?.next ? nextAfter(keys, prefix) : null };
    },
    getNextPageParam: (page) => page.after,
  });
}

export interface Stored {
  key: string;
  value: string | null;
  artifact: string | null;
  /** When the key expires; null for never. */
  expiresAt: string | null;
  members: string[];
}

/** The content of a key: a value, a set, both or nothing. */
export function useStored(key: string) {
  return useQuery({
    queryKey: [...KEY, "key", key],
    queryFn: async ({ signal }): Promise<Stored> => {
      const params = { query: { key } };
      const [value, members] = await Promise.all([
        api.GET("/api/store", { params, signal }),
        api.GET("/api/store/sets", { params, signal }),
      ]);
      return {
        key,
        value: value.data?.value ?? null,
        artifact: value.data?.artifact ?? null,
        expiresAt: value.data?.expires_at ?? null,
        members: members.data?.members ?? [],
      };
    },
  });
}

export interface Put {
  key: string;
  /** The current value that this may overwrite; null for none. So two people never overwrite each other's changes. */
  expected: string | null;
  value: string;
  /** "keep" leaves the expiry as it is; null removes it. */
  ttlSeconds: number | "keep" | null;
}

/** Sets a key unless its value has changed; returns whether it was set. */
export async function putValue(put: Put, headers: Headers): Promise<boolean> {
  const { key, expected, value, ttlSeconds } = put;
  const keeps = ttlSeconds === "keep";
  const body = { key, expected, value, keep_ttl: keeps, ttl_seconds: keeps ? null : ttlSeconds };
  return (await api.POST("/api/store/cas", { body, headers })).data?.swapped ?? false;
}

export async function deleteKey(key: string, headers: Headers): Promise<boolean> {
  return (await api.DELETE("/api/store", { params: { query: { key } }, headers })).data?.deleted ?? false;
}

export async function addMember(to: { key: string; member: string }, headers: Headers): Promise<boolean> {
  return (await api.POST("/api/store/sets", { body: to, headers })).data?.added === 1;
}

export function refetchStore(): Promise<void> {
  return queries.invalidateQueries({ queryKey: KEY });
}

interface KeyPage {
  keys: string[];
  /** Where the next page starts; null at the end. */
  after: string | null;
}

export type Entry =
  | { kind: "key"; key: string; name: string }
  | { kind: "folder"; prefix: string; name: string; count: number; hasMore: boolean };

const LAST_CHARACTER = "\u{10ffff}"; // sorts after every continuation of a key

/** Returns the folder part of a prefix: `research:` for `research:RES`. */
export function folderOf(prefix: string): string {
  return /^.*[:/]/su.exec(prefix)?.[0] ?? "";
}

/** Returns the folders on the path to a prefix, outermost first. */
export function folderPath(prefix: string): { prefix: string; name: string }[] {
  const names = folderOf(prefix).match(/[^:/]*[:/]/gu) ?? [];
  let walked = "";
  return names.map((name) => {
    walked += name;
    return { prefix: walked, name };
  });
}

/** Returns where the next page starts: after the last key, or after its folder. */
export function nextAfter(keys: readonly string[], prefix: string): string | null {
  const last = keys.at(-1);
  if (last === undefined) return null;
  const folder = folderBelow(last, folderOf(prefix));
  const isWideFolder = folder !== null && folder.length >= prefix.length && keys.at(-2)?.startsWith(folder);
  return isWideFolder ? folder + LAST_CHARACTER : last;
}

/** Returns the folders and keys on the level of `prefix`; a folder with one key is shown as that key. */
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
