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
const DISK_EVERY_MS = 60_000; // no event tells how full a disk is

/** How the server is; asked again now and then, for no event tells of its disk. */
export function useHealth() {
  return useQuery({
    queryKey: HEALTH,
    refetchInterval: DISK_EVERY_MS,
    queryFn: async ({ signal }) => (await api.GET("/api/health", { signal })).data ?? null,
  });
}

/** All tokens without their secrets, newest first, and which is the home's own; asked only where the caller may know. */
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

/** What is said of a token besides its role. */
export interface TokenOptions {
  trusted: boolean;
  /** What its workers may offer; null: anything. */
  labels: string[] | null;
  /** All that it sees and changes; null: every project. */
  project: string | null;
}

/** Makes a token. Its text is in this answer alone, so it is asked past every cache. */
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

/** Deletes what is old, or says only what would go. */
export async function clean(isDry: boolean, headers: { "Idempotency-Key": string }): Promise<Freed | undefined> {
  return (await api.POST("/api/clean", { params: { query: { dry_run: isDry } }, headers })).data;
}

export function refetchHealth(): void {
  void queries.invalidateQueries({ queryKey: HEALTH });
}

/** What the server runs with; asked only where the caller may know. */
export function useSettings(isAllowed: boolean) {
  return useQuery({
    queryKey: SETTINGS,
    enabled: isAllowed,
    queryFn: async ({ signal }) => (await api.GET("/api/settings", { signal })).data ?? null,
  });
}

/** Forgets what only an admin may see, also where a page shows it: another may look now. */
export function resetServerState(): void {
  for (const queryKey of [TOKENS, SETTINGS]) void queries.resetQueries({ queryKey });
}
