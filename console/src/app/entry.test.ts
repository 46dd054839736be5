import { expect, test } from "vitest";
import { isShutOut } from "./entry";

test("nobody is shut out but who has no token where the server needs one", () => {
  expect(isShutOut({ needs_token: true, role: null })).toBe(true);
  expect(isShutOut({ needs_token: true, role: "viewer" })).toBe(false);
  expect(isShutOut({ needs_token: false, role: null })).toBe(false);
});

test("a session that cannot be read shuts nobody out", () => {
  expect(isShutOut(undefined)).toBe(false);
  expect(isShutOut(null)).toBe(false);
});
