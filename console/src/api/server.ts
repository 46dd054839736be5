/** The server itself: health, settings, tokens and maintenance. */
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "./client";
import { queries } from "./query";

export type Token = Schemas["TokenView"];
export type NewToken = Schemas["NewTokenAnswer"];
export type Freed = Schemas["CleanAnswer"];
export type Settings = Schemas["SettingsAnswer"];
export type Rule = Schemas["RuleView"];
export type Role = Exclude<NonNullable<Schemas["NewTokenBody"]["role"]>, "key">;

const TOKENS = ["tokens"];
const SETTINGS = ["settings"];
const HEALTH = ["health"];
const DISK_EVERY_MS = 60_000; // disk usage sends no event

/** The server's health, polled because disk usage sends no event. */
export function useHealth() {
  return useQuery({
    queryKey: HEALTH,
    refetchInterval: DISK_EVERY_MS,
    queryFn: async ({ signal }) => (await api.GET("/api/health", { signal })).data ?? null,
  });
}

/** All tokens without their secrets, newest first, and the id of the server's own; only requested with permission. */
export function useTokens(isAllowed: boolean) {
  return useQuery({
    queryKey: TOKENS,
    enabled: isAllowed,
    queryFn: async ({ signal }) => (await api.GET("/api/tokens", { signal })).data ?? null,
  });
}

export function refetchTokens(): Promise<void> {
  return queries.invalidateQueries({ queryKey: TOKENS });
}

/** The options of a new token besides its role. */
export interface TokenOptions {
  trusted: boolean;
  /** Labels that its workers may offer; null for any. */
  labels: string[] | null;
  /** The only project it can access; null for all. */
  project: string | null;
}

/** Creates a token. Its secret is only in this answer, so the query cache is bypassed. */
export async function createToken(
  name: string,
  role: Role,
  days: number | null,
  { trusted, labels, project }: TokenOptions,
): Promise<NewToken> {
  const body = { name, role, expires_in_days: days, trusted, labels, project, organisation: null, scopes: null };
  const { data } = await api.POST("/api/tokens", { body });
  if (!data) throw new Error("The server returned no token.");
  return data;
}

export async function revokeToken(token: Token, headers: { "Idempotency-Key": string }): Promise<Token | undefined> {
  return (await api.POST("/api/tokens/{token}/revoke", { params: { path: { token: token.token_id } }, headers })).data;
}

/** Deletes expired data, or lists it with `isDry`. */
export async function clean(isDry: boolean, headers: { "Idempotency-Key": string }): Promise<Freed | undefined> {
  return (await api.POST("/api/clean", { params: { query: { dry_run: isDry } }, headers })).data;
}

export function refetchHealth(): void {
  void queries.invalidateQueries({ queryKey: HEALTH });
}

/** The server's settings; only requested with permission. */
export function useSettings(isAllowed: boolean) {
  return useQuery({
    queryKey: SETTINGS,
    enabled: isAllowed,
    queryFn: async ({ signal }) => (await api.GET("/api/settings", { signal })).data ?? null,
  });
}

/** Drops admin-only data from the cache: the next user may not be an admin. */
export function resetServerState(): void {
  for (const queryKey of [TOKENS, SETTINGS]) void queries.resetQueries({ queryKey });
}
