/** The shared store: no event tells of its changes, so what is read says when, and is read again when asked for. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { type KeyPage, nextAfter } from "./keyLevel";
import { queries } from "./query";

const KEY = ["store"];
const PAGE_KEYS = 1000;

type Headers = { "Idempotency-Key": string };

/** The keys that begin with `prefix`, page by page, stepping over folders that fill one. */
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
  /** When the key is gone; null: it stays. */
  expiresAt: string | null;
  members: string[];
}

/** What a key holds: a value, a set, both, or nothing any more. */
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
  /** What the key has to hold still; null: nothing. So two people never overwrite each other unseen. */
  expected: string | null;
  value: string;
  /** "keep": it is gone when it was to be gone before; null: never. */
  ttlSeconds: number | "keep" | null;
}

/** Sets a key unless it holds something else by now; returns whether it was set. */
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

export function rereadStore(): Promise<void> {
  return queries.invalidateQueries({ queryKey: KEY });
}
