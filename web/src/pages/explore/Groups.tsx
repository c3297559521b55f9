/** Groups and their figures; a click narrows the question to one of them. */
import { path } from '../../api/use';
import type { TableAnswer, TableRow } from '../../api/types';
import { askOf, csv, DEFAULTS, figure, figureText, within } from '../../lib/question';
import { openRow, setParams, to } from '../../lib/route';
import { Breaks } from '../../ui/Breaks';
import { Link } from '../../ui/Link';
import { Num } from '../../ui/Num';
import { Spark } from '../../ui/Spark';
import { series } from './Chart';
import { download } from './download';
import type { Question } from './ExplorePage';

export function Groups({ answer, question }: { answer: TableAnswer; question: Question }) {
  const order = question.order || (answer.columns[0]?.name ?? '');
  return (
    <>
      <p className="downloads">
        <a
          className="copy"
          href={path('ask.parquet', askOf(question))}
          download="taut-groups.parquet"
          title="These groups, with a row for each step of time"
        >
          Download Parquet
        </a>
        <button
          type="button"
          className="copy"
          onClick={() => download(answer.of, csv(answer), answer.window.to_unix_ms)}
        >
          Download CSV
        </button>
      </p>
      <table className="rows groups-asked">
        <thead>
          <tr>
            <th scope="col">{answer.group.join(', ') || 'all'}</th>
            {answer.columns.map((column, place) => (
              <th
                key={column.name}
                scope="col"
                className={`n ${priority(place)}`}
                aria-sort={column.name === order ? 'descending' : undefined}
              >
                <button
                  type="button"
                  className="link"
                  title="Rank by it"
                  onClick={() => setParams({ order: place === 0 ? '' : column.name })}
                >
                  {column.name.replace('(duration)', '')}
                  {column.name === order && <span aria-hidden="true"> ↓</span>}
                </button>
              </th>
            ))}
            <th scope="col" className="p3">
              {order.replace('(duration)', '')} over time
            </th>
          </tr>
        </thead>
        <tbody>
          {answer.rows.map((row) => (
            <Row key={JSON.stringify(row.key)} row={row} answer={answer} question={question} />
          ))}
        </tbody>
      </table>
    </>
  );
}

/** The first two figures stay on a phone. */
function priority(place: number): string {
  return place < 1 ? '' : place < 2 ? 'p2' : place < 4 ? 'p3' : 'p4';
}

interface RowProps {
  row: TableRow;
  answer: TableAnswer;
  question: Question;
}

function Row({ row, answer, question }: RowProps) {
  const { of, group, show, order } = question;
  const narrowed = within(question.where, answer.group, row.key);
  // The rest of the question stays: it is one tab away.
  const href = to('/explore', {
    of: of === 'spans' ? '' : of,
    where: narrowed,
    group: group === DEFAULTS[of].group ? '' : group,
    show: show === DEFAULTS[of].show ? '' : show,
    order,
    tab: of === 'metrics' ? '' : 'rows',
  });
  const name = row.key.map((value) => value ?? '–').join(' · ') || 'all of them';
  const place = Math.max(
    0,
    answer.columns.findIndex((column) => column.name === order),
  );
  const unit = answer.columns[place]?.unit ?? 'none';
  return (
    <tr onClick={(event) => openRow(event.target, href)}>
      <td className="what">
        <Link to={href} data-row>
          <span className="op">
            <Breaks text={name} />
          </span>
        </Link>
      </td>
      {row.figures.map((value, column) => (
        <td
          key={answer.columns[column]?.name}
          className={`n ${priority(column)} ${column === place ? 'strong' : ''}`}
        >
          <Num of={figure(value, answer.columns[column]?.unit ?? 'none')} />
        </td>
      ))}
      <td className="p3">
        <Spark
          values={series(answer, row, place)}
          label={`${answer.columns[place]?.name ?? ''} of ${name}, ${figureText(row.figures[place], unit)} in all`}
          text={(value) => figureText(value, unit)}
        />
      </td>
    </tr>
  );
}
