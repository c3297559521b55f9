/** Versions that are tried: how they do, what happened to them, and orders. */
import type { Gateway, GatewayCanary, GatewayCanaryOrder, GatewayNews } from '../../api/types';
import { ago, clock, full, grouped, percent, plural } from '../../lib/format';
import { Percent } from '../../ui/Num';
import { Said, type Orders } from './orders';
import { movedText, stageText } from './words';

interface CanariesProps {
  gateway: Gateway;
  orders: Orders;
}

export function Canaries({ gateway, orders }: CanariesProps) {
  const { canaries, news, news_not_kept: notKept } = gateway;
  if (canaries.length === 0) return null;
  return (
    <section>
      <h2>New versions</h2>
      <Said orders={orders} of="canaries" />
      {canaries.map((canary) => (
        <OneCanary key={canary.route} canary={canary} orders={orders} />
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
      {notKept > 0 && (
        <p className="over">
          {plural(notKept, 'change')} since the start could not be kept: the ledger lacks what
          happened, or the next start begins where a version stood before. The gateway said why on
          standard error.
        </p>
      )}
    </section>
  );
}

type Verb = GatewayCanaryOrder['order'];

/** What can be ordered in each stage. */
const ORDERS: Record<string, [order: Verb, does: string][]> = {
  going: [
    ['step', 'Next share'],
    ['hold', 'Hold'],
    ['revert', 'Take back'],
    ['finish', 'Give it everything'],
  ],
  held: [
    ['step', 'Next share'],
    ['revert', 'Take back'],
    ['finish', 'Give it everything'],
  ],
  done: [['revert', 'Take back']],
  reverted: [['step', 'Try again']],
};

function OneCanary({ canary, orders }: { canary: GatewayCanary; orders: Orders }) {
  const side = (version: GatewayCanary['old']) =>
    `${plural(version.requests, 'request')}, ${grouped(version.failed)} failed`;
  const give = (order: Verb) => {
    const body: GatewayCanaryOrder = { route: canary.route, order };
    void orders.give<GatewayNews>({ of: 'canaries', path: 'canaries', body, words: movedText });
  };
  return (
    <>
      <p>
        <strong className={canary.stage === 'reverted' ? 'broken' : ''}>
          {canary.new.service} {stageText(canary.stage)}
        </strong>{' '}
        on {canary.route}: <Percent share={canary.share} /> of requests, since{' '}
        <span title={full(canary.since_unix_ms)}>{ago(canary.since_unix_ms)}</span>.
      </p>
      <p className="dim">
        {canary.new.service}: {side(canary.new)}. {canary.old.service}: {side(canary.old)}.
        {canary.judged != null && ` Last comparison: ${canary.judged}.`}
      </p>
      <p className="order-row">
        {(ORDERS[canary.stage] ?? []).map(([order, does]) => (
          <button
            key={order}
            type="button"
            className="copy"
            aria-disabled={orders.busy !== undefined}
            onClick={() => give(order)}
          >
            {does}
            <span className="hidden"> ({canary.new.service})</span>
          </button>
        ))}
      </p>
    </>
  );
}
