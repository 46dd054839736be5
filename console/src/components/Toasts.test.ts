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
  const { Unreachable } = await import("../api/apiError");
  return { Unreachable, ...(await import("./Toasts")) };
}

test("a complaint that nobody answers goes when somebody does, and not before it could be read", async () => {
  const { Unreachable, clearUnreachable, toastError, shownToasts } = await parts();
  toastError(new Unreachable(null));

  vi.advanceTimersByTime(60_000);
  expect(shownToasts()).toHaveLength(1);
  clearUnreachable();
  vi.advanceTimersByTime(3_000);
  expect(shownToasts()).toHaveLength(1);
  vi.advanceTimersByTime(1_000);
  expect(shownToasts()).toEqual([]);
});

test("other complaints stay until they are dismissed, and newer ones until their own answer", async () => {
  const { Unreachable, clearUnreachable, toastError, shownToasts } = await parts();
  toastError(new Error("The gate is decided."));
  toastError(new Unreachable(null));

  clearUnreachable();
  toastError(new Unreachable(null));
  vi.advanceTimersByTime(60_000);

  expect(shownToasts().map((toast) => toast.text)).toEqual(["The gate is decided.", "The server does not respond."]);
});
