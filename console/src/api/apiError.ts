/** Errors of requests: refused by the server, or unanswered. Also used by web workers, so it needs no window. */
import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];

/** A request that the server refused, with its problem document. */
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

/** A request that got no response. */
export class Unreachable extends Error {
  constructor(cause: unknown) {
    super("The server does not respond.", { cause });
    this.name = "Unreachable";
  }
}

/** Returns whether the same request may succeed later. */
export function isRetryable(error: unknown): boolean {
  return !(error instanceof ApiError) || error.status >= 500 || error.status === 408 || error.status === 429;
}

/** Returns the error of a response; built from the HTTP status where the body is not the server's. */
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
