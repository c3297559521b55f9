/** Paste a plan from anywhere: read, drawn, and told what is wrong with it. */
import { useState } from 'react';

import { to } from '../../lib/route';
import { Link } from '../../ui/Link';
import { PlanView } from '../../ui/PlanView';

const EXAMPLE = `Limit  (cost=83334.19..83336.53 rows=20 width=48) (actual time=412.113..412.402 rows=20 loops=1)
  ->  Gather Merge  (cost=83334.19..180563.28 rows=833334 width=48) (actual time=412.111..412.397 rows=20 loops=1)
        Workers Planned: 2
        Workers Launched: 2
        ->  Sort  (cost=82334.17..83375.84 rows=416667 width=48) (actual time=401.920..401.922 rows=16 loops=3)
              Sort Key: created_at DESC
              Sort Method: top-N heapsort  Memory: 27kB
              ->  Parallel Seq Scan on orders  (cost=0.00..71246.67 rows=416667 width=48) (actual time=0.031..311.445 rows=333333 loops=3)
                    Filter: (status = 1)
                    Rows Removed by Filter: 3000000
Planning Time: 0.212 ms
Execution Time: 412.451 ms`;

export function PlanPage() {
  const [text, setText] = useState('');
  return (
    <>
      <div className="claim">
        <h1>Read a plan</h1>
        <p>
          What <code>EXPLAIN</code> printed, in any format, of PostgreSQL 13 to 18: text, JSON, YAML
          or XML, with the frames of psql or out of a log. It stays on this machine. On the command
          line: <code>taut plan FILE</code>.
        </p>
      </div>
      <label className="paste">
        <span className="hidden">A plan</span>
        <textarea
          value={text}
          onChange={(event) => setText(event.target.value)}
          placeholder={'EXPLAIN (ANALYZE, BUFFERS) SELECT …'}
          rows={text === '' ? 12 : 6}
          spellCheck={false}
          autoFocus
        />
      </label>
      {text === '' ? (
        <p className="dim">
          None at hand?{' '}
          <button type="button" className="as-link" onClick={() => setText(EXAMPLE)}>
            Try an example
          </button>
          , or take one from a statement of a{' '}
          <Link to={to('/database')}>database that is watched</Link>.
        </p>
      ) : (
        <PlanView text={text} />
      )}
    </>
  );
}
