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

/** Returns whether the caller may change things; true until it is known otherwise: the server has the last word. */
export function useCanChange(): boolean {
  const { data } = useSession();
  return !data || ["admin", "owner", "manager"].includes(data.role ?? "");
}

/** Returns whether the caller may see, make and revoke tokens of its organisation. */
export function useCanAdminister(): boolean {
  const { data } = useSession();
  return !data || ["admin", "owner"].includes(data.role ?? "");
}

/** Returns whether the caller may look after workers and the server: not with a token of a project. */
export function useCanOperate(): boolean {
  const { data } = useSession();
  return !data || (data.role === "admin" && data.project === null);
}

/** Returns the key that an OpenAI client is given for this server: it refuses to start without one, even if none is needed. */
export function useModelKey(): string {
  return useSession().data?.needs_token ? "$TITAN_TOKEN" : "none";
}

/** Asks anew who we are: something was refused for want of a sign-in, or the stream of events was cut off. */
export function refetchSession(): void {
  void queries.invalidateQueries({ queryKey: KEY });
}

/**
 * Signs in. The token goes to the server and nowhere else: no cache keeps what is not asked through it. Whoever signs in may
 * be another than before: what nobody looks at is forgotten, and what only an admin may see; the rest is read anew in place.
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

const STALE_MS = 60_000; // no event tells of a new one

/** All projects that the caller may see, by name. */
export function useProjects(isAllowed: boolean) {
  return useQuery({
    queryKey: ["projects"],
    enabled: isAllowed,
    staleTime: STALE_MS,
    queryFn: async ({ signal }) => (await api.GET("/api/v1/projects", { signal })).data?.data ?? [],
  });
}

/** Returns the project that the page shows. */
export function useShownProject(): string {
  const session = useSession().data;
  return projectIn(window.location.pathname) ?? session?.project ?? DEFAULT_PROJECT;
}

type Session = Pick<Schemas["SessionView"], "needs_token" | "role">;

/** Returns whether the server wants a token that we have not given; false while that is unknown. */
export function needsSignIn(session: Session | null | undefined): boolean {
  return session?.needs_token === true && session.role === null;
}
