/** Rows with defaults for tests. */
import type { Row } from "../../api/recording";

export function aRow(number: number, told: Partial<Row> = {}): Row {
  return {
    id: `a${number}`,
    number,
    parent: 0,
    kind: "call",
    name: `action ${number}`,
    model: null,
    actor: null,
    errorType: null,
    startUs: number * 1000,
    durationUs: 500,
    outcome: "success",
    cost: null,
    isEstimated: false,
    isPossibleDuplicate: false,
    tokens: null,
    ...told,
  };
}
