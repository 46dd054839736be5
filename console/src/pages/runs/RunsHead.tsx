import type { Order, RunSort } from "../../api/recorded";
import { Cell } from "../../parts/RowList";
import { SortHead } from "../../parts/SortHead";

interface Props {
  /** How many runs there are. */
  told: string;
  sort: RunSort;
  order: Order;
  onSort: (sort: RunSort, order: Order) => void;
}

/** The titles of the registry's columns; those of figures sort. */
export function RunsHead({ told, ...props }: Props) {
  return (
    <>
      <Cell head className="runs-plain">
        <span className="unseen">Compare</span>
      </Cell>
      <Cell head className="runs-told">
        {told}
      </Cell>
      <Cell head className="runs-plain">
        Status
      </Cell>
      <SortHead by="actions" isNumber {...props}>
        Actions
      </SortHead>
      <SortHead by="cost" isNumber {...props}>
        Cost
      </SortHead>
      <SortHead by="success_rate" isNumber {...props}>
        Success
      </SortHead>
      <SortHead by="determinism" isNumber {...props}>
        Determinism
      </SortHead>
      <SortHead by="duration" isNumber {...props}>
        Duration
      </SortHead>
      <SortHead by="started" isNumber {...props}>
        Started
      </SortHead>
      <Cell head className="num runs-ended">
        Ended
      </Cell>
    </>
  );
}
