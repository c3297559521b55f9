/** What a selection has more often than the rest: by which attributes the slow ones differ. */
import { path, useApi } from '../../api/use';
import type { ComparisonAnswer } from '../../api/types';
import { plural } from '../../lib/format';
import { is, joined } from '../../lib/question';
import { setParams, useQuery } from '../../lib/route';
import { CoverageNote, SampleNote } from '../../ui/CoverageNote';
import { Fresh, Problem, Waiting } from '../../ui/Empty';
import { Heads } from '../../ui/Heads';
import { Percent } from '../../ui/Num';
import type { Question } from './ExplorePage';
import { Nothing } from './Notes';

const SELECTIONS = { spans: 'duration > 500ms', logs: 'severity in (error, fatal)', metrics: '' };

export function Compared({ question }: { question: Question }) {
  const { of, range, where } = question;
  const selection = useQuery().get('selection') ?? SELECTIONS[of];
  const { data, problem, stale } = useApi<ComparisonAnswer>(
    path('compare', { of, ...range, where, selection }),
    false,
  );
  return (
    <>
      <form
        key={selection}
        className="question"
        aria-label="Selection"
        onSubmit={(event) => {
          event.preventDefault();
          const text = new FormData(event.currentTarget).get('selection');
          if (typeof text === 'string') setParams({ selection: text.trim() }, 'push');
        }}
      >
        <label className="wide">
          <span>those with</span>
          <input type="text" name="selection" defaultValue={selection} spellCheck={false} />
        </label>
        <button type="submit">Compare with the others</button>
      </form>
      {problem !== undefined ? (
        <Problem part problem={problem} />
      ) : data === undefined ? (
        <Waiting />
      ) : (
        <Fresh stale={stale}>
          <Differences answer={data} question={question} />
        </Fresh>
      )}
    </>
  );
}

function Differences({ answer, question }: { answer: ComparisonAnswer; question: Question }) {
  const all = answer.selected + answer.others;
  if (all === 0) return <Nothing question={question} />;
  if (answer.selected === 0 || answer.others === 0) {
    return (
      <p className="nothing">
        {answer.selected === 0 ? 'None' : 'All'} of {plural(all, 'row')}{' '}
        {answer.selected === 0 ? 'is' : 'are'} like that, so there is nothing to compare. Choose
        another bound.
      </p>
    );
  }
  return (
    <>
      <p>
        {plural(answer.selected, 'row')} selected, compared with {plural(answer.others, 'other')}.
        <SampleNote answer={answer} />
      </p>
      <table className="rows compared">
        <Heads
          columns={[
            ['field and value'],
            ['of the selection', 'n'],
            ['of the others', 'n'],
            ['both', 'p2 shares'],
          ]}
        />
        <tbody>
          {answer.fields.map((field) =>
            field.values.slice(0, 3).map((value, place) => (
              <tr key={`${field.field} ${value.value ?? ''} ${place}`}>
                <td className="what">
                  {place === 0 && <span className="op">{field.field} </span>}
                  <button
                    type="button"
                    className="link"
                    title="Ask about these alone"
                    onClick={() =>
                      setParams({
                        where: joined(question.where, is(field.field, value.value)),
                        tab: '',
                      })
                    }
                  >
                    {value.value ?? <span className="dim">has none</span>}
                  </button>
                </td>
                <td className="n strong">
                  <Percent share={value.selected_share} />
                </td>
                <td className="n">
                  <Percent share={value.others_share} />
                </td>
                <td className="p2" aria-hidden="true">
                  <span className="meter">
                    <span
                      className="selected"
                      style={{ width: `${value.selected_share * 100}%` }}
                    />
                  </span>
                  <span className="meter">
                    <span style={{ width: `${value.others_share * 100}%` }} />
                  </span>
                </td>
              </tr>
            )),
          )}
        </tbody>
      </table>
      <p className="dim">
        <CoverageNote coverage={answer.coverage} />
      </p>
    </>
  );
}
