import { useEffect } from "react";
import { Link, NavLink, useLocation, useParams } from "react-router";
import { Empty } from "../../parts/Empty";
import { Page } from "../../parts/Page";
import { TOPICS } from "./topics";
import "./help.css";

/** Short answers to what the pages are asked; each topic has an address that others link to. */
export function HelpPage() {
  const { topic } = useParams();
  const { hash } = useLocation();
  const chosen = TOPICS.find((one) => one.id === topic);
  useEffect(() => {
    document.getElementById(hash.slice(1))?.scrollIntoView(); // the browser looks for it before the page is drawn
  }, [hash]);
  return (
    <Page title={chosen ? `Help: ${chosen.name}` : "Help"}>
      <div className="help">
        <nav className="help-nav" aria-label="Topics">
          {TOPICS.map((one) => (
            <NavLink key={one.id} to={`/help/${one.id}`}>
              {one.name}
            </NavLink>
          ))}
        </nav>
        {chosen ? (
          <article className="help-text">
            <chosen.Text />
          </article>
        ) : topic ? (
          <Empty title={`There is no help about ${topic}`}>
            <Link to="/help">What there is</Link>
          </Empty>
        ) : (
          <Contents />
        )}
      </div>
    </Page>
  );
}

function Contents() {
  return (
    <ul className="help-contents">
      {TOPICS.map((one) => (
        <li key={one.id} className="card">
          <Link to={`/help/${one.id}`}>{one.name}</Link>
          <span className="soft">{one.about}</span>
        </li>
      ))}
    </ul>
  );
}
