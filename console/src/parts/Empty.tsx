import type { ReactNode } from "react";
import { CopyButton } from "./CopyButton";
import "./empty.css";

interface Props {
  title: string;
  children?: ReactNode;
  /** A command or snippet that makes something appear here. */
  command?: string;
}

/** What stands where there is nothing to show: what would appear here, and how to make it appear. */
export function Empty({ title, children, command }: Props) {
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
