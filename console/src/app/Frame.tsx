import { useState } from "react";
import { Link, Outlet, useLocation, useNavigation } from "react-router";
import { useConnection } from "../api/query";
import { useSession } from "../api/session";
import { Toasts } from "../parts/Toasts";
import { useEscape } from "../parts/useEscape";
import { Banner } from "./Banner";
import { isShutOut } from "./entry";
import { KeysHelp } from "./KeysHelp";
import { OpenGates } from "./OpenGates";
import { Palette } from "./Palette";
import { ProjectMenu } from "./ProjectMenu";
import { PLACES, placeOf } from "./places";
import { SignInGate } from "./SignInGate";
import { useKeys } from "./useKeys";
import "./frame.css";

type Over = "palette" | "keys" | null;

/** What stands around every page: the bar, the banner when the server is away, the palette and the keys. */
export function Frame() {
  const [over, setOver] = useState<Over>(null);
  const isLoading = useNavigation().state === "loading";
  useKeys({ onPalette: () => setOver("palette"), onHelp: () => setOver("keys") });
  return (
    <div className="frame">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <Bar onPalette={() => setOver("palette")} isLoading={isLoading} />
      <Banner />
      <div className="frame-page">
        <SignInGate>
          <Outlet />
        </SignInGate>
      </div>
      {over === "palette" ? <Palette onClose={() => setOver(null)} /> : null}
      {over === "keys" ? <KeysHelp onClose={() => setOver(null)} /> : null}
      <Toasts />
    </div>
  );
}

function Bar({ onPalette, isLoading }: { onPalette: () => void; isLoading: boolean }) {
  const { pathname } = useLocation();
  const session = useSession().data;
  const isIn = session !== undefined && !isShutOut(session); // before, gates would only be refused
  const [isOpen, setOpen] = useState(false);
  const here = placeOf(pathname);
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
        <span className="unseen">Pages, here: </span>
        {here?.name ?? "Pages"}
        {isIn ? <OpenGates /> : null}
        <span aria-hidden="true">{isOpen ? "▴" : "▾"}</span>
      </button>
      <nav id="places" className="bar-places" data-open={isOpen || undefined} aria-label="Pages">
        {PLACES.map((place) => (
          <Link
            key={place.path}
            to={place.path}
            className="bar-place"
            aria-current={place === here ? "page" : undefined}
            title={place.about}
            onClick={() => setOpen(false)}
          >
            {place.name}
            {place.path === "/approvals" && isIn ? <OpenGates /> : null}
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
  const isOut = isShutOut(useSession().data);
  const words = isOut ? "Signed out" : { live: "Live", connecting: "Connecting", away: "Offline" }[connection];
  return (
    <span className={`live live-${connection}`} role="status" title="Whether this page hears of what happens">
      <span className="live-dot" aria-hidden="true" />
      {words}
    </span>
  );
}
