/** The HTTP client, typed by the server's OpenAPI document. Failed responses are thrown as `ApiError`. */
import createClient, { defaultPathSerializer, type Middleware } from "openapi-fetch";
import { ApiError, apiErrorOf, Unreachable } from "./apiError";
import { projectIn } from "./project";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

const LONGEST_READ_MS = 60_000; // a lost connection may never report an error

const limits: Middleware = {
  onRequest({ request }) {
    if (request.method !== "GET") return undefined; // a change may take long, and must not be sent twice
    return new Request(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(LONGEST_READ_MS)]) });
  },
};

const projects: Middleware = {
  onRequest({ request }) {
    const project = projectIn(window.location.pathname ?? "/");
    if (project !== null) request.headers.set("X-Titan-Project", encodeURIComponent(project));
    return request;
  },
};

const refusals: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return undefined;
    throw await apiErrorOf(response);
  },
  onError({ error }) {
    if (error instanceof DOMException && error.name === "AbortError") return undefined;
    return error instanceof ApiError ? error : new Unreachable(error);
  },
};

/** Returns the path with its ids. A run named `export` is escaped, because a route has that name (http.md). */
export function pathOf(template: string, ids: Record<string, unknown>): string {
  const path = defaultPathSerializer(template, ids);
  return template === "/api/v1/runs/{run}" ? path.replace(/\/export$/, "/%65xport") : path;
}

export const api = createClient<paths>({ baseUrl: globalThis.window?.location.origin ?? "", pathSerializer: pathOf });
api.use(limits, projects, refusals);
