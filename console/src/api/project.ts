/**
 * The project that the page shows: the address says it, /p/finance/runs, so that a link leads others to the same. Without
 * it the server chooses: that of a token that is limited to one, else the default.
 */
export const DEFAULT_PROJECT = "default";

const IN_PATH = /^\/p\/([^/]+)/;

/** What stands before the path of every page: "/p/finance", or "". */
export const basename = IN_PATH.exec(pathname())?.[0] ?? "";

/** Returns the project that a path names; null where it names none. */
export function projectIn(path: string): string | null {
  const name = IN_PATH.exec(path)?.[1];
  if (name === undefined) return null;
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Returns the address of a page in a project. */
export function pathIn(project: string, path: string): string {
  return project === DEFAULT_PROJECT ? path : `/p/${encodeURIComponent(project)}${path}`;
}

/** Returns the address of a request for the page's project, for what sets no header: links, downloads and sockets. */
export function ofProject(url: string, project = projectIn(pathname())): string {
  return project === null ? url : `${url}${url.includes("?") ? "&" : "?"}project=${encodeURIComponent(project)}`;
}

function pathname(): string {
  return globalThis.window?.location.pathname ?? "/"; // a worker of a page has no address of its own
}
