/** One endpoint: its figures, how its durations are distributed, where its time goes, what is wrong. */
import type { ReactNode } from 'react';

import { path, useApi } from '../../api/use';
import type { OperationDetail } from '../../api/types';
import { digits, durationText, grouped, plural } from '../../lib/format';
import { to, useQuery } from '../../lib/route';
import { WINDOW_DEFAULT } from '../../lib/words';
import { Problem, Waiting } from '../../ui/Empty';
import { WindowSelect } from '../../ui/Filter';
import { KindBar, KindLegend } from '../../ui/Kinds';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { RequestTable } from '../../ui/Requests';
import { Spark } from '../../ui/Spark';
import { FindingTable } from '../findings/FindingsPage';
import { Distribution } from './Distribution';
import { Groups } from './Groups';
import { Series } from './Series';

export function EndpointPage() {
  const query = useQuery();
  const last = query.get('last') ?? WINDOW_DEFAULT;
  const service = query.get('service') ?? '';
  const operation = query.get('operation') ?? '';
  const { data, problem } = useApi<OperationDetail>(
    path('operation', { last, service, operation }),
  );
  return (
    <>
      <div className="claim">
        <p className="over">
          <Link to={to('/endpoints')}>Endpoints</Link> <span className="dim">{service}</span>
        </p>
        <h1 className="op">{operation}</h1>
        {data !== undefined && problem === undefined && <Claim data={data} />}
      </div>
      <div className="filters">
        <WindowSelect />
      </div>
      {problem !== undefined && <Problem problem={problem} />}
      {problem === undefined && data === undefined && <Waiting />}
      {problem === undefined && data !== undefined && <Detail data={data} />}
    </>
  );
}

function Claim({ data }: { data: OperationDetail }) {
  const { duration, share, count } = data.operation;
  const times = duration.p95_micros / data.targets.p95_micros;
  return (
    <p>
      One request in twenty takes longer than <strong>{durationText(duration.p95_micros)}</strong>
      {times > 1 ? `, ${digits(times, 2)} times the target; ` : ', within the target; '}
      {plural(count, 'request')} in this window take <Percent share={share} /> of all time.
    </p>
  );
}

function Detail({ data }: { data: OperationDetail }) {
  const { operation, targets, series } = data;
  const humps = data.findings.find((finding) => finding.fault === 'bimodal-latency');
  const apart = humps?.evidence.attribute ?? undefined;
  return (
    <>
      <Figures data={data} />
      <div className="pair">
        <section>
          <h2>How long requests take</h2>
          <Distribution
            buckets={data.distribution}
            duration={operation.duration}
            target={targets.p95_micros}
            apart={apart}
          />
        </section>
        <section>
          <h2>Over time</h2>
          <Series points={series} target={targets.p95_micros} />
        </section>
      </div>
      <section>
        <h2>Where the time of a request goes</h2>
        <div className="wide-bar">
          <KindBar breakdown={operation.breakdown} />
        </div>
        <KindLegend breakdown={operation.breakdown} per={Math.max(1, operation.count)} />
      </section>
      {data.findings.length > 0 && (
        <section>
          <h2>What is wrong with it</h2>
          <FindingTable findings={data.findings} short />
        </section>
      )}
      <section>
        <h2>What it does</h2>
        <Groups groups={data.groups} />
      </section>
      <section>
        <h2>Its slowest requests</h2>
        <RequestTable requests={data.slowest.slice(0, 10)} plain />
      </section>
    </>
  );
}

function Figures({ data }: { data: OperationDetail }) {
  const { operation: one, targets, series } = data;
  const quantile = (of: 'p50_micros' | 'p75_micros' | 'p95_micros' | 'p99_micros') =>
    series.map((point) => point.duration?.[of]);
  const seconds = (series[0] ? series[0].to_unix_ms - series[0].from_unix_ms : 1000) / 1000;
  return (
    <dl className="figures">
      <Item name="rate" spark={series.map((point) => point.count / seconds)}>
        <Rate perSecond={one.rate_per_second} />
      </Item>
      <Item name="p50" spark={quantile('p50_micros')}>
        <Duration micros={one.duration.p50_micros} />
      </Item>
      <Item name="p75" spark={quantile('p75_micros')}>
        <Duration micros={one.duration.p75_micros} />
      </Item>
      <Item
        name="p95"
        spark={quantile('p95_micros')}
        value={one.duration.p95_micros}
        target={targets.p95_micros}
      >
        <Duration micros={one.duration.p95_micros} />
      </Item>
      <Item
        name="p99"
        spark={quantile('p99_micros')}
        value={one.duration.p99_micros}
        target={targets.p99_micros}
      >
        <Duration micros={one.duration.p99_micros} />
      </Item>
      <Item
        name="errors"
        spark={series.map((point) => (point.count > 0 ? point.failed / point.count : null))}
      >
        <span className={one.failed > 0 ? 'broken' : ''} title={`${grouped(one.failed)} failed`}>
          <Percent share={one.failed / Math.max(1, one.count)} />
        </span>
      </Item>
      <Item name="share of all time">
        <Percent share={one.share} />
      </Item>
      <Item
        name="queries a request"
        spark={series.map((point) => (point.count > 0 ? point.statements_per_request : null))}
      >
        {digits(one.statements_per_request)}
      </Item>
    </dl>
  );
}

function Item({
  name,
  spark,
  value,
  target,
  children,
}: {
  name: string;
  spark?: (number | null | undefined)[];
  value?: number;
  target?: number;
  children: ReactNode;
}) {
  const over = value !== undefined && target !== undefined && value > target;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span className={over ? 'over big' : 'big'}>{children}</span>
        {target !== undefined && <span className="dim">target {durationText(target)}</span>}
        {spark !== undefined && (
          <Spark
            values={spark}
            label={`${name} over time`}
            {...(target === undefined ? {} : { target })}
          />
        )}
      </dd>
    </div>
  );
}
