/** What an answer rests on. */
import type { ComparisonAnswer, Coverage } from '../api/types';
import { clock, grouped, plural } from '../lib/format';

export function CoverageNote({ coverage }: { coverage: Coverage }) {
  return (
    <>
      {plural(coverage.rows_read, 'row was', 'rows were')} read for it.
      {coverage.reached != null && (
        <strong className="over">
          {' '}
          {coverage.reached === 'time'
            ? 'Ten seconds were not enough for all of them'
            : 'There are more than are looked at'}
          : the oldest are missing. Choose a shorter window.
        </strong>
      )}
      {coverage.held_since_unix_ms != null && (
        <> What was received before {clock(coverage.held_since_unix_ms)} is not held any more.</>
      )}
      {coverage.estimate === true && (
        <> They are a fair sample: these figures are estimates, right on average.</>
      )}
      {coverage.damaged.length > 0 && (
        <strong className="broken">
          {' '}
          {plural(coverage.damaged.length, 'file')} damaged, so that rows are missing:{' '}
          {coverage.damaged.join(', ')}.
        </strong>
      )}
      {coverage.elsewhere != null && (
        <strong className="broken">
          {' '}
          What is kept in ClickHouse is missing: {coverage.elsewhere}.
        </strong>
      )}
    </>
  );
}

/** Of how many rows values were counted, where that is a sample. */
export function SampleNote({ answer }: { answer: ComparisonAnswer }) {
  const isAll =
    answer.selected <= answer.selected_counted && answer.others <= answer.others_counted;
  if (isAll) return null;
  return (
    <>
      {' '}
      Shares are those of {grouped(answer.selected_counted)} of {grouped(answer.selected)} selected
      and of {grouped(answer.others_counted)} of {grouped(answer.others)} others.
    </>
  );
}
