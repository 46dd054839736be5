/** Errors of requests: refused by the server, or unanswered. Also used by web workers, so it needs no window. */
import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];

/** What the server said no to, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(problem.message);
    this.name = "Refusal";
    this.status = status;
    this.problem = problem;
  }
}

/** Nobody answered: the server is away, or between this page and it something is. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("The server does not respond.", { cause });
    this.name = "Unreachable";
  }
}

/** Returns whether the same question may be answered later: nobody answered, or who did was not well or too busy. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.status === 408 || error.status === 429;
}

/** Returns what a refused response says, or what its status says where it is none of the server's. */
export async function apiErrorOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: Problem };
    if (error.message) return new ApiError(response.status, error);
  } catch {
    // not JSON: a proxy's page
  }
  const message = `HTTP ${response.status} ${response.statusText}`.trim();
  return new ApiError(response.status, {
    type: "UnexpectedAnswer",
    message,
    subject: "",
    expected: "",
    found: message,
    next_step: "Check the log of the server or of the proxy.",
  });
}
