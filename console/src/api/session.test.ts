import { QueryObserver } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import { queries } from "./query";
import { needsSignIn, signIn } from "./session";

const server = vi.hoisted(() => {
  const server = { status: 200 };
  vi.stubGlobal("window", { location: { origin: "http://titan.test" } });
  vi.stubGlobal("fetch", async () => Response.json({}, { status: server.status }));
  return server;
});

/** Watches what a page shows; returns what it goes on showing while it is read anew. */
function watch(key: string): unknown[] {
  const shown: unknown[] = [];
  const queryFn = () => shown.push(queries.getQueryData([key]));
  const staleTime = Number.POSITIVE_INFINITY;
  new QueryObserver(queries, { queryKey: [key], queryFn, staleTime }).subscribe(() => undefined);
  return shown;
}

beforeEach(() => {
  queries.clear();
  server.status = 200;
});

test("who signs in sees nothing that another one read before and only an admin may see", async () => {
  for (const key of ["tokens", "settings", "store", "runs"]) queries.setQueryData([key], "the admin's");
  const [tokens, runs] = [watch("tokens"), watch("runs")];

  await signIn("a token");

  expect(runs).toEqual(["the admin's"]); // on the page: nothing typed beside it is to be lost
  expect(tokens[0]).toBe(undefined);
  for (const key of ["settings", "store"]) expect(queries.getQueryData([key])).toBe(undefined);
});

test("a token that is refused forgets nothing", async () => {
  server.status = 401;
  queries.setQueryData(["store"], "mine");

  await expect(signIn("no token")).rejects.toThrow("HTTP 401");

  expect(queries.getQueryData(["store"])).toBe("mine");
});

test("nobody is shut out but who has no token where the server needs one", () => {
  expect(needsSignIn({ needs_token: true, role: null })).toBe(true);
  expect(needsSignIn({ needs_token: true, role: "viewer" })).toBe(false);
  expect(needsSignIn({ needs_token: false, role: null })).toBe(false);
});

test("a session that cannot be read shuts nobody out", () => {
  expect(needsSignIn(undefined)).toBe(false);
  expect(needsSignIn(null)).toBe(false);
});
