/** A setting of the server that is a number, as a person reads it. */
import type { Rule } from "../../api/house";
import { bytes, count, percent } from "../../parts/format";

/** Returns the value with its unit; 0 is no limit, which for a time is for ever. */
export function shownValue(rule: Rule): string {
  if (rule.unit === "share") return percent(rule.value);
  if (rule.unit === "times") return rule.value ? count(rule.value, "time") : "never";
  if (rule.value === 0) return rule.unit === "days" ? "for ever" : "no limit";
  if (rule.unit === "bytes") return bytes(rule.value);
  return count(rule.value, rule.unit.replace(/s$/, ""));
}

/** Returns how to start the server with another value. */
export function howToChange(rule: Rule): string {
  return `${rule.name}=${rule.value} titan up`;
}
