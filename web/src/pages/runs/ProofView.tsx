/** A comparison of two runs: the verdict, what it rests on, each percentile with its interval, each route. */
import { bytes, digits, durationText, plural } from '../../lib/format';
import type { Measure, Proof, Side, Tests, Work } from '../../lib/proof';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';
import { Distribution } from './Distribution';

export function ProofView({ proof }: { proof: Proof }) {
  const differs = proof.measures.some((measure) => measure.difference !== undefined);
  return (
    <>
      <div className="claim">
        <h1>
          {proof.verdict}: {proof.reason}
        </h1>
        <p className="dim">
          {plural(proof.before.compared, 'request')} before, {digits(proof.after.compared)} after;{' '}
          {proof.decides} decides
          {proof.matters !== undefined &&
            `, a change of ${digits(proof.matters * 100)} % or more matters`}
          {proof.level !== undefined && `; intervals hold with ${digits(proof.level * 100)} %`}
          {proof.more !== undefined && `; about ${digits(proof.more)} more a side would tell`}
        </p>
      </div>
      {proof.notes.length > 0 && (
        <ul className="notes" aria-label="What to know about this comparison">
          {proof.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {proof.spread.before.length > 0 && (
        <>
          <h2>How long requests took</h2>
          <Distribution
            bins={[proof.spread.before, proof.spread.after]}
            names={['before', 'after']}
            shares
          />
        </>
      )}
      <table className="rows">
        <Heads columns={[...heads('percentile'), [differs ? 'difference' : '', 'n p3']]} />
        <tbody>
          {proof.measures.map((measure) => (
            <tr key={measure.name}>
              <td>{measure.name === proof.decides ? <b>{measure.name}</b> : measure.name}</td>
              <Figures measure={measure} />
              <td className="n p3">
                {measure.difference === undefined
                  ? differs && '–'
                  : span(measure.difference.map((micros) => signed(micros, durationText)))}
              </td>
            </tr>
          ))}
          <tr>
            <td>failed</td>
            <td className="n p2">
              <Percent share={proof.errors.before} />
            </td>
            <td className="n">
              <Percent share={proof.errors.after} />
            </td>
            <td className="n">{proof.errors.p !== undefined && chance(proof.errors.p)}</td>
            <td className="n p3" />
          </tr>
          {proof.work.map((one) => (
            <tr key={one.name}>
              <td>{one.name}</td>
              <td className="n p2">{amount(one, one.before)}</td>
              <td className="n strong">{amount(one, one.after)}</td>
              <td className="n">{difference(one)}</td>
              <td className="n p3" />
            </tr>
          ))}
        </tbody>
      </table>
      {proof.tests !== undefined && <Whole tests={proof.tests} />}
      <Used proof={proof} />
      {proof.routes.length > 1 && (
        <>
          <h2>Routes</h2>
          <table className="rows">
            <Heads columns={[...heads('route'), ['requests', 'n p3'], ['weight', 'n p3']]} />
            <tbody>
              {proof.routes.map((route) => (
                <tr key={route.route}>
                  <td className="what">
                    <Breaks text={route.route} />
                  </td>
                  <Figures measure={route.change} />
                  <td className="n p3">
                    {route.requests.map((count) => digits(count)).join(' → ')}
                  </td>
                  <td className="n p3">
                    <Percent share={route.share} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
}

/** What tests over the whole distribution say, and how large the effect is. */
function Whole({ tests }: { tests: Tests }) {
  const { mannWhitneyP, distance, distanceP, delta, effect } = tests;
  const parts = [
    ...(mannWhitneyP === undefined ? [] : [`Mann–Whitney ${chance(mannWhitneyP)}`]),
    ...(distance === undefined || distanceP === undefined
      ? []
      : [`Kolmogorov–Smirnov distance ${digits(distance)}, ${chance(distanceP)}`]),
    `the effect is ${effect}`,
    ...(delta === undefined ? [] : [`Cliff’s delta ${signed(delta, (value) => digits(value))}`]),
  ];
  return <p className="dim">Over all requests: {parts.join('; ')}.</p>;
}

/** What of each side was compared, and what was left out as what. */
function Used({ proof }: { proof: Proof }) {
  const rows: [name: string, of: (side: Side) => number | undefined][] = [
    ['requests given', (side) => side.given],
    ['left out as warm-up', (side) => side.warmUp],
    ['failed', (side) => side.failed],
    ['of routes that the other side has not', (side) => side.otherRoutes],
    ['latencies compared', (side) => side.compared],
    ['independent ones that they are worth', (side) => side.worth],
  ];
  // A version that told nothing else has it above.
  if (proof.before.given + proof.after.given === 0) return null;
  return (
    <>
      <h2>What was compared</h2>
      <table className="rows">
        <Heads columns={[[''], ['before', 'n'], ['after', 'n']]} />
        <tbody>
          {rows.map(([name, of]) => (
            <tr key={name}>
              <td>{name}</td>
              <td className="n">{digits(of(proof.before) ?? NaN)}</td>
              <td className="n">{digits(of(proof.after) ?? NaN)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

/** How likely so much is by chance alone. */
function chance(p: number): string {
  return p < 0.0001 ? 'p < 0.0001' : `p = ${digits(p, 2)}`;
}

function signed(value: number, words: (value: number) => string): string {
  return `${value < 0 ? '−' : '+'}${words(Math.abs(value))}`;
}

function span([low, high]: string[]): string {
  return `${low ?? ''} to ${high ?? ''}`;
}

/** A mean with its unit. */
function amount(work: Work, value: number): string {
  if (work.unit === 'ns') return durationText(value);
  if (work.unit !== 'bytes') return digits(value);
  const told = bytes(value);
  return `${told.value} ${told.unit}`;
}

/** Where the difference lies, with 95 %. */
function difference(work: Work): string {
  if (work.interval === undefined) return '–';
  return span(work.interval.map((value) => signed(value, (size) => amount(work, size))));
}

function heads(what: string): [string, string?][] {
  return [[what], ['before', 'n p2'], ['after', 'n'], ['change', 'n']];
}

function Figures({ measure }: { measure: Measure }) {
  const share = (value: number) =>
    value === 0 ? '0 %' : signed(value, (size) => `${digits(size * 100, 2)} %`);
  return (
    <>
      <td className="n p2">
        <Duration micros={measure.before} />
      </td>
      <td className="n strong">
        <Duration micros={measure.after} />
      </td>
      <td className="n">
        {measure.interval !== undefined
          ? span(measure.interval.map(share))
          : measure.atLeast !== undefined
            ? `${share(measure.atLeast)} or more`
            : 'too few'}
      </td>
    </>
  );
}
