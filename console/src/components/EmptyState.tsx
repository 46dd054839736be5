/** What a page shows in place of data: empty states, errors and notices. */
import type { ReactNode } from "react";
import { ApiError } from "../api/apiError";
import { Button, CopyButton } from "./Button";

interface Props {
  title: string;
  children?: ReactNode;
  /** A command or snippet that makes something appear here. */
  command?: string;
}

/** What stands where there is nothing to show: what would appear here, and how to make it appear. */
export function EmptyState({ title, children, command }: Props) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children ? <div className="soft">{children}</div> : null}
      {command ? (
        <div className="empty-command">
          <pre>{command}</pre>
          <CopyButton text={command} />
        </div>
      ) : null}
    </div>
  );
}

/** What stands where something could not be read: why, in the server's words, and a way to try again. */
export function ErrorNotice({ of, again }: { of: unknown; again?: () => unknown }) {
  const text = of instanceof Error ? of.message : String(of);
  const isForbidden = of instanceof ApiError && of.status === 403;
  return (
    <div className="failure card" role={isForbidden ? undefined : "alert"} data-forbidden={isForbidden || undefined}>
      <span>
        {isForbidden ? <span aria-hidden="true">⊘ </span> : <span aria-hidden="true">⚠ </span>}
        {text}
      </span>
      {again && !isForbidden ? <Button onClick={() => void again()}>Try again</Button> : null}
    </div>
  );
}

interface NoRowsProps {
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
export function NoRowsNotice({ found, word, onClear, children }: NoRowsProps) {
  if (found.isError) return <ErrorNotice of={found.error} again={found.refetch} />;
  if (found.isPending) return <p className="faint">Loading …</p>;
  if (!onClear) return children;
  return (
    <EmptyState title={`No matching ${word}s`}>
      <Button onClick={onClear}>Show all {word}s</Button>
    </EmptyState>
  );
}

/** Says what of an address filters nothing: a list that only looks filtered would mislead. */
export function InvalidFilterNotice({ of }: { of: readonly string[] }) {
  if (of.length === 0) return null;
  return (
    <p className="field-wrong" role="status">
      Ignored in the address: {of.join(", ")}. No filter has this value.
    </p>
  );
}
