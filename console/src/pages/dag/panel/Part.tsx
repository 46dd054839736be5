import type { ReactNode } from "react";

/** A titled part of the panel. */
export function Part({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className="panel-part">
      <div className="panel-part-head">
        <h3>{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}
