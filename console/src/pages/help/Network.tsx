import { Link } from "react-router";
import { Command } from "./Command";

const NGINX = `location / {
    proxy_pass http://127.0.0.1:5000;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Upgrade $http_upgrade;   # live events
    proxy_set_header Connection $http_connection;
    proxy_buffering off;
    proxy_read_timeout 75s;
}`;

export function Network() {
  return (
    <>
      <p>Nothing you see here comes from another host, and nothing is sent to one.</p>

      <h2 id="ports">Ports</h2>
      <dl>
        <dt>5000</dt>
        <dd>
          This console and the API; <code>titan up --port</code> takes another.
        </dd>
        <dt>9090</dt>
        <dd>
          The same, where programs and workers look for it; <code>--sdk-port</code> and <code>TITAN_PORT</code>.
        </dd>
      </dl>
      <p>On macOS another program often has port 5000 (AirPlay):</p>
      <Command>titan up --port 5001</Command>

      <h2 id="tokens">Who gets in</h2>
      <dl>
        <dt>
          <code>titan up</code>
        </dt>
        <dd>Programs on this machine, without a token.</dd>
        <dt>
          <code>titan up --require-token</code>
        </dt>
        <dd>The same, each with a token; and through a proxy everybody who has one.</dd>
        <dt>
          <code>titan up --host 0.0.0.0</code>
        </dt>
        <dd>The network, with a token. Make the first one before the start.</dd>
      </dl>
      <Command>
        {"titan tokens create laptop\ntitan tokens create gpu-box --role worker --trusted --expires 30d"}
      </Command>
      <p>
        What the jobs of a worker without <code>--trusted</code> submit runs on workers of the same token only. Further
        tokens are made under <Link to="/settings#tokens">Settings</Link>. A program sends its token from{" "}
        <code>TITAN_TOKEN</code>; a person signs in with one here, and the browser keeps a cookie that no script can
        read.
      </p>

      <h2 id="tls">TLS</h2>
      <Command>titan up --host 0.0.0.0 --tls-cert fullchain.pem --tls-key privkey.pem</Command>
      <p>
        Both ports then speak TLS. Without it a token crosses the network readable. After a renewal of the certificate
        restart the server: jobs and clients wait for it.
      </p>

      <h2 id="proxy">Behind a proxy</h2>
      <p>
        To Titan everything then seems to come from this machine, so <code>--require-token</code> is what keeps the
        network out; <code>--allow-host</code> names the proxy, so that its pages may change things.
      </p>
      <Command>titan up --require-token --allow-host titan.example.org</Command>
      <p>
        The proxy has to let WebSockets through and to buffer nothing; Caddy does with <code>flush_interval -1</code>,
        nginx with this. Without WebSockets the console listens by server-sent events.
      </p>
      <Command>{NGINX}</Command>

      <h2 id="workers">Workers elsewhere</h2>
      <Command>{"export TITAN_TOKEN=titan_…\ntitan workers join https://titan.example.org:5000 --offer GPU:1"}</Command>
      <p>They call the server, never the other way round: a worker needs no open port.</p>
    </>
  );
}
