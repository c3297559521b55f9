/** Each resource with what of it is in use, waits and fails: last and at most; its row opens with charts over time. */
import type { Resources, ResourceSeries } from '../../api/types';
import { asText, clock } from '../../lib/format';
import { resourceFigure } from '../../lib/question';
import { latest, meant, peak, stepMs, TIGHT, type Instance } from '../../lib/resources';
import { setParams, useParam } from '../../lib/route';
import { stepText } from '../../lib/time';
import { useMarks } from '../../ui/Marks';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { TimeChart } from '../../ui/TimeChart';

const ASPECTS = [
  { aspect: 'utilisation', words: 'in use' },
  { aspect: 'saturation', words: 'waits' },
  { aspect: 'errors', words: 'fails' },
] as const;

interface TableProps {
  instances: Instance[];
  data: Resources;
}

export function Table({ instances, data }: TableProps) {
  const [instance] = useParam('instance');
  const [metric] = useParam('metric');
  const opened = meant(instances, instance, metric);
  return (
    <>
      <p className="dim lead">
        The last figure of the window, and the most of it, in steps of {stepText(data.step_seconds)}
        . A row opens with its charts.
      </p>
      <table className="rows resources">
        <thead>
          <tr>
            <th scope="col">resource</th>
            {ASPECTS.map(({ aspect, words }) => (
              <th key={aspect} scope="col">
                {words}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {instances.map((one) => (
            <Row
              key={`${one.of} ${one.instance} ${one.resource}`}
              one={one}
              data={data}
              open={one === opened}
            />
          ))}
        </tbody>
      </table>
    </>
  );
}

/** Rows are pointed at by links to where a figure is from. */
function intoView(row: HTMLTableRowElement | null) {
  const box = row?.getBoundingClientRect();
  if (box !== undefined && (box.top < 0 || box.bottom > innerHeight)) {
    row?.scrollIntoView({ block: 'center' });
  }
}

interface RowProps {
  one: Instance;
  data: Resources;
  open: boolean;
}

function Row({ one, data, open }: RowProps) {
  const toggle = () =>
    setParams(
      open
        ? { instance: '', metric: '' }
        : { instance: one.instance, metric: one.series[0]?.metric ?? '' },
    );
  return (
    <>
      <tr {...(open && { className: 'here', 'aria-current': true, ref: intoView })}>
        <td className="what">
          <button type="button" className="unfold" aria-expanded={open} onClick={toggle} data-row>
            <span className="op">{one.resource}</span>{' '}
            <span className="dim service">
              {one.of} {one.instance}
            </span>
          </button>
        </td>
        {ASPECTS.map(({ aspect }) => (
          <td key={aspect}>
            {one.series
              .filter((series) => series.aspect === aspect)
              .map((series) => (
                <Cell key={series.metric} series={series} data={data} />
              ))}
          </td>
        ))}
      </tr>
      {open && (
        <tr className="opened">
          <td colSpan={ASPECTS.length + 1}>
            {one.series.map((series) => (
              <Chart key={series.metric} series={series} data={data} />
            ))}
          </td>
        </tr>
      )}
    </>
  );
}

interface SeriesProps {
  series: ResourceSeries;
  data: Resources;
}

function Cell({ series, data }: SeriesProps) {
  const last = latest(series);
  const most = peak(series);
  if (last === undefined || most === undefined) return null;
  const at = data.window.from_unix_ms + most.step * stepMs(data, series);
  return (
    <div className="used">
      <span className={isTight(series, last) ? 'over strong' : 'strong'} title={series.metric}>
        <Num of={resourceFigure(last, series.unit)} />
      </span>{' '}
      <span className="dim">
        {series.words}
        {isTight(series, last) && series.unit === 'share' && ', tight'}
      </span>
      {most.value > last && (
        <span className="most dim">
          up to{' '}
          <span className={isTight(series, most.value) ? 'over' : ''}>
            <Num of={resourceFigure(most.value, series.unit)} />
          </span>{' '}
          at {clock(at)}
          {isTight(series, most.value) && !isTight(series, last) && series.unit === 'share'
            ? ', was tight'
            : ''}
        </span>
      )}
      <Spark
        values={series.values}
        label={`${series.words} of ${series.instance} over time`}
        text={figureOf(series)}
        {...(series.unit === 'share' ? { target: TIGHT, reach: 1 } : {})}
      />
    </div>
  );
}

function isTight({ unit, aspect }: ResourceSeries, value: number): boolean {
  return (unit === 'share' && value >= TIGHT) || (aspect === 'errors' && value > 0);
}

function figureOf({ unit }: ResourceSeries): (value: number) => string {
  return (value) => asText(resourceFigure(value, unit));
}

/** One series with its axis, and what may explain it. */
function Chart({ series, data }: SeriesProps) {
  const marks = useMarks();
  const isShare = series.unit === 'share';
  return (
    <TimeChart
      label={series.words}
      from={data.window.from_unix_ms}
      to={data.window.from_unix_ms + series.values.length * stepMs(data, series)}
      lines={[
        {
          name: series.words,
          className: 'p95',
          values: series.values.map((value) => value ?? undefined),
        },
      ]}
      text={figureOf(series)}
      {...(isShare ? { target: TIGHT, aim: 'tight from', reach: 1 } : {})}
      marks={marks}
      height={130}
    />
  );
}
