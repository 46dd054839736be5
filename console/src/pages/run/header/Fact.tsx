import type { ReactNode } from "react";

interface Props {
  name: string;
  title?: string;
  className?: string;
  children: ReactNode;
}

/** One figure of a run under its name. */
export function Fact({ name, title, className, children }: Props) {
  return (
    <div className={className} title={title}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
