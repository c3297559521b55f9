/** A comparison of two runs: the verdict, what it rests on, each percentile with its interval, each route. */
import { digits, plural } from '../../lib/format';
import type { Measure, Proof } from '../../lib/proof';
import { Breaks } from '../../ui/Breaks';
import { Duration, Percent } from '../../ui/Num';

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
      <table className="rows">
        <thead>
          <Heads what="percentile" />
        </thead>
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
        </tbody>
      </table>
      {proof.routes.length > 1 && (
        <>
          <h2>Routes</h2>
          <table className="rows">
            <thead>
              <Heads what="route" />
            </thead>
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

function Heads({ what }: { what: string }) {
  return (
    <tr>
      <th scope="col">{what}</th>
      <th scope="col" className="n p2">
        before
      </th>
      <th scope="col" className="n">
        after
      </th>
      <th scope="col" className="n">
        change
      </th>
    </tr>
  );
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
        {measure.interval === undefined
          ? '–'
          : `${signed(measure.interval[0])} to ${signed(measure.interval[1])}`}
      </td>
    </>
  );
}
