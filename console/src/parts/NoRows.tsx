import type { ReactNode } from "react";
import { Button } from "./Button";
import { Empty } from "./Empty";
import { Failure } from "./Failure";

interface Props {
  /** What was asked, and has no rows. */
  found: { isError: boolean; isPending: boolean; error: unknown; refetch: () => unknown };
  /** What the rows are called: "run", "DAG". */
  word: string;
  /** Filters leave nothing: how to take them away. */
  onClear: (() => void) | null;
  /** What stands here when there is nothing at all. */
  children: ReactNode;
}

/** What a list shows in place of rows: why it has none. */
export function NoRows({ found, word, onClear, children }: Props) {
  if (found.isError) return <Failure of={found.error} again={found.refetch} />;
  if (found.isPending) return <p className="faint">Loading …</p>;
  if (!onClear) return children;
  return (
    <Empty title={`No ${word} matches`}>
      <Button onClick={onClear}>Show all {word}s</Button>
    </Empty>
  );
}
