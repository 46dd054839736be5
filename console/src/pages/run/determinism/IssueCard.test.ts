import { expect, test } from "vitest";
import type { Issue } from "../../../api/replays";
import { bySeverity } from "./IssueCard";

function issue(key: string, severity: Issue["severity"], isAccepted = false): Issue {
  const accepted = isAccepted ? { key, author: "ada", reason: "a log", at: "2026-01-01T12:00:00Z" } : null;
  return { key, severity, accepted } as Issue;
}

test("open issues come first, the gravest on top, equal ones as they came", () => {
  const given = [
    issue("a", "low"),
    issue("b", "critical", true),
    issue("c", "high"),
    issue("d", "high"),
    issue("e", "low", true),
  ];

  expect(bySeverity(given).map((one) => one.key)).toEqual(["c", "d", "a", "b", "e"]);
});
