import { Page } from "../../parts/Page";
import { Looks } from "./Looks";
import { Maintenance } from "./Maintenance";
import { Notifications } from "./Notifications";
import { Retention } from "./Retention";
import { Server } from "./Server";
import { Tokens } from "./Tokens";
import { You } from "./You";
import "./settings.css";

const SECTIONS = [
  { id: "account", name: "Account", Show: You },
  { id: "appearance", name: "Appearance", Show: Looks },
  { id: "tokens", name: "Tokens", Show: Tokens },
  { id: "retention", name: "Retention", Show: Retention },
  { id: "maintenance", name: "Maintenance", Show: Maintenance },
  { id: "notifications", name: "Notifications", Show: Notifications },
  { id: "server", name: "Server", Show: Server },
] as const;

/** Who I am, who else may come in, what is kept how long, and what this server runs with. */
export function SettingsPage() {
  return (
    <Page title="Settings">
      <div className="settings">
        <nav className="settings-nav" aria-label="Sections">
          {SECTIONS.map(({ id, name }) => (
            <a key={id} href={`#${id}`}>
              {name}
            </a>
          ))}
        </nav>
        <div className="settings-sections">
          {SECTIONS.map(({ id, name, Show }) => (
            <section key={id} id={id} className="card settings-section" aria-labelledby={`${id}-name`}>
              <h2 id={`${id}-name`}>{name}</h2>
              <Show />
            </section>
          ))}
        </div>
      </div>
    </Page>
  );
}
