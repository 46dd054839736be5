import { expect, test } from "vitest";
import { stateOf } from "./Tokens";

const NOON = Date.parse("2026-03-12T12:00:00Z");

test("a token is good until it expires, and never again once it was revoked", () => {
  const tokens = [
    { expires_at: null, revoked_at: null },
    { expires_at: "2026-03-12T12:00:01Z", revoked_at: null },
    { expires_at: "2026-03-12T12:00:00Z", revoked_at: null },
    { expires_at: "2027-01-01T00:00:00Z", revoked_at: "2026-03-01T00:00:00Z" },
  ];

  expect(tokens.map((token) => stateOf(token, NOON))).toEqual(["good", "good", "expired", "revoked"]);
});
