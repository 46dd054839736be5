/** The caller's session: role, project, sign-in and sign-out. */
import { useQuery } from "@tanstack/react-query";
import { api, type Schemas } from "./client";
import { basename, DEFAULT_PROJECT, projectIn } from "./project";
import { queries } from "./query";
import { resetServerState } from "./server";

const KEY = ["session"];

export function useSession() {
  return useQuery({
    queryKey: KEY,
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }) => (await api.GET("/api/session", { signal })).data ?? null,
  });
}

/** Returns whether the caller may change things; true while unknown: the server decides. */
export function useCanChange(): boolean {
  const { data } = useSession();
  return !data || ["admin", "owner", "manager"].includes(data.role ?? "");
}

/** Returns whether the caller may list, create and revoke tokens of its organisation. */
export function useCanAdminister(): boolean {
  const { data } = useSession();
  return !data || ["admin", "owner"].includes(data.role ?? "");
}

/** Returns whether the caller may manage workers and the server; not with a token of one project. */
export function useCanOperate(): boolean {
  const { data } = useSession();
  return !data || (data.role === "admin" && data.project === null);
}

/** Returns the API key to show in OpenAI snippets: their clients refuse to start without one. */
export function useModelKey(): string {
  return useSession().data?.needs_token ? "$TITAN_TOKEN" : "none";
}

/** Reloads the session, after a refused request or a broken event stream. */
export function refetchSession(): void {
  void queries.invalidateQueries({ queryKey: KEY });
}

/**
 * Signs in. The token is sent outside the query cache, so it is not stored. The user may have changed: unwatched and
 * admin-only data is dropped, the rest reloaded.
 */
export async function signIn(token: string): Promise<void> {
  await api.POST("/api/session", { body: { token } });
  queries.removeQueries({ type: "inactive" });
  resetServerState();
  await queries.invalidateQueries();
}

export async function signOut(): Promise<void> {
  await api.DELETE("/api/session");
  queries.clear();
  window.location.assign(`${basename}/`);
}

const STALE_MS = 60_000; // new projects send no event

/** All projects that the caller can see, by name. */
export function useProjects(isAllowed: boolean) {
  return useQuery({
    queryKey: ["projects"],
    enabled: isAllowed,
    staleTime: STALE_MS,
    queryFn: async ({ signal }) => (await api.GET("/api/v1/projects", { signal })).data?.data ?? [],
  });
}

/** Returns the project of the page. */
export function useShownProject(): string {
  const session = useSession().data;
  return projectIn(window.location.pathname) ?? session?.project ?? DEFAULT_PROJECT;
}

type Session = Pick<Schemas["SessionView"], "needs_token" | "role">;

/** Returns whether the server requires a token and none was given; false while unknown. */
export function needsSignIn(session: Session | null | undefined): boolean {
  return session?.needs_token === true && session.role === null;
}
