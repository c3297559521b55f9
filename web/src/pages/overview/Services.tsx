/** Golden signals of each service: traffic, errors, latency, and whether the objective is met. */
import type { Overview, ServiceSigns, Targets } from '../../api/types';
import { digits, durationText, grouped, percent, plural } from '../../lib/format';
import { openRow, to } from '../../lib/route';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { Spark } from '../../ui/Spark';

export function Services({ data }: { data: Overview }) {
  return (
    <table className="rows services">
      <thead>
        <tr>
          <th scope="col">service</th>
          <th scope="col">objective</th>
          <th scope="col" className="n">
            p95
          </th>
          <th scope="col" className="n p3">
            p99
          </th>
          <th scope="col" className="p2">
            p95 over time
          </th>
          <th scope="col" className="n p2">
            rate
          </th>
          <th scope="col" className="p4">
            rate over time
          </th>
          <th scope="col" className="n p2">
            errors
          </th>
          <th scope="col" className="n p4">
            queries
          </th>
          <th scope="col" className="n p3">
            share of time
          </th>
        </tr>
      </thead>
      <tbody>
        {data.services.map((one) => (
          <Row key={one.service} one={one} targets={data.targets} />
        ))}
      </tbody>
    </table>
  );
}

function Row({ one, targets }: { one: ServiceSigns; targets: Targets }) {
  const { now, before } = one;
  const href = to('/endpoints', { service: one.service });
  const over = (micros: number, target: number) => (micros > target ? 'over' : '');
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          <span className="op">{one.service}</span>
        </Link>
      </td>
      <td>
        <Objective one={one} targets={targets} />
      </td>
      <td className={`n strong ${over(now.duration.p95_micros, targets.p95_micros)}`}>
        <Duration micros={now.duration.p95_micros} />
        <Moved now={now.duration.p95_micros} then={before?.duration.p95_micros} />
      </td>
      <td className={`n p3 ${over(now.duration.p99_micros, targets.p99_micros)}`}>
        <Duration micros={now.duration.p99_micros} />
      </td>
      <td className="p2">
        <Spark
          values={one.spark.map((step) => step.p95_micros)}
          target={targets.p95_micros}
          label={`p95 of ${one.service} over time, ${durationText(now.duration.p95_micros)} in all`}
        />
      </td>
      <td className="n p2" title={plural(now.count, 'request')}>
        <Rate perSecond={now.rate_per_second} />
        <Moved now={now.rate_per_second} then={before?.rate_per_second} neutral />
      </td>
      <td className="p4">
        <Spark
          values={one.spark.map((step) => step.count)}
          label={`requests of ${one.service} over time, ${plural(now.count, 'request')} in all`}
        />
      </td>
      <td
        className={`n p2 ${now.failed > 0 ? 'broken' : 'dim'}`}
        title={`${grouped(now.failed)} of ${grouped(now.count)} failed`}
      >
        <Percent share={now.error_share} />
      </td>
      <td className="n p4">{digits(now.statements_per_request)}</td>
      <td className="n p3">
        <Percent share={one.share} />
      </td>
    </tr>
  );
}

/** Met or missed, in a word and a sign as well as a colour. */
function Objective({ one, targets }: { one: ServiceSigns; targets: Targets }) {
  const { value, unit } = percent(one.within_target);
  const words = `${value}\u2009${unit} of its requests take no longer than ${durationText(targets.p95_micros)}; 95\u2009% are meant to`;
  return (
    <span className={`objective ${one.meets ? 'met' : 'missed'}`} title={words}>
      <i aria-hidden="true">{one.meets ? '✓' : '✗'}</i> {one.meets ? 'met' : 'missed'}
      <small className="p2">
        {' '}
        {value}
        {'\u2009'}
        {unit} within
      </small>
    </span>
  );
}

/** By how much a figure moved, if that is worth a word. */
function Moved({
  now,
  then,
  neutral = false,
}: {
  now: number;
  then: number | undefined;
  neutral?: boolean;
}) {
  if (then === undefined || then <= 0 || now <= 0) return null;
  const by = now / then - 1;
  if (Math.abs(by) < 0.1) return null;
  const worse = !neutral && by > 0;
  const times = now / then;
  const words =
    times >= 3
      ? `× ${digits(times, 2)}`
      : `${by > 0 ? '+' : '−'}${Math.round(Math.abs(by) * 100)} %`;
  return (
    <small className={`moved ${worse ? 'over' : ''}`} title="against the window before">
      {words}
    </small>
  );
}
