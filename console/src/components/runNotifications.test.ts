import { afterEach, beforeEach, expect, test, vi } from "vitest";

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetModules();
  vi.stubGlobal(
    "window",
    Object.assign(globalThis, { location: { origin: "http://127.0.0.1", href: "http://127.0.0.1/" } }),
  );
  vi.stubGlobal("document", Object.assign(new EventTarget(), { hidden: true }));
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function parts() {
  const { shownToasts } = await import("./Toasts");
  return { ...(await import("./runNotifications")), texts: () => shownToasts().map((toast) => toast.text) };
}

function aRun(run_id: string, status: "running" | "completed" | "failed", first_error: string | null = null) {
  return { run_id, status, first_error, reason: null };
}

test("a run that failed while it is on the screen is named, with its error", async () => {
  const { notifyRunEnds, texts } = await parts();

  notifyRunEnds([aRun("r1", "running")], [aRun("r1", "failed", "ValueError: nope")]);
  vi.advanceTimersByTime(1000);

  expect(texts()).toEqual(["r1 failed. ValueError: nope"]);
});

test("runs that end together are told by their number", async () => {
  const { notifyRunEnds, texts } = await parts();

  notifyRunEnds([aRun("r1", "running"), aRun("r2", "running")], [aRun("r1", "completed"), aRun("r2", "failed")]);
  notifyRunEnds([aRun("r3", "running")], [aRun("r3", "completed")]);
  vi.advanceTimersByTime(1000);

  expect(texts()).toEqual(["2 runs completed, 1 run failed."]);
});

test("nothing is said of what goes on, of what had ended before, and of what was not on the screen", async () => {
  const { notifyRunEnds, texts } = await parts();

  notifyRunEnds(
    [aRun("r1", "running"), aRun("r2", "completed")],
    [aRun("r1", "running"), aRun("r2", "failed"), aRun("r3", "failed")],
  );
  vi.advanceTimersByTime(1000);

  expect(texts()).toEqual([]);
});
