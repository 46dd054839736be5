/** How much issues matter, in words, and their order. */
import type { Issue } from "../../../api/determinism";

const ORDER: readonly Issue["severity"][] = ["critical", "high", "medium", "low"];

export const SEVERITIES: Record<Issue["severity"], { word: string; glyph: string; tone: string }> = {
  critical: { word: "Critical", glyph: "‼", tone: "red" },
  high: { word: "High", glyph: "▲", tone: "red" },
  medium: { word: "Medium", glyph: "◆", tone: "amber" },
  low: { word: "Low", glyph: "▽", tone: "grey" },
};

/** Returns open issues first, the gravest on top, else as their actions came. */
export function bySeverity(issues: readonly Issue[]): Issue[] {
  const rank = (issue: Issue) => (issue.accepted ? ORDER.length : 0) + ORDER.indexOf(issue.severity);
  return [...issues].sort((one, other) => rank(one) - rank(other));
}
