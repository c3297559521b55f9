/** The golden signals of each service: latency, traffic, errors and saturation, and whether the objective is met. */
import type { ReactNode } from 'react';

import type {
  Objective as Standing,
  Overview,
  ServiceSaturation,
  ServiceSigns,
  Targets,
} from '../../api/types';
import { digits, durationText, grouped, percent, plural } from '../../lib/format';
import { openRow, to } from '../../lib/route';
import { Link } from '../../ui/Link';
import { Duration, Percent, Rate } from '../../ui/Num';
import { SortHeads, useSort, type PlainColumn, type SortColumn } from '../../ui/Sorted';
import { Spark } from '../../ui/Spark';
import { Full } from './Full';
import { reason, reasons } from './objective';

interface ServicesProps {
  data: Overview;
  /** How full those are of which that is told; undefined until it is known. */
  saturation: ServiceSaturation[] | undefined;
}

type Order = 'share' | 'p95' | 'p99' | 'rate' | 'errors' | 'queries';

const SATURATION = 'the fullest of what the service has and runs on, at the end of this time';

const COLUMNS: (SortColumn<Order> | PlainColumn)[] = [
  { words: 'service', className: '' },
  { words: 'objective', className: '' },
  { key: 'p95', words: 'p95', className: 'n' },
  { key: 'p99', words: 'p99', className: 'n p3' },
  { words: 'p95 over time', className: 'p2' },
  { key: 'rate', words: 'rate', className: 'n p2' },
  { words: 'rate over time', className: 'p4' },
  { key: 'errors', words: 'errors', className: 'n p2' },
  { words: 'saturation', className: 'p2', title: SATURATION },
  { key: 'queries', words: 'queries', className: 'n p4' },
  { key: 'share', words: 'share of time', className: 'n p3' },
];

const FIGURES: Record<Order, (one: ServiceSigns) => number> = {
  share: (one) => one.share,
  p95: ({ now }) => now.duration.p95_micros,
  p99: ({ now }) => now.duration.p99_micros,
  rate: ({ now }) => now.rate_per_second,
  errors: ({ now }) => now.error_share,
  queries: ({ now }) => now.statements_per_request,
};

export function Services({ data, saturation }: ServicesProps) {
  const by = useSort(COLUMNS, 'share');
  const figure = FIGURES[by];
  const services = data.services.toSorted((one, other) => figure(other) - figure(one));
  const full = (service: string) =>
    saturation && <Full of={saturation.find((one) => one.service === service)} />;
  return (
    <table className="rows services">
      <thead>
        <tr>
          <SortHeads columns={COLUMNS} by={by} first="share" />
        </tr>
      </thead>
      <tbody>
        {services.map((one) => (
          <Row key={one.service} one={one} targets={data.targets} full={full(one.service)} />
        ))}
      </tbody>
    </table>
  );
}

interface RowProps {
  one: ServiceSigns;
  targets: Targets;
  full: ReactNode;
}

function Row({ one, targets, full }: RowProps) {
  const { now, before } = one;
  if (one.objective === 'silent') return <Silent one={one} full={full} />;
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
          text={durationText}
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
          text={grouped}
        />
      </td>
      <td
        className={`n p2 ${now.failed > 0 ? 'broken' : 'dim'}`}
        title={`${grouped(now.failed)} of ${grouped(now.count)} failed; ${percentText(targets.error_share)} may`}
      >
        <Percent share={now.error_share} />
      </td>
      <td className="p2 saturation">{full}</td>
      <td className="n p4">{digits(now.statements_per_request)}</td>
      <td className="n p3">
        <Percent share={one.share} />
      </td>
    </tr>
  );
}

/** Requested in the window before and no more: told, for it may be down. */
function Silent({ one, full }: { one: ServiceSigns; full: ReactNode }) {
  const href = to('/endpoints', { service: one.service, last: '7d' });
  const before = one.before ?? undefined;
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          <span className="op">{one.service}</span>
        </Link>
      </td>
      <td>
        <Word objective="silent" title="No request came in this window" />
      </td>
      <td colSpan={9} className="dim">
        no request came; {plural(before?.count ?? 0, 'request')} in the window before; saturation{' '}
        {full}
      </td>
    </tr>
  );
}

const WORDS: Record<Standing, { sign: string; words: string }> = {
  met: { sign: '✓', words: 'met' },
  slow: { sign: '✗', words: 'missed' },
  failing: { sign: '✗', words: 'missed' },
  silent: { sign: '∅', words: 'silent' },
};

/** Met or missed and why, in words and a sign as well as a colour. */
function Objective({ one, targets }: { one: ServiceSigns; targets: Targets }) {
  return (
    <Word objective={one.objective} title={reasons(one, targets)}>
      {' '}
      <small className="p2">{reason(one, targets)}</small>
    </Word>
  );
}

function Word({
  objective,
  title,
  children,
}: {
  objective: Standing;
  title: string;
  children?: ReactNode;
}) {
  const { sign, words } = WORDS[objective];
  return (
    <span className={`objective ${objective === 'met' ? 'met' : 'missed'}`} title={title}>
      <i aria-hidden="true">{sign}</i>
      {`\u00a0${words}`}
      {children}
    </span>
  );
}

function percentText(share: number): string {
  const { value, unit } = percent(share);
  return `${value}\u2009${unit}`;
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
