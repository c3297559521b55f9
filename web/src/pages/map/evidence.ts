/** From a call of the map to its evidence: the question whose rows are its slowest spans, each a way into its trace. */
import type { MapNode } from '../../api/types';
import { is, joined, literal } from '../../lib/question';
import { to } from '../../lib/route';

/** The address of the spans of a call. */
export function spansOf(caller: MapNode, called: MapNode): string {
  return to('/explore', { where: callFilter(caller, called), tab: 'rows' });
}

/**
 * Which spans they are: what the called service answered, or what the caller asked of what sends no spans itself. Old and
 * new conventions name it otherwise.
 */
export function callFilter(caller: MapNode, called: MapNode): string {
  if (called.kind === 'service') {
    return joined(is('service.name', called.name), 'kind in (server, consumer)');
  }
  const asked = is('service.name', caller.name);
  if (called.kind === 'remote') {
    const host = (field: string) => `${field} contains ${literal(called.name)}`;
    return joined(
      asked,
      either(['server.address', 'net.peer.name', 'url.full', 'http.url'].map(host)),
    );
  }
  const [system = '', ...rest] = called.name.split(' ');
  const name = rest.join(' ');
  const any = (fields: string[], value: string) => either(fields.map((field) => is(field, value)));
  if (called.kind === 'queue') {
    return joined(
      asked,
      any(['messaging.destination.name', 'messaging.destination'], name || system),
    );
  }
  return joined(
    asked,
    name === ''
      ? any(['db.system.name', 'db.system'], system)
      : any(['db.namespace', 'db.name'], name),
  );
}

function either(filters: string[]): string {
  return `(${filters.join(' or ')})`;
}
