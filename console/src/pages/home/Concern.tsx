import type { ReactNode } from "react";
import { Time } from "../../parts/Time";

interface Props {
  tone: "red" | "amber" | "blue" | "purple";
  glyph: string;
  title: ReactNode;
  children?: ReactNode;
  /** Since when. */
  at?: string | null | undefined;
  action?: ReactNode;
}

/** One thing that needs somebody: what, since when, and where to do something about it. */
export function Concern({ tone, glyph, title, children, at, action }: Props) {
  return (
    <li className={`home-concern tone-${tone}`}>
      <span className="home-glyph" aria-hidden="true">
        {glyph}
      </span>
      <div className="home-said">
        <div className="home-title">{title}</div>
        {children ? <div className="soft home-about">{children}</div> : null}
      </div>
      <span className="faint home-age">{at ? <Time at={at} as="age" /> : null}</span>
      <span className="home-action">{action}</span>
    </li>
  );
}
