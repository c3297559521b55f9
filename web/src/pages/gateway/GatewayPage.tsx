/** The gateway: what it answers and how fast, who is behind it, what its cache spares, which versions it tries; and orders. */
import { useEffect, useState } from 'react';

import { askAgain, path, useApi } from '../../api/use';
import type { Gateway, GatewayAnswer } from '../../api/types';
import { asText, grouped, plural, rate } from '../../lib/format';
import { Code } from '../../ui/Copy';
import { Empty, Fresh, Problem, Told, Waiting } from '../../ui/Empty';
import { Percent } from '../../ui/Num';
import { TimeChart } from '../../ui/TimeChart';
import { Cache } from './Cache';
import { Canaries } from './Canaries';
import { claimOf } from './claim';
import { Members } from './Members';
import { useOrders } from './orders';
import { ASK_MS, courseOf, withRate, type Told as RateTold } from './rates';
import { Routes } from './Routes';

const GATEWAY = path('gateway');

export function GatewayPage() {
  const { data, problem, stale } = useApi<GatewayAnswer>(GATEWAY);
  useEffect(() => {
    const timer = setInterval(() => askAgain(GATEWAY), ASK_MS);
    return () => clearInterval(timer);
  }, []);
  if (problem !== undefined) return <Problem problem={problem} />;
  if (data === undefined) return <Waiting />;
  if (data.gateway == null) return <None answer={data} />;
  return (
    <Fresh stale={stale}>
      <Shown gateway={data.gateway} asked={data.asked ?? ''} />
    </Fresh>
  );
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
  const [rates, setRates] = useState<RateTold[]>([]);
  const [last, setLast] = useState<Gateway>();
  // What was ordered shows once the gateway says that it is so.
  const orders = useOrders(() => askAgain(GATEWAY));
  if (last !== gateway) {
    setLast(gateway);
    setRates(withRate(rates, gateway.requests_per_second));
  }
  const claim = claimOf(gateway);
  return (
    <>
      <div className="claim">
        <h1 className={claim.level}>
          <Told text={claim.title} />
        </h1>
        <p>
          {plural(gateway.in_flight, 'request')} in flight. Told by {asked}.
        </p>
      </div>
      <Rates told={rates} />
      <Routes routes={gateway.routes} />
      <Decided gateway={gateway} />
      <Cache gateway={gateway} orders={orders} />
      <Members services={gateway.services} orders={orders} />
      <Canaries gateway={gateway} orders={orders} />
      <Captured gateway={gateway} />
    </>
  );
}

/** Requests a second while one looks. */
function Rates({ told }: { told: RateTold[] }) {
  const course = courseOf(told);
  if (course === undefined) return null;
  const label = 'requests a second since this page was opened';
  return (
    <TimeChart
      label={label}
      from={course.from}
      to={course.to}
      lines={[{ name: label, className: 'p95', values: course.values }]}
      text={(perSecond) => asText(rate(perSecond))}
      height={96}
    />
  );
}

function Decided({ gateway: { decided } }: { gateway: Gateway }) {
  const { retried, hedged, refused } = decided;
  if (retried + hedged + refused.length === 0) return null;
  const reasons = refused.map(({ reason, count }) => `${grouped(count)} by ${reason}`);
  return (
    <section>
      <h2>Decisions</h2>
      <p>
        Since it started it sent {plural(retried, 'request')} to a member again, and asked a second
        member for {grouped(hedged)}.{reasons.length > 0 && ` It refused ${reasons.join(', ')}.`}
      </p>
    </section>
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
