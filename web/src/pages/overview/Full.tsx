/** How full a service is: the fullest of what it has and runs on, what waits for something, and where that is told. */
import type { ResourceLevel, ServiceSaturation } from '../../api/types';
import { digits } from '../../lib/format';
import { resourceFigure } from '../../lib/question';
import { evidence, TIGHT } from '../../lib/resources';
import { to } from '../../lib/route';
import { Link } from '../../ui/Link';
import { Num } from '../../ui/Num';

const UNTOLD =
  'No metric tells how full it is. Send those of its process and its pool of connections (process.cpu.utilization, ' +
  'db.client.connection.count and .max), and those of its host, with the same host.name in both.';

/** What it is to wait for each. */
const WAITS: Record<string, string> = {
  connections: 'wait for a connection',
  queue: 'wait in a queue',
  threads: 'wait for a thread',
};

export function Full({ of }: { of: ServiceSaturation | undefined }) {
  if (of === undefined || (of.fullest ?? of.waiting) == null) {
    return (
      <span className="dim" title={UNTOLD}>
        –<span className="hidden"> not known</span>
      </span>
    );
  }
  const { service, fullest, waiting } = of;
  return (
    <span>
      {fullest != null && <Share level={fullest} service={service} />}
      {fullest != null && waiting != null && ', '}
      {waiting != null && (
        <Link to={to('/resources', evidence(waiting, service))} title={told(waiting)}>
          <strong className="over">{digits(waiting.value)}</strong>{' '}
          <small>{WAITS[waiting.resource] ?? 'wait'}</small>
        </Link>
      )}
    </span>
  );
}

function Share({ level, service }: { level: ResourceLevel; service: string }) {
  const tight = level.value >= TIGHT;
  return (
    <Link to={to('/resources', evidence(level, service))} title={told(level)}>
      <strong className={tight ? 'over' : ''}>
        <Num of={resourceFigure(level.value, level.unit)} />
      </strong>{' '}
      <small>
        {level.resource}
        {tight && ', tight'}
      </small>
    </Link>
  );
}

function told({ of, instance, words, metric }: ResourceLevel): string {
  return `${words}, ${of} ${instance} (${metric})`;
}
