/** The gateway: what it answers and how fast, who is behind it, what its cache spares, which versions it tries. */
import { useEffect, useState } from 'react';

import { path, useApi } from '../../api/use';
import type {
  Gateway,
  GatewayAnswer,
  GatewayCacheDisk,
  GatewayCanary,
  GatewayMember,
  GatewayRoute,
  GatewayService,
} from '../../api/types';
import { ago, bytes, clock, digits, duration, full, grouped, percent } from '../../lib/format';
import { Code } from '../../ui/Copy';
import { Empty, Problem, Told, Waiting } from '../../ui/Empty';
import { Num, Percent, Rate } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { answeredByCache, claimOf, isAway } from './claim';

/** How often the gateway is asked, and how many answers are kept for the line: two minutes. */
const ASK_MS = 2000;
const KEPT = 60;

export function GatewayPage() {
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTurn((turn) => turn + 1), ASK_MS);
    return () => clearInterval(timer);
  }, []);
  // A part that the API does not read: it asks anew.
  const { data, problem } = useApi<GatewayAnswer>(path('gateway', { turn: String(turn % 2) }));
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.gateway == null) return <None answer={data} />;
  return <Shown gateway={data.gateway} asked={data.asked ?? ''} />;
}

function None({ answer }: { answer: GatewayAnswer }) {
  if (answer.problem != null) {
    return (
      <Empty title="The gateway does not answer">
        <p>
          <Told text={answer.problem} /> It was asked at <code>{answer.asked}</code>.
        </p>
        <Code text="taut gateway" label="starts it" />
      </Empty>
    );
  }
  return (
    <Empty title="There is no gateway yet">
      <p>
        Put it in front of your application, and it caches, limits, balances and compresses without
        a change to it. Begin with a section that explains itself:
      </p>
      <Code text="taut gateway --example >> taut.toml" label="shell" />
      <p>
        Then <code>taut up</code> starts it, or <code>taut gateway</code> by itself.
      </p>
    </Empty>
  );
}

function Shown({ gateway, asked }: { gateway: Gateway; asked: string }) {
  const [rates, setRates] = useState<number[]>([]);
  const [last, setLast] = useState<Gateway>();
  if (last !== gateway) {
    setLast(gateway);
    setRates([...rates, gateway.requests_per_second].slice(-KEPT));
  }
  const claim = claimOf(gateway);
  return (
    <>
      <div className="claim">
        <h1 className={claim.level}>{claim.title}</h1>
        <p>
          {grouped(gateway.in_flight)} in flight. Told by {asked}.
        </p>
        <Spark values={rates} label="requests a second since this page was opened" width={160} />
      </div>
      <Routes routes={gateway.routes} />
      <Decided gateway={gateway} />
      <Cache gateway={gateway} />
      <Services services={gateway.services} />
      <Canaries gateway={gateway} />
      <Captured gateway={gateway} />
    </>
  );
}

