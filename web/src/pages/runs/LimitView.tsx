/** A search for the limit: latency against load, what held and what broke. */
import { digits, durationText, tickText } from '../../lib/format';
import type { Limit, Step } from '../../lib/proof';
import { ticks } from '../../lib/scale';
import { useWidth } from '../../lib/size';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';

const HEIGHT = 240;
const LEFT = 58;
const BOTTOM = 22;
const TOP = 12;

export function LimitView({ limit }: { limit: Limit }) {
  const steps = limit.steps.toSorted((left, right) => left.rate - right.rate);
  return (
    <>
      <div className="claim">
        <h1>{claim(limit)}</h1>
        <p>
          <Breaks text={limit.target} />
        </p>
        {limit.headroom !== undefined && (
          <p className={limit.headroom < 0.3 ? 'over' : ''}>
            {limit.headroom < 0
              ? 'No headroom: today’s peak is above what it holds.'
              : `${Math.round(limit.headroom * 100)} % headroom at today’s peak.`}
          </p>
        )}
      </div>
      {limit.ended !== undefined && (
        <ul className="notes" aria-label="Why this search ended">
          <li>{limit.ended}.</li>
        </ul>
      )}
      {limit.byGenerator && (
        <ul className="notes" aria-label="What to know about this search">
          <li>The generator could do no more: the limit is its own, not that of the server.</li>
        </ul>
      )}
      <Chart limit={limit} steps={steps} />
      <table className="rows">
        <Heads
          columns={[
            ['asked a second'],
            ['answered', 'n'],
            ['p50', 'n p3'],
            ['p95', 'n'],
            ['p99', 'n p3'],
            ['failed', 'n p2'],
            ['goals'],
          ]}
        />
        <tbody>
          {steps.map((step, place) => (
            <tr key={place}>
              <td>{digits(step.rate)}</td>
              <td className="n">{digits(step.answered)}</td>
              <td className="n p3">
                <Duration micros={step.quantiles[0]} />
              </td>
              <td className="n strong">
                <Duration micros={step.quantiles[1]} />
              </td>
              <td className="n p3">
                <Duration micros={step.quantiles[2]} />
              </td>
              <td className="n p2">
                <Percent share={step.errors} />
              </td>
              <td>{step.held ? 'met' : 'missed'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

function claim(limit: Limit): string {
  const rate = (value: number) => digits(value);
  if (limit.ended !== undefined)
    return limit.held === undefined
      ? 'Ended early; the limit is not known'
      : `It held ${rate(limit.held)} a second, and ended early; the limit is not known`;
  if (limit.byGenerator && limit.held !== undefined)
    return `At least ${rate(limit.held)} a second hold; the generator could not ask for more`;
  if (limit.held !== undefined && limit.broke !== undefined)
    return `It holds ${rate(limit.held)} a second, and breaks at ${rate(limit.broke)}`;
  if (limit.held !== undefined)
    return `It holds ${rate(limit.held)} a second, as much as was asked for`;
  return 'The goals are missed at any rate that was tried';
}

function Chart({ limit, steps }: { limit: Limit; steps: Step[] }) {
  const [measure, width] = useWidth();
  const most = Math.max(...steps.map((step) => step.rate), 1);
  // One step beyond the limit can take a hundred times as long as all before it: it is drawn at the top.
  const held = steps.filter((step) => step.held).map((step) => step.quantiles[1]);
  const top = Math.max(...held, 0) * 3 || Math.max(...steps.map((step) => step.quantiles[1]), 1);
  const x = (rate: number) => LEFT + (rate / most) * (width - LEFT - 8);
  const y = (micros: number) =>
    HEIGHT - BOTTOM - (Math.min(micros, top) / top) * (HEIGHT - BOTTOM - TOP);
  const line = steps
    .map((step, place) => `${place === 0 ? 'M' : 'L'}${x(step.rate)} ${y(step.quantiles[1])}`)
    .join('');
  const marks: [name: string, at: number | undefined][] = [
    ['knee', limit.knee],
    ['breaks', limit.broke],
  ];
  return (
    <figure className="chart">
      <svg
        ref={measure}
        height={HEIGHT}
        role="img"
        aria-label={`p95 against requests a second: ${steps
          .map((step) => `${digits(step.rate)} a second ${durationText(step.quantiles[1])}`)
          .join('; ')}`}
      >
        {ticks(top, 4).map((tick) => (
          <g key={tick}>
            <line className="grid" x1={LEFT} x2={width} y1={y(tick)} y2={y(tick)} />
            <text className="tick" x={LEFT - 8} y={y(tick) + 4} textAnchor="end">
              {tickText(tick)}
            </text>
          </g>
        ))}
        {ticks(most, 5).map((tick) => (
          <text key={tick} className="tick" x={x(tick)} y={HEIGHT - 6} textAnchor="middle">
            {digits(tick)}/s
          </text>
        ))}
        {marks.map(([name, at]) =>
          at === undefined || at > most ? null : (
            <g key={name}>
              <line className="target" x1={x(at)} x2={x(at)} y1={TOP} y2={HEIGHT - BOTTOM} />
              <text className="tick" x={x(at) - 4} y={TOP + 8} textAnchor="end">
                {name}
              </text>
            </g>
          ),
        )}
        <g className="line p95">
          <path d={line} />
          {steps.map((step, place) => (
            <circle
              key={place}
              cx={x(step.rate)}
              cy={y(step.quantiles[1])}
              r={step.held ? 3 : 5}
              className={step.held ? 'held' : 'broke'}
            />
          ))}
        </g>
      </svg>
      <figcaption className="readout line-legend">
        <span className="at">p95 against requests a second; large dots missed a goal</span>
      </figcaption>
    </figure>
  );
}
