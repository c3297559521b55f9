/** An endpoint over time: quantiles, where the time goes, requests, errors and queries; each with what may explain it. */
import type { Mark, OperationDetail, Point } from '../../api/types';
import { digits, durationText, percent, plural, rate, tickText } from '../../lib/format';
import { KINDS } from '../../lib/words';
import { TimeChart, type ChartLine } from '../../ui/TimeChart';

interface Props {
  data: OperationDetail;
  before?: OperationDetail | undefined;
  marks: Mark[];
}

const QUANTILES = [
  { name: 'p50', className: 'p50', of: 'p50_micros' },
  { name: 'p95', className: 'p95', of: 'p95_micros' },
  { name: 'p99', className: 'p99', of: 'p99_micros' },
] as const;

export function Quantiles({ data, before, marks }: Props) {
  return (
    <TimeChart
      label="p50, p95 and p99"
      {...ends(data)}
      lines={QUANTILES.map(({ name, className, of }) => ({
        name,
        className,
        values: data.series.map((point) => point.duration?.[of]),
      }))}
      before={
        before === undefined
          ? []
          : [line('p95', 'p95', before, (point) => point.duration?.p95_micros)]
      }
      text={axisText}
      target={data.targets.p95_micros}
      marks={marks}
      height={190}
      beside={(step) => `, ${plural(data.series[step]?.count ?? 0, 'request')}`}
    />
  );
}

/** The mean critical path of a request, stacked by what it waited for; of the other window how high it was in all. */
export function Shares({ data, before, marks }: Props) {
  const present = KINDS.filter(({ of }) => of(data.operation.breakdown) > 0);
  return (
    <TimeChart
      label="mean of a request"
      {...ends(data)}
      lines={present.map(({ kind, name, of }) =>
        line(name, `kind-${kind}`, data, (point) =>
          point.count > 0 ? of(point.breakdown) / point.count : undefined,
        ),
      )}
      stacked
      before={before === undefined ? [] : [line('all', 'p95', before, whole)]}
      text={axisText}
      marks={marks}
      height={190}
    />
  );
}

function whole(point: Point): number | undefined {
  if (point.count === 0) return undefined;
  return KINDS.reduce((sum, { of }) => sum + of(point.breakdown), 0) / point.count;
}

export function PerRequest({ data, before, marks }: Props) {
  const first = data.series[0];
  const seconds = first === undefined ? 1 : (first.to_unix_ms - first.from_unix_ms) / 1000;
  const queries = (point: Point) => (point.count > 0 ? point.statements_per_request : undefined);
  const errors = (point: Point) => (point.count > 0 ? point.failed / point.count : undefined);
  const perSecond = (point: Point) => point.count / seconds;
  const charts = [
    { label: 'requests', of: perSecond, text: rateText },
    { label: 'errors', of: errors, text: shareText },
    { label: 'queries a request', of: queries, text: (value: number) => digits(value) },
  ];
  return charts.map(({ label, of, text }) => (
    <TimeChart
      key={label}
      label={label}
      {...ends(data)}
      lines={[line(label, 'p95', data, of)]}
      before={before === undefined ? [] : [line(label, 'p95', before, of)]}
      text={text}
      marks={marks}
      height={96}
    />
  ));
}

function line(
  name: string,
  className: string,
  data: OperationDetail,
  of: (point: Point) => number | undefined,
): ChartLine {
  return { name, className, values: data.series.map(of) };
}

function ends(data: OperationDetail): { from: number; to: number } {
  return { from: data.window.from_unix_ms, to: data.window.to_unix_ms };
}

function axisText(micros: number): string {
  return Number.isInteger(micros) ? tickText(micros) : durationText(micros);
}

function rateText(perSecond: number): string {
  const { value, unit } = rate(perSecond);
  return `${value}\u2009${unit}`;
}

function shareText(share: number): string {
  const { value, unit } = percent(share);
  return `${value}\u2009${unit}`;
}
