/** A search for the limit: latency against load, what held and what broke, and what the steps say together. */
import { digits, durationText, percent } from '../../lib/format';
import type { Law, Limit, Part, Rate, Step } from '../../lib/limit';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';
import { LawChart } from './LawChart';
import { LimitChart } from './LimitChart';

/** Less headroom is short: a member that fails takes as much from three. */
const SHORT = 0.3;
/** The share of flows whose cut is told, as the terminal has it: some always are under way at the end. */
const CUT_MIN = 0.05;

const FATES = {
  held: 'held',
  broke: 'broke',
  late: 'the generator could not keep up',
};

export function LimitView({ limit }: { limit: Limit }) {
  return (
    <>
      <div className="claim">
        <h1>{claim(limit)}</h1>
        <p>
          <Breaks text={limit.target} />{' '}
          {limit.goals.length > 0 && (
            <span className="dim">
              <Breaks text={limit.goals.map((goal) => goal.words).join(', ')} />
            </span>
          )}
        </p>
        <Headroom limit={limit} />
      </div>
      <Notes limit={limit} />
      <h2>Where it breaks</h2>
      <LimitChart limit={limit} />
      <Steps limit={limit} />
      {limit.law !== undefined && <Scalability law={limit.law} steps={limit.steps} />}
    </>
  );
}

function claim(limit: Limit): string {
  // Nobody compares flows with what a service is asked.
  const rate = ({ asked, requests }: Rate) =>
    limit.ofFlows ? `${digits(asked)} flows (${digits(requests)} requests)` : digits(requests);
  const { held, broke } = limit;
  if (limit.ended !== undefined)
    return held === undefined
      ? 'Ended early; the limit is not known'
      : `It held ${rate(held)} a second, and ended early; the limit is not known`;
  if (limit.byGenerator && held !== undefined)
    return `At least ${rate(held)} a second hold; the generator could not ask for more`;
  if (held !== undefined && broke !== undefined)
    return `It holds ${rate(held)} a second, and breaks at ${rate(broke)}`;
  if (held !== undefined) return `It holds ${rate(held)} a second, as much as was asked for`;
  return 'The goals are missed at any rate that was tried';
}

function Headroom({ limit }: { limit: Limit }) {
  const { headroom, today } = limit;
  if (headroom === undefined) return null;
  const peak = today === undefined ? 'today’s peak' : `today’s peak of ${digits(today)} a second`;
  if (headroom < 0) return <p className="over">No headroom: {peak} is above what it holds.</p>;
  return (
    <p className={headroom < SHORT ? 'over' : ''}>
      {Math.round(headroom * 100)} % headroom at {peak}
      {headroom < SHORT && ', which is short: below 30 %'}.
    </p>
  );
}

function Notes({ limit }: { limit: Limit }) {
  const cut = limit.steps.reduce((most, step) => Math.max(most, step.cut), 0);
  const notes = [
    ...(limit.ended === undefined ? [] : [`It ended early: ${limit.ended}.`]),
    ...(limit.byGenerator
      ? ['The generator could do no more: the limit is its own, not that of the server.']
      : []),
    ...(cut < CUT_MIN
      ? []
      : [
          `Up to ${Math.round(cut * 100)} % of flows were not done when a step ended, and were cut: their last requests were asked less.`,
        ]),
    ...(limit.knee === undefined
      ? []
      : [
          `Knee: about ${digits(limit.knee)} a second; beyond it, more load brings more waiting than work.`,
        ]),
    ...(limit.noLaw === undefined ? [] : [`No fit of the scalability law: ${limit.noLaw}.`]),
  ];
  if (notes.length === 0) return null;
  return (
    <ul className="notes" aria-label="What to know about this search">
      {notes.map((note) => (
        <li key={note}>{note}</li>
      ))}
    </ul>
  );
}

function Steps({ limit }: { limit: Limit }) {
  return (
    <table className="rows">
      <Heads
        columns={[
          ['asked a second'],
          ...(limit.ofFlows ? [['flows', 'n p3'] as [string, string]] : []),
          ['answered', 'n'],
          ['p50', 'n p3'],
          ['p95', 'n'],
          ['p99', 'n p3'],
          ['failed', 'n p2'],
          ['goals'],
        ]}
      />
      <tbody>
        {limit.steps.map((step, place) => (
          <tr key={place}>
            <td>{digits(step.requests)}</td>
            {limit.ofFlows && <td className="n p3">{digits(step.asked)}</td>}
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
            <td>{FATES[step.fate]}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Gunther's law through the steps that held. */
function Scalability({ law, steps }: { law: Law; steps: Step[] }) {
  const off = percent(law.off);
  const share = (value: number) => `${digits(value * 100)} %`;
  const rows: [name: string, part: Part, text: (value: number) => string][] = [
    ['contention: work that waits its turn', law.contention, share],
    ['coherency: what it costs to agree', law.coherency, share],
    ...(law.peak === undefined
      ? []
      : [
          ['most requests a second', law.peak, digits] as [string, Part, (value: number) => string],
        ]),
  ];
  return (
    <>
      <h2>Throughput, and the scalability law</h2>
      <LawChart law={law} steps={steps} />
      <table className="rows" aria-label="The scalability law">
        <Heads columns={[['figure'], ['fitted', 'n'], ['with 95 %', 'n']]} />
        <tbody>
          {rows.map(([name, part, text]) => (
            <tr key={name}>
              <td>{name}</td>
              <td className="n strong">{text(part.value)}</td>
              <td className="n">{between(part, text)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="dim">
        {law.peak === undefined
          ? 'No peak can be told from these steps. '
          : law.peakAt !== undefined &&
            `The peak is with ${digits(law.peakAt)} requests at work at once. `}
        One at a time takes {durationText(1e6 / law.one)}; steps lie {off.value} {off.unit} off the
        law.
      </p>
    </>
  );
}

function between({ low, high }: Part, text: (value: number) => string): string {
  if (low === undefined) return '–';
  return high === undefined ? `${text(low)} or more` : `${text(low)} to ${text(high)}`;
}
