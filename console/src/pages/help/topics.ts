/** The help there is: the addresses `/help/<id>` are what other pages link to. */
import type { ComponentType } from "react";
import { Determinism } from "./Determinism";
import { Gates } from "./Gates";
import { Keys } from "./Keys";
import { Network } from "./Network";
import { Replay } from "./Replay";
import { Resume } from "./Resume";
import { Troubleshooting } from "./Troubleshooting";

interface Topic {
  id: string;
  name: string;
  about: string;
  Text: ComponentType;
}

export const TOPICS: readonly Topic[] = [
  { id: "keys", name: "Keys", about: "Everything without the mouse", Text: Keys },
  {
    id: "troubleshooting",
    name: "Troubleshooting",
    about: "A job waits or failed, no worker, Offline; a run is not found, or shows no data",
    Text: Troubleshooting,
  },
  { id: "gates", name: "Gates", about: "Let a run wait for a person", Text: Gates },
  { id: "resume", name: "Retry and resume", about: "Go on where something broke off", Text: Resume },
  { id: "replay", name: "Replay", about: "Repeat a run at no cost; why a replay is not available", Text: Replay },
  { id: "determinism", name: "Determinism", about: "The score, what is found, how to fix it", Text: Determinism },
  { id: "network", name: "Network", about: "Ports, proxies, TLS, tokens", Text: Network },
];
