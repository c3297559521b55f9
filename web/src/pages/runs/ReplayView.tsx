/** A replay: what the new version answers differently, by endpoint and place, with an example each. */
import { grouped, plural } from '../../lib/format';
import { byEndpoint, type Group, type Replay } from '../../lib/proof';
import { Breaks } from '../../ui/Breaks';

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
          {plural(replay.played, 'request')} played, {plural(replay.compared, 'answer')} compared,{' '}
          {grouped(replay.identical)} byte for byte the same
        </p>
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
            <Breaks text={endpoint} />
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
    </>
  );
}

function claim(replay: Replay): string {
  if (replay.compared === 0) return 'Nothing could be compared';
  if (replay.different === 0) return `All ${grouped(replay.compared)} answers are the same`;
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
