// The counters of a hub, by name.
import { RespClient } from './resp.mjs';

export async function counter(hub, name) {
  const admin = await RespClient.open(hub);
  const stats = JSON.parse(await admin.command('HUB', 'STATS'));
  admin.close();
  return stats.counters[name];
}
