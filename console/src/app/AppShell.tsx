/** The frame around every page: navigation bar, offline banner, command palette and key help. */
import { useEffect, useState } from "react";
import { Link, Outlet, useLocation, useNavigation } from "react-router";
import { useOpenGates } from "../api/gates";
import { pathIn } from "../api/project";
import { useConnection } from "../api/query";
import { needsSignIn, useProjects, useSession, useShownProject } from "../api/session";
import { Dialog } from "../components/Dialog";
import { count } from "../components/format";
import { useEscape } from "../components/keyboard";
import { KeyList } from "../components/Page";
import { Toasts } from "../components/Toasts";
import { KEYS, NAV_ITEMS, navItemOf, PAGE_KEYS, useGlobalKeys } from "./navigation";
import { Palette } from "./Palette";
import { SignInGate } from "./SignInGate";
import "./app.css";

type Overlay = "palette" | "keys" | null;

/** The frame around every page: navigation bar, offline banner, command palette and key help. */
export function AppShell() {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const isLoading = useNavigation().state === "loading";
  useGlobalKeys({ onPalette: () => setOverlay("palette"), onHelp: () => setOverlay("keys") });
  return (
    <div className="app">
      <a className="skip" href="#main">
        Skip to content
      </a>
      <Bar onPalette={() => setOverlay("palette")} isLoading={isLoading} />
      <Banner />
      <div className="app-page">
        <SignInGate>
          <Outlet />
        </SignInGate>
      </div>
      {overlay === "palette" ? <Palette onClose={() => setOverlay(null)} /> : null}
      {overlay === "keys" ? <KeysHelp onClose={() => setOverlay(null)} /> : null}
      <Toasts />
    </div>
  );
}

function Bar({ onPalette, isLoading }: { onPalette: () => void; isLoading: boolean }) {
  const { pathname } = useLocation();
  const session = useSession().data;
  const isIn = session !== undefined && !needsSignIn(session); // without a sign-in, gates would only be refused
  const [isOpen, setOpen] = useState(false);
  const here = navItemOf(pathname);
  useEscape(() => setOpen(false), isOpen);
  return (
    <header className="bar" data-loading={isLoading || undefined}>
      <Link to="/" className="bar-name" aria-label="Titan, home">
        <img src="/icon.svg" alt="" width={20} height={20} />
        <span>Titan</span>
      </Link>
      <button
        type="button"
        className="bar-menu"
        aria-expanded={isOpen}
        aria-controls="places"
        onClick={() => setOpen(!isOpen)}
      >
        <span className="sr-only">Pages, current: </span>
        {here?.name ?? "Pages"}
        {isIn ? <OpenGates /> : null}
        <span aria-hidden="true">{isOpen ? "▴" : "▾"}</span>
      </button>
      <nav id="places" className="bar-items" data-open={isOpen || undefined} aria-label="Pages">
        {NAV_ITEMS.map((item) => (
          <Link
            key={item.path}
            to={item.path}
            className="bar-item"
            aria-current={item === here ? "page" : undefined}
            title={item.about}
            onClick={() => setOpen(false)}
          >
            {item.name}
            {item.path === "/approvals" && isIn ? <OpenGates /> : null}
          </Link>
        ))}
      </nav>
      {isIn ? <ProjectMenu /> : null}
      <button type="button" className="bar-search" onClick={onPalette}>
        <span>Go to …</span>
        <kbd>Ctrl K</kbd>
      </button>
      <LiveMark />
    </header>
  );
}

function LiveMark() {
  const connection = useConnection();
  const isOut = needsSignIn(useSession().data);
  const words = isOut ? "Signed out" : { live: "Live", connecting: "Connecting", away: "Offline" }[connection];
  return (
    <span className={`live live-${connection}`} role="status" title="Whether this page receives live events">
      <span className="live-dot" aria-hidden="true" />
      {words}
    </span>
  );
}

const PATIENCE_MS = 1500; // a restarting server is back before that

/** Shows that the server is unreachable and the data is old. */
function Banner() {
  const isAway = useConnection() === "away";
  const [isShown, setIsShown] = useState(false);
  useEffect(() => {
    if (!isAway) {
      setIsShown(false);
      return undefined;
    }
    const timer = window.setTimeout(() => setIsShown(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, [isAway]);
  if (!isShown) return null;
  return (
    <div className="banner" role="alert">
      The server does not respond. This page shows the last data it received; running jobs continue. Retrying …{" "}
      <Link to="/help/troubleshooting#offline">What to do</Link>
    </div>
  );
}

/** The number of open gates, beside the page that decides them. */
function OpenGates() {
  const { data } = useOpenGates();
  if (!data?.length) return null;
  return (
    <span className="bar-count" title={`${count(data.length, "gate")} to decide`}>
      {data.length}
      <span className="sr-only"> to decide</span>
    </span>
  );
}

/** A menu to switch projects, where there is more than one. */
function ProjectMenu() {
  const { pathname } = useLocation();
  const shown = useShownProject();
  const listed = useProjects(true).data?.map((project) => project.name) ?? [];
  const names = listed.includes(shown) || listed.length === 0 ? listed : [shown, ...listed];
  if (names.length < 2) return null;
  return (
    <select
      className="field bar-project"
      aria-label="Project"
      value={shown}
      // A page load, not a state change: no data of one project appears in the other.
      onChange={(event) => window.location.assign(pathIn(event.target.value, navItemOf(pathname)?.path ?? "/"))}
    >
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}

/** The keys of the current page, and those of every page. */
function KeysHelp({ onClose }: { onClose: () => void }) {
  const { pathname } = useLocation();
  const own = PAGE_KEYS.filter(([, , path]) => path?.test(pathname));
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      {own.map(([where, lines]) => (
        <section key={where}>
          <h3>{where}</h3>
          <KeyList of={lines} />
        </section>
      ))}
      {own.length > 0 ? <h3>On every page</h3> : null}
      <KeyList of={[...KEYS, ...NAV_ITEMS.map((item) => [`g  ${item.letter}`, item.name] as const)]} />
      <p className="soft">
        For the keys of other pages see{" "}
        <Link to="/help/keys" onClick={onClose}>
          all keys
        </Link>
        .
      </p>
    </Dialog>
  );
}
