/** The first row: each figure with its course, its target, and what it was in the window that is compared. */
import type { ReactNode } from 'react';

import type { OperationDetail, Percentiles } from '../../api/types';
import { asText, digits, duration, durationText, grouped, percent, rate } from '../../lib/format';
import { Duration, Num, Percent, Rate } from '../../ui/Num';
import { Spark } from '../../ui/Spark';

interface Props {
  data: OperationDetail;
  before: OperationDetail | undefined;
}

type Quantile = 'p50_micros' | 'p75_micros' | 'p95_micros' | 'p99_micros';

const QUANTILES: { name: string; of: Quantile; target?: 'p95_micros' | 'p99_micros' }[] = [
  { name: 'p50', of: 'p50_micros' },
  { name: 'p75', of: 'p75_micros' },
  { name: 'p95', of: 'p95_micros', target: 'p95_micros' },
  { name: 'p99', of: 'p99_micros', target: 'p99_micros' },
];

export function Figures({ data, before }: Props) {
  const { operation: one, targets, series } = data;
  const then = before?.operation;
  const seconds = (series[0] ? series[0].to_unix_ms - series[0].from_unix_ms : 1000) / 1000;
  const errors = (of: { failed: number; count: number }) => of.failed / Math.max(1, of.count);
  return (
    <dl className="figures">
      <Item
        name="rate"
        spark={series.map((point) => point.count / seconds)}
        text={(perSecond) => asText(rate(perSecond))}
        before={then && [rate(then.rate_per_second), one.rate_per_second, then.rate_per_second]}
      >
        <Rate perSecond={one.rate_per_second} />
      </Item>
      {QUANTILES.map(({ name, of, target }) => (
        <Item
          key={name}
          name={name}
          spark={series.map((point) => point.duration?.[of])}
          text={durationText}
          before={then && ofQuantile(one.duration, then.duration, of)}
          {...(target === undefined ? {} : { value: one.duration[of], target: targets[target] })}
        >
          <Duration micros={one.duration[of]} />
        </Item>
      ))}
      <Item
        name="errors"
        spark={series.map((point) => (point.count > 0 ? point.failed / point.count : null))}
        text={(share) => asText(percent(share))}
        before={then && [percent(errors(then)), errors(one), errors(then)]}
      >
        <span className={one.failed > 0 ? 'broken' : ''} title={`${grouped(one.failed)} failed`}>
          <Percent share={errors(one)} />
        </span>
      </Item>
      <Item name="share of all time" before={then && [percent(then.share), one.share, then.share]}>
        <Percent share={one.share} />
      </Item>
      <Item
        name="queries a request"
        spark={series.map((point) => (point.count > 0 ? point.statements_per_request : null))}
        text={digits}
        before={
          then && [
            { value: digits(then.statements_per_request), unit: '' },
            one.statements_per_request,
            then.statements_per_request,
          ]
        }
      >
        {digits(one.statements_per_request)}
      </Item>
    </dl>
  );
}

type Before = [figure: { value: string; unit: string }, now: number, then: number];

function ofQuantile(now: Percentiles, then: Percentiles, of: Quantile): Before {
  return [duration(then[of]), now[of], then[of]];
}

interface ItemProps {
  name: string;
  spark?: (number | null | undefined)[];
  /** A figure of the line with its unit. */
  text?: (value: number) => string;
  value?: number;
  target?: number;
  before?: Before | undefined;
  children: ReactNode;
}

function Item({ name, spark, text = digits, value, target, before, children }: ItemProps) {
  const over = value !== undefined && target !== undefined && value > target;
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <span className={over ? 'over big' : 'big'}>{children}</span>
        {before !== undefined && <Was before={before} />}
        {target !== undefined && <span className="dim">target {durationText(target)}</span>}
        {spark !== undefined && (
          <Spark
            values={spark}
            label={`${name} over time`}
            text={text}
            {...(target === undefined ? {} : { target })}
          />
        )}
      </dd>
    </div>
  );
}

/** What it was, and by how much it moved. */
function Was({ before: [figure, now, then] }: { before: Before }) {
  const moved = then > 0 ? now / then - 1 : 0;
  const { value, unit } = percent(Math.abs(moved));
  return (
    <span className="dim was">
      was <Num of={figure} />
      {then > 0 && `, ${moved < 0 ? '−' : '+'}${value}\u2009${unit}`}
    </span>
  );
}