function Routes({ routes }: { routes: GatewayRoute[] }) {
  return (
    <section>
      <h2>Routes</h2>
      <table className="rows">
        <thead>
          <tr>
            <th>route</th>
            <th className="n">rate</th>
            <th className="n p2">p50</th>
            <th className="n">p95</th>
            <th className="n p2">p99</th>
            <th className="n p3">p99.9</th>
            <th className="p3">limit</th>
          </tr>
        </thead>
        <tbody>
          {routes.map((route) => (
            <tr key={route.name}>
              <td title={`to ${route.service ?? ''}`}>{route.name}</td>
              <td className="n">
                <Rate perSecond={route.requests_per_second} />
              </td>
              <Quantile ms={route.p50_ms} of={route} className="n p2" />
              <Quantile ms={route.p95_ms} of={route} className="n" />
              <Quantile ms={route.p99_ms} of={route} className="n p2" />
              <Quantile ms={route.p999_ms} of={route} className="n p3" />
              <td className="p3 dim">{limitText(route)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface QuantileProps {
  ms: number | null | undefined;
  of: GatewayRoute;
  className: string;
}

function Quantile({ ms, of, className }: QuantileProps) {
  const title = `of ${grouped(of.requests)} requests in the last one to two minutes`;
  return (
    <td className={className}>
      {ms == null ? '–' : <Num of={duration(ms * 1000)} title={title} />}
    </td>
  );
}

function limitText({ limit }: GatewayRoute): string {
  if (limit == null) return '';
  const dry = limit.dry_run ? ', counted only' : '';
  return `${grouped(limit.requests)} in ${digits(limit.window_seconds)} s${dry}; ${grouped(limit.clients)} clients`;
}

function Cache({ gateway: { routes, cache } }: { gateway: Gateway }) {
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
            {grouped(cache.entries)} answers take <Num of={bytes(cache.bytes)} /> of at most{' '}
            <Num of={bytes(cache.bytes_max)} />; {grouped(cache.evictions)} were pushed out to make
            room since the start.
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
        </>
      )}
    </section>
  );
}

/** What is kept on disk besides, and what became of it. */
function OnDisk({ disk }: { disk: GatewayCacheDisk }) {
  const notKept = disk.dropped + disk.failed;
  return (
    <p>
      On disk {grouped(disk.entries)} answers take <Num of={bytes(disk.bytes)} /> of at most{' '}
      <Num of={bytes(disk.bytes_max)} /> in <code>{disk.folder}</code>; {grouped(disk.read)} were
      read and {grouped(disk.written)} written since the start
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
      <td className="n">{grouped(cache.miss + cache.bypass)}</td>
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

function Services({ services }: { services: GatewayService[] }) {
  return (
    <section>
      <h2>Members</h2>
      <table className="rows">
        <thead>
          <tr>
            <th>service</th>
            <th>member</th>
            <th>state</th>
            <th className="n p2">weight</th>
            <th className="n">in flight</th>
            <th className="n p2">requests</th>
            <th className="n">failures</th>
            <th className="p3">breaker</th>
          </tr>
        </thead>
        <tbody>
          {services.flatMap((service) =>
            service.members.map((member) => (
              <tr key={`${service.name} ${member.address}`}>
                <td title={`balanced by ${service.balance}`}>{service.name}</td>
                <td>
                  <code>{member.address}</code>
                  {member.zone != null && <span className="dim"> {member.zone}</span>}
                  {member.added && (
                    <span className="dim" title="By an order: the settings do not name it.">
                      {' '}
                      added
                    </span>
                  )}
                </td>
                <td className={levelOf(member)} title={member.trouble ?? ''}>
                  {stateOf(member)}
                </td>
                <td className="n p2">{member.weight}</td>
                <td
                  className={member.waiting > 0 ? 'n broken' : 'n'}
                  title={`${grouped(member.waiting)} more wait for a connection`}
                >
                  {grouped(member.in_flight)}
                </td>
                <td className="n p2">{grouped(member.requests)}</td>
                <td className="n">{grouped(member.failures)}</td>
                <td className="p3 dim">{breakerOf(service)}</td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </section>
  );
}

function stateOf(member: GatewayMember): string {
  if (member.drained) return 'drained';
  if (!member.healthy) return 'ill';
  return member.left_alone ? 'left alone' : 'well';
}

function levelOf(member: GatewayMember): string {
  if (member.drained) return 'dim';
  return isAway(member) ? 'broken' : '';
}

function breakerOf(service: GatewayService): string {
  const states = service.threads.map((thread) => thread.breaker).filter((state) => state != null);
  return [...new Set(states)].join(', ');
}

function Decided({ gateway: { decided } }: { gateway: Gateway }) {
  const { retried, hedged, refused } = decided;
  if (retried + hedged + refused.length === 0) return null;
  const reasons = refused.map(({ reason, count }) => `${grouped(count)} by ${reason}`);
  return (
    <section>
      <h2>Decisions</h2>
      <p>
        Since it started it sent {grouped(retried)} requests to a member again, and asked a second
        member for {grouped(hedged)}.{reasons.length > 0 && ` It refused ${reasons.join(', ')}.`}
      </p>
    </section>
  );
}

function Canaries({ gateway: { canaries, news } }: { gateway: Gateway }) {
  if (canaries.length === 0) return null;
  return (
    <section>
      <h2>New versions</h2>
      {canaries.map((canary) => (
        <CanaryWords key={canary.route} canary={canary} />
      ))}
      {news.length > 0 && (
        <ol className="losses">
          {[...news].reverse().map((one) => (
            <li key={`${one.route} ${one.at_unix_ms}`}>
              <p>
                <span className="dim" title={full(one.at_unix_ms)}>
                  {clock(one.at_unix_ms)}
                </span>{' '}
                {one.new} on {one.route}: {one.stage}, {percent(one.share).value} %.
              </p>
              <p className="dim">{one.why}</p>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

const STAGES: Record<string, string> = {
  going: 'gets more as it does well',
  held: 'is held: there is not enough to tell yet',
  done: 'answers everything',
  reverted: 'was taken back',
};

function CanaryWords({ canary }: { canary: GatewayCanary }) {
  const side = (version: GatewayCanary['old']) =>
    `${grouped(version.requests)} requests, ${grouped(version.failed)} failed`;
  return (
    <>
      <p>
        <strong className={canary.stage === 'reverted' ? 'broken' : ''}>
          {canary.new.service} {STAGES[canary.stage] ?? canary.stage}
        </strong>{' '}
        on {canary.route}: <Percent share={canary.share} /> of requests, since{' '}
        <span title={full(canary.since_unix_ms)}>{ago(canary.since_unix_ms)}</span>.
      </p>
      <p className="dim">
        {canary.new.service}: {side(canary.new)}. {canary.old.service}: {side(canary.old)}.
        {canary.judged != null && ` Last comparison: ${canary.judged}.`}
      </p>
    </>
  );
}

function Captured({ gateway: { capture } }: { gateway: Gateway }) {
  if (capture == null) return null;
  return (
    <section>
      <h2>Captures</h2>
      <p>
        <Percent share={capture.share} /> of requests are kept with their answers in{' '}
        <code>{capture.folder}</code>: {grouped(capture.written)} so far, {grouped(capture.dropped)}{' '}
        found no room.
      </p>
      {capture.trouble != null && <p className="over">{capture.trouble}</p>}
    </section>
  );
}
