/** A job's result as text for reading: exactly what was stored, laid out, with each number as it was stored. */
import { laidOutJson } from "../../../parts/preview";

const BEFORE = '"value":';

/** Returns the value of an answer `{"job_id":…,"is_set":true,"value":…}` without reading it as JSON: that would round. */
export function resultText(answer: string): string {
  const from = answer.indexOf(BEFORE);
  const value = from === -1 ? answer : answer.slice(from + BEFORE.length, answer.lastIndexOf("}")).trim();
  return laidOutJson(value) ?? value;
}
