import { expect, test } from "vitest";
import { ApiError, apiErrorOf, isRetryable, Unreachable } from "./apiError";

test.each([
  [400, false],
  [401, false],
  [404, false],
  [429, true],
  [503, true],
])("whether HTTP %i may heal by itself is %s", (status, may) => {
  const problem = { type: "", message: "", subject: "", expected: "", found: "", next_step: "" };

  expect(isRetryable(new ApiError(status, problem))).toBe(may);
  expect(isRetryable(new Unreachable(null))).toBe(true);
});

test("a refusal has the server's words, and where a proxy answers its status", async () => {
  const problem = { type: "", message: "job j1: no such name", subject: "", expected: "", found: "", next_step: "" };
  const answers = [
    Response.json({ error: problem }, { status: 404 }),
    new Response("<h1>Bad gateway</h1>", { status: 502, statusText: "Bad Gateway" }),
  ];

  const refusals = await Promise.all(answers.map(apiErrorOf));

  expect(refusals.map(({ status, message }) => [status, message])).toEqual([
    [404, "job j1: no such name"],
    [502, "HTTP 502 Bad Gateway"],
  ]);
});
