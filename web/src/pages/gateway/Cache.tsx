/** What the cache holds and spares; what to forget, and what to ask for before anybody does. */
import type { Gateway, GatewayCacheDisk, GatewayRoute } from '../../api/types';
import { bytes, duration, grouped, plural } from '../../lib/format';
import { Num, Percent } from '../../ui/Num';
import { Forget, Warm } from './CacheOrders';
import { answeredByCache } from './claim';
import { Said, type Orders } from './orders';
import { notKeptText } from './words';

interface CacheProps {
  gateway: Gateway;
  orders: Orders;
}

export function Cache({ gateway: { routes, cache }, orders }: CacheProps) {
  const kept = routes.filter((route) => route.cache != null);
  return (
    <section>
      <h2>Cache</h2>
      {kept.length === 0 ? (
        <p className="dim">
          No route keeps answers. <code>cache = {'{}'}</code> on a route keeps them for as long as
          they say; <code>taut fix</code> proposes it where the same answer is computed again and
          again.
        </p>
      ) : (
        <>
          <p>
            {plural(cache.entries, 'answer takes', 'answers take')} <Num of={bytes(cache.bytes)} />{' '}
            of at most <Num of={bytes(cache.bytes_max)} />; {grouped(cache.evictions)} were pushed
            out to make room. All counts are since it started.
          </p>
          {cache.disk != null && <OnDisk disk={cache.disk} />}
          <table className="rows">
            <thead>
              <tr>
                <th>route</th>
                <th className="n">without a member</th>
                <th className="n">hits</th>
                <th className="n p2">stale</th>
                <th className="n p2">coalesced</th>
                <th className="n">misses</th>
                <th className="n p3">holds</th>
                <th className="n p3">sent</th>
                <th className="n p3">mean age</th>
                <th className="n p2">time saved</th>
              </tr>
            </thead>
            <tbody>
              {kept.map((route) => (
                <CacheRow key={route.name} route={route} />
              ))}
            </tbody>
          </table>
          {kept.map(({ name, cache: did }) => (
            <NotKept key={name} route={name} cache={did} />
          ))}
          <Said orders={orders} of="cache" />
          <Forget entries={cache.entries} orders={orders} />
          <Warm orders={orders} />
        </>
      )}
    </section>
  );
}

/** Why it does not spare more: what members answered and could not be kept. */
function NotKept({ route, cache }: { route: string; cache: GatewayRoute['cache'] }) {
  if (cache == null || cache.not_kept.length === 0) return null;
  return (
    <p className="dim">
      Not kept of {route}, since the start: {notKeptText(cache)}.
    </p>
  );
}

/** What is kept on disk besides, and what became of it. */
function OnDisk({ disk }: { disk: GatewayCacheDisk }) {
  const notKept = disk.dropped + disk.failed;
  return (
    <p>
      On disk {plural(disk.entries, 'answer takes', 'answers take')} <Num of={bytes(disk.bytes)} />{' '}
      of at most <Num of={bytes(disk.bytes_max)} /> in <code>{disk.folder}</code>;{' '}
      {grouped(disk.read)} were read and {grouped(disk.written)} written since the start
      {notKept > 0 && `, ${grouped(notKept)} could not be written`}
      {disk.late > 0 && `, ${grouped(disk.late)} could not be read in time`}
      {disk.damaged > 0 && `, ${grouped(disk.damaged)} were damaged and are not used`}.
      {disk.trouble != null && (
        <>
          {' '}
          <strong>{disk.up ? 'It had trouble' : 'It is not in use'}</strong>: {disk.trouble}.
        </>
      )}
    </p>
  );
}

function CacheRow({ route }: { route: GatewayRoute }) {
  const cache = route.cache;
  if (cache == null) return null;
  const { without, all } = answeredByCache(cache);
  const served = cache.hit + cache.disk + cache.stale + cache.revalidated;
  return (
    <tr>
      <td>{route.name}</td>
      <td className="n" title={`${grouped(without)} of ${grouped(all)} requests since the start`}>
        {all === 0 ? '–' : <Percent share={without / all} />}
      </td>
      <td className="n" title={`${grouped(cache.disk)} of them from disk`}>
        {grouped(cache.hit + cache.disk)}
      </td>
      <td className="n p2">{grouped(cache.stale)}</td>
      <td className="n p2">{grouped(cache.coalesced + cache.shared)}</td>
      <td
        className="n"
        title={`${grouped(cache.bypass)} of them went past the cache, at once or after waiting for another's answer`}
      >
        {grouped(cache.miss + cache.bypass)}
      </td>
      <td
        className="n p3"
        title={`${grouped(cache.entries)} answers; ${grouped(cache.evictions)} were pushed out`}
      >
        <Num of={bytes(cache.held_bytes)} />
      </td>
      <td className="n p3">
        <Num of={bytes(cache.sent_bytes)} />
      </td>
      <td className="n p3">
        {served === 0 ? '–' : <Num of={duration((cache.age_seconds / served) * 1e6)} />}
      </td>
      <td className="n p2">
        <Num of={duration(cache.saved_seconds * 1e6)} />
      </td>
    </tr>
  );
}
