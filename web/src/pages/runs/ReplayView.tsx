/** A replay: what the new version answers differently, by endpoint and place, with an example each. */
import { durationText, grouped, plural } from '../../lib/format';
import { byEndpoint, type Group, type Replay } from '../../lib/proof';
import { Breaks } from '../../ui/Breaks';
import { Heads } from '../../ui/Heads';

export function ReplayView({ replay }: { replay: Replay }) {
  return (
    <>
      <div className="claim">
        <h1>{claim(replay)}</h1>
        <p>
          <Breaks text={replay.target} /> against{' '}
          <Breaks text={replay.against ?? 'what was recorded'} />
        </p>
        <p className="dim">
          {plural(replay.recorded, 'request')} recorded, {grouped(replay.played)} played
          {replay.seconds > 0 && ` in ${durationText(replay.seconds * 1e6)}`},{' '}
          {plural(replay.compared, 'answer')} compared: {basis(replay)}
        </p>
        {replay.speed !== undefined && (
          <p>
            p95 {replay.speed.verdict}: {replay.speed.reason}
          </p>
        )}
      </div>
      {replay.notes.length > 0 && (
        <ul className="notes" aria-label="What to know about this replay">
          {replay.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {byEndpoint(replay.differences).map(({ endpoint, groups }) => (
        <section key={endpoint}>
          <h2 className="op">
            <Breaks text={endpoint} /> <Compared replay={replay} endpoint={endpoint} />
          </h2>
          <Differences groups={groups} />
        </section>
      ))}
      {replay.noise.length > 0 && (
        <details>
          <summary>
            Noise, left out: {plural(replay.noise.length, 'place')} that differ between two tries of
            the same version
          </summary>
          <Differences groups={replay.noise} withEndpoint />
        </details>
      )}
      <Same replay={replay} />
    </>
  );
}

/** How answers came to be the same, in words; as the terminal has them. */
function basis(replay: Replay): string {
  const parts: [count: number, words: string][] = [
    [replay.equal, 'the same but for space, order of keys, or values made for the answer'],
    [replay.soFar, 'the same as far as they were kept'],
    [replay.noisy, 'different in noise alone'],
    [replay.different, 'different'],
    [replay.unknown, 'not kept, so not compared'],
  ];
  return [
    `${grouped(replay.identical)} byte for byte the same`,
    ...parts.filter(([count]) => count > 0).map(([count, words]) => `${grouped(count)} ${words}`),
  ].join(', ');
}

function Compared({ replay, endpoint }: { replay: Replay; endpoint: string }) {
  const compared = replay.endpoints.find((one) => one.endpoint === endpoint)?.compared;
  if (compared === undefined) return null;
  return <span className="dim">{plural(compared, 'answer')} compared</span>;
}

/** Endpoints without a difference: that they were asked is part of what is shown. */
function Same({ replay }: { replay: Replay }) {
  const different = new Set(replay.differences.map((group) => group.endpoint));
  const same = replay.endpoints.filter((one) => !different.has(one.endpoint));
  if (same.length === 0) return null;
  return (
    <details>
      <summary>Without a difference: {plural(same.length, 'endpoint')}</summary>
      <table className="rows">
        <Heads columns={[['endpoint'], ['answers compared', 'n']]} />
        <tbody>
          {same.map((one) => (
            <tr key={one.endpoint}>
              <td className="what">
                <Breaks text={one.endpoint} />
              </td>
              <td className="n">{grouped(one.compared)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function claim(replay: Replay): string {
  const told = replay.compared - replay.unknown;
  if (told <= 0) return 'Nothing could be compared';
  // Where recordings ended, nobody knows.
  const soFar = replay.soFar > 0 ? ', as far as they were kept' : '';
  if (replay.different === 0)
    return told === 1
      ? `The one answer that was compared is the same${soFar}`
      : `All ${grouped(told)} answers are the same${soFar}`;
  return `${grouped(replay.different)} of ${grouped(replay.compared)} answers differ, in ${plural(replay.differences.length, 'place')}`;
}

function Differences({
  groups,
  withEndpoint = false,
}: {
  groups: Group[];
  withEndpoint?: boolean;
}) {
  return (
    <ul className="differences">
      {groups.map((group) => (
        <li key={`${group.endpoint} ${group.place}`}>
          <p>
            <code>
              <Breaks text={withEndpoint ? `${group.endpoint} ${group.place}` : group.place} />
            </code>{' '}
            <span className="dim">
              {grouped(group.count)} of {plural(group.compared, 'answer')}
              {group.noise > 0 && `, ${grouped(group.noise)} between two tries of the same version`}
            </span>
          </p>
          {group.example !== undefined && (
            <>
              <p className="dim">
                <Breaks text={`${group.example.request} ${group.example.at}`} />
              </p>
              <dl className="old-new">
                <dt>old</dt>
                <dd>
                  <code>
                    <Breaks text={group.example.old || '(nothing)'} />
                  </code>
                </dd>
                <dt>new</dt>
                <dd>
                  <code>
                    <Breaks text={group.example.now || '(nothing)'} />
                  </code>
                </dd>
              </dl>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
