/**
 * The project of the page. The address names it, such as /p/finance/runs, so a link leads others to it. Without it the
 * server chooses: the token's project, or the default.
 */
export const DEFAULT_PROJECT = "default";

const IN_PATH = /^\/p\/([^/]+)/;

/** The prefix of every page's path: "/p/finance" or "". */
export const basename = IN_PATH.exec(pathname())?.[0] ?? "";

/** Returns the project in a path; null where there is none. */
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

/**
 * Returns the address of a request for the page's project, for what cannot set a header: links, downloads and sockets.
 */
export function ofProject(url: string, project = projectIn(pathname())): string {
  return project === null ? url : `${url}${url.includes("?") ? "&" : "?"}project=${encodeURIComponent(project)}`;
}

function pathname(): string {
  return globalThis.window?.location.pathname ?? "/"; // a web worker has no address of its own
}
