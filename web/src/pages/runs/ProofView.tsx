/** A comparison of two runs: the verdict, what it rests on, each percentile with its interval, each route. */
import { bytes, digits, durationText, plural } from '../../lib/format';
import type { Measure, Proof, Work } from '../../lib/proof';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';
import { Duration, Percent } from '../../ui/Num';
import { Distribution } from './Distribution';

export function ProofView({ proof }: { proof: Proof }) {
  return (
    <>
      <div className="claim">
        <h1>
          {proof.verdict}: {proof.reason}
        </h1>
        <p className="dim">
          {plural(proof.before, 'request')} before, {digits(proof.after)} after; {proof.decides}{' '}
          decides, intervals hold with 96 %
          {proof.more !== undefined && `; about ${digits(proof.more)} more a side would tell`}
          {proof.effect !== undefined && `; the effect is ${proof.effect} (Cliff’s delta)`}
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
        <Heads columns={heads('percentile')} />
        <tbody>
          {proof.measures.map((measure) => (
            <tr key={measure.name}>
              <td>{measure.name === proof.decides ? <b>{measure.name}</b> : measure.name}</td>
              <Figures measure={measure} />
            </tr>
          ))}
          <tr>
            <td>failed</td>
            <td className="n p2">
              <Percent share={proof.errors[0]} />
            </td>
            <td className="n">
              <Percent share={proof.errors[1]} />
            </td>
            <td className="n" />
          </tr>
          {proof.work.map((one) => (
            <tr key={one.name}>
              <td>{one.name}</td>
              <td className="n p2">{amount(one, one.before)}</td>
              <td className="n strong">{amount(one, one.after)}</td>
              <td className="n">{difference(one)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {proof.routes.length > 1 && (
        <>
          <h2>Routes</h2>
          <table className="rows">
            <Heads columns={heads('route')} />
            <tbody>
              {proof.routes.map((route) => (
                <tr key={route.route}>
                  <td className="what">
                    <Breaks text={route.route} />
                  </td>
                  <Figures measure={route.change} />
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </>
  );
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
  const signed = (value: number) => `${value < 0 ? '−' : '+'}${amount(work, Math.abs(value))}`;
  return `${signed(work.interval[0])} to ${signed(work.interval[1])}`;
}

function heads(what: string): [string, string?][] {
  return [[what], ['before', 'n p2'], ['after', 'n'], ['change', 'n']];
}

function Figures({ measure }: { measure: Measure }) {
  const signed = (share: number) =>
    `${share > 0 ? '+' : share < 0 ? '−' : ''}${digits(Math.abs(share) * 100, 2)} %`;
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
          ? `${signed(measure.interval[0])} to ${signed(measure.interval[1])}`
          : measure.atLeast !== undefined
            ? `${signed(measure.atLeast)} or more`
            : '–'}
      </td>
    </>
  );
}
