// Ports that hubs keep over their restarts. One that the kernel gave to a hub may be given to
// anybody else while that hub is away; so these lie outside of what the kernel gives, and processes
// of tests tell each other which of them they have.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';

/** Below are those that programs have by default. */
const LOWEST = 12_000;
const HIGHEST = 65_535;

/** [first, count] of the ports that the kernel gives to nobody. */
function ownPorts() {
  const file = '/proc/sys/net/ipv4/ip_local_port_range';
  const [first, last] = readFileSync(file, 'latin1').trim().split(/\s+/).map(Number);
  const [below, above] = [first - LOWEST, HIGHEST - last];
  return below > above ? [LOWEST, below] : [last + 1, above];
}

/** A server that listens there, or null when somebody else does. */
async function listen(where) {
  const server = net.createServer().unref();
  server.listen(where);
  return once(server, 'listening').then(
    () => server,
    () => null,
  );
}

const close = (server) => new Promise((resolve) => server.close(resolve));

/** Whether nobody listens there who is no test. */
async function isFree(port) {
  const probe = await listen({ port, host: '127.0.0.1' });
  if (probe) await close(probe);
  return probe !== null;
}

/** A port for as long as this process lives, or until `free`: { port, free }. */
export async function takePort() {
  const [first, count] = ownPorts();
  for (;;) {
    const port = first + Math.floor(Math.random() * count);
    const claim = await listen({ path: `\0longwire-test-port-${port}` });
    if (!claim) continue;
    if (await isFree(port)) return { port, free: () => close(claim) };
    await close(claim);
  }
}
