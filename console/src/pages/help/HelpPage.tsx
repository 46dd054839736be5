import { type ComponentType, Fragment, useEffect } from "react";
import { Link, NavLink, useLocation, useParams } from "react-router";
import { KEYS, NAV_ITEMS, PAGE_KEYS } from "../../app/navigation";
import { EmptyState } from "../../components/EmptyState";
import { KeyList, Page } from "../../components/Page";
import { Determinism, Gates, Replay, Resume } from "./runTopics";
import { Network, Troubleshooting } from "./serverTopics";
import "./help.css";

/** The help topics; other pages link to their addresses. */
export function HelpPage() {
  const { topic } = useParams();
  const { hash } = useLocation();
  const chosen = TOPICS.find((one) => one.id === topic);
  useEffect(() => {
    document.getElementById(hash.slice(1))?.scrollIntoView(); // the browser scrolls before the page is rendered
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
          <EmptyState title={`No help on ${topic}`}>
            <Link to="/help">All topics</Link>
          </EmptyState>
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

interface Topic {
  id: string;
  name: string;
  about: string;
  Text: ComponentType;
}

const TOPICS: readonly Topic[] = [
  { id: "keys", name: "Keys", about: "Keyboard shortcuts", Text: Keys },
  {
    id: "troubleshooting",
    name: "Troubleshooting",
    about: "A job waits or failed, no worker, offline, a run is missing or shows no data",
    Text: Troubleshooting,
  },
  { id: "gates", name: "Gates", about: "Let a run wait for a decision", Text: Gates },
  { id: "resume", name: "Retry and resume", about: "Continue after a failure", Text: Resume },
  { id: "replay", name: "Replay", about: "Repeat a run at no cost; why a replay is not available", Text: Replay },
  { id: "determinism", name: "Determinism", about: "The score, what is found, how to fix it", Text: Determinism },
  { id: "network", name: "Network", about: "Ports, proxies, TLS, tokens", Text: Network },
];

export function Keys() {
  return (
    <>
      <p>Keys are off while you type in a field and while a dialog is open.</p>
      <h2>Everywhere</h2>
      <KeyList of={KEYS} />
      <h2>To a page: g, then a letter</h2>
      <KeyList of={NAV_ITEMS.map((item) => [`g  ${item.letter}`, item.name] as const)} />
      {PAGE_KEYS.map(([where, lines]) => (
        <Fragment key={where}>
          <h2>{where}</h2>
          <KeyList of={lines} />
        </Fragment>
      ))}
    </>
  );
}
