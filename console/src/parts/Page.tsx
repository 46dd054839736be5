import { type ReactNode, useEffect } from "react";
import "./page.css";

interface Props {
  title: string;
  /** How many things wait here: stands before the window's title. */
  count?: number;
  /** What stands beside the title: filters, buttons. */
  aside?: ReactNode;
  /** The page fills the window, and its parts scroll by themselves. */
  fills?: boolean;
  children: ReactNode;
}

/** A page: its title is the window's too. */
export function Page({ title, count = 0, aside, fills = false, children }: Props) {
  useEffect(() => {
    document.title = `${count > 0 ? `(${count}) ` : ""}${title} · Titan`;
  }, [title, count]);
  return (
    <main id="main" className={fills ? "page page-fills" : "page"} tabIndex={-1}>
      <header className="page-header">
        <h1 className="cut" dir="auto">
          {title}
        </h1>
        {aside}
      </header>
      {children}
    </main>
  );
}
