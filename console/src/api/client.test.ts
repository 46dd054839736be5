import { expect, test, vi } from "vitest";
import { Unreachable } from "./apiError";
import { api, pathOf } from "./client";

const { signals, projects } = vi.hoisted(() => {
  const signals: AbortSignal[] = [];
  const projects: (string | null)[] = [];
  vi.stubGlobal("window", { location: { origin: "http://titan.test", pathname: "/p/Cr%C3%A8me/runs" } });
  vi.stubGlobal("fetch", ({ signal, headers }: Request) => {
    signals.push(signal);
    projects.push(headers.get("X-Titan-Project"));
    return new Promise((_, refuse) => signal.addEventListener("abort", () => refuse(signal.reason)));
  });
  return { signals, projects };
});

test("a question that nobody answers for a minute is given up, and a change is not", async () => {
  const limits: (number | AbortController)[] = [];
  vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
    const limit = new AbortController();
    limits.push(ms, limit);
    return limit.signal;
  });

  const asked = api.GET("/api/health").catch((error: unknown) => error);
  void api.DELETE("/api/session").catch(() => undefined);
  await vi.waitFor(() => expect(signals).toHaveLength(2));
  (limits[1] as AbortController).abort(new DOMException("too long", "TimeoutError"));

  expect(await asked).toBeInstanceOf(Unreachable);
  expect(limits[0]).toBe(60_000);
  expect(signals.map((signal) => signal.aborted)).toEqual([true, false]);
});

test("a run of any id has a path, also one called like a route", () => {
  const path = (run: string) => pathOf("/api/v1/runs/{run}", { run });

  expect([path("team/run 1"), path("export"), path("export2")]).toEqual([
    "/api/v1/runs/team%2Frun%201",
    "/api/v1/runs/%65xport",
    "/api/v1/runs/export2",
  ]);
  expect(new URL(path("export"), "http://titan.test").pathname).toBe("/api/v1/runs/%65xport");
});

test("every request is of the project that the page's address names", () => {
  void api.GET("/api/health").catch(() => undefined);

  return vi.waitFor(() => expect(projects).toEqual(Array(signals.length).fill("Cr%C3%A8me")));
});
