/** Which projects there are. */
import { useQuery } from "@tanstack/react-query";
import { api } from "./client";
import { DEFAULT_PROJECT, projectIn } from "./project";
import { useSession } from "./session";

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
