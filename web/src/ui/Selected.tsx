/** What is special about what lies in a box of a heatmap: attributes that they have more often than the rest, and their traces. */
import { path, useApi } from '../api/use';
import type { ComparisonAnswer, SpanList } from '../api/types';
import { within, type Box } from '../lib/box';
import { clock, durationText, plural, stretch } from '../lib/format';
import { is, joined } from '../lib/question';
import { setParams, to } from '../lib/route';
import { NotTold, Problem, Waiting } from './Empty';
import { Heads } from './Heads';
import { Link } from './Link';
import { Duration, Percent } from './Num';
import { CoverageNote, SampleNote } from './CoverageNote';

const FIELDS_SHOWN = 6;
const TRACES_SHOWN = 5;

interface Props {
  /** The filter that all pass, in the box or not. */
  where: string;
  /** What one of them is called. */
  what: string;
  box: Box;
  window: { from_unix_ms: number; to_unix_ms: number };
}

export function Selected({ where, what, box, window }: Props) {
  const [from, until] = [String(Math.floor(box.from)), String(Math.ceil(box.to))];
  const compared = useApi<ComparisonAnswer>(
    path('compare', {
      from: String(window.from_unix_ms),
      to: String(window.to_unix_ms),
      where,
      selection: within(box),
      selected_from: from,
      selected_to: until,
    }),
    false,
  );
  const spans = useApi<SpanList>(
    path('spans', {
      from,
      to: until,
      where: joined(where, within(box)),
      limit: String(TRACES_SHOWN),
    }),
    false,
  );
  return (
    <aside
      className={compared.stale && compared.data !== undefined ? 'selected stale' : 'selected'}
      aria-label="In the box"
      aria-live="polite"
    >
      <p>
        {durationText(box.low)} to {durationText(box.high)}, {stretch(box.from, box.to)}{' '}
        <button type="button" className="copy" onClick={() => setParams({ box: '' })}>
          Take the box away
        </button>
      </p>
      {compared.problem !== undefined ? (
        <Problem part problem={compared.problem} />
      ) : compared.data === undefined ? (
        <Waiting />
      ) : (
        <Special answer={compared.data} where={where} what={what} box={box} />
      )}
      <NotTold what="Their traces are not known" problem={spans.problem} />
      {spans.data !== undefined && spans.data.spans.length > 0 && <Traces list={spans.data} />}
    </aside>
  );
}

interface SpecialProps {
  answer: ComparisonAnswer;
  where: string;
  what: string;
  box: Box;
}

function Special({ answer, where, what, box }: SpecialProps) {
  if (answer.selected === 0) return <NoneSelected answer={answer} what={what} />;
  const isAbout = answer.coverage.estimate === true;
  const telling = answer.fields
    .map((field) => ({ field: field.field, value: field.values[0] }))
    .filter(({ field, value }) => value !== undefined && field !== 'duration')
    .filter(({ value }) => value && value.selected_share > value.others_share)
    .slice(0, FIELDS_SHOWN);
  return (
    <>
      <h3>
        {plural(answer.selected, what)}, against {isAbout && 'about '}
        {plural(answer.others, 'other')}
      </h3>
      <p className="dim">
        <CoverageNote coverage={answer.coverage} />
        <SampleNote answer={answer} />
      </p>
      {telling.length === 0 ? (
        <p>
          {answer.others === 0
            ? `Every ${what} lies in the box: draw a smaller one.`
            : 'They have nothing more often than the rest: look at their traces.'}
        </p>
      ) : (
        <table className="rows special">
          <Heads columns={[['over-represented'], ['in the box', 'n'], ['others', 'n']]} />
          <tbody>
            {telling.map(({ field, value }) => (
              <tr key={field}>
                <td>
                  <Link
                    to={to('/explore', {
                      from: String(Math.floor(box.from)),
                      to: String(Math.ceil(box.to)),
                      where: joined(where, is(field, value?.value)),
                    })}
                  >
                    <span className="dim">{field}</span>{' '}
                    {value?.value ?? <span className="dim">has none</span>}
                  </Link>
                  <span className="both" aria-hidden="true">
                    <span
                      className="selected-share"
                      style={{ width: `${(value?.selected_share ?? 0) * 100}%` }}
                    />
                    <span style={{ width: `${(value?.others_share ?? 0) * 100}%` }} />
                  </span>
                </td>
                <td className="n strong">
                  <Percent share={value?.selected_share ?? 0} />
                </td>
                <td className="n">
                  <Percent share={value?.others_share ?? 0} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

/** Where not all was looked at, there may be some. */
function NoneSelected({ answer, what }: { answer: ComparisonAnswer; what: string }) {
  const { coverage } = answer;
  const isWhole =
    coverage.reached == null && coverage.elsewhere == null && coverage.damaged.length === 0;
  if (isWhole) return <p>No {what} lies in the box. Draw a larger one.</p>;
  return (
    <p>
      No {what} that was looked at lies in the box. <CoverageNote coverage={coverage} />
    </p>
  );
}

function Traces({ list }: { list: SpanList }) {
  return (
    <>
      <h3>Their slowest traces</h3>
      <ul className="examples">
        {list.spans.map((span) => (
          <li key={span.trace_id + span.span_id}>
            <Link to={to(`/traces/${span.trace_id}`, { span: span.span_id })} data-row>
              <Duration micros={span.duration_micros} />
              <span className="dim">{clock(span.start_unix_ms)}</span>
              {span.failed ? (
                <span className="broken">failed</span>
              ) : (
                <code className="dim">{span.trace_id.slice(0, 8)}</code>
              )}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
