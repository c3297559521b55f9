/** Saved views: questions with a name, for everyone who looks here. */
import { useState, type SubmitEvent } from 'react';

import { path, post, remove, useApi, type Answer } from '../../api/use';
import type { Problem, Views as ViewsAnswer } from '../../api/types';
import { sentence } from '../../lib/format';
import { to } from '../../lib/route';
import { NotTold } from '../../ui/Empty';
import { Link } from '../../ui/Link';

/** What of the address is part of a view: the question, not the moment at which it was asked. */
const MOMENTS = ['from', 'to', 'tz'];

export function Views() {
  const { data, problem: unread } = useApi<ViewsAnswer>(path('views'), false);
  // What saving and removing answered is newer than what was asked for first.
  const [changed, setChanged] = useState<ViewsAnswer>();
  const [problem, setProblem] = useState<Problem>();
  const done = (answer: Answer<ViewsAnswer>) => {
    setProblem(answer.problem);
    if (answer.data !== undefined) setChanged(answer.data);
  };
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const name = new FormData(form).get('name');
    if (typeof name !== 'string' || name.trim() === '') return;
    const query = new URLSearchParams(location.search);
    MOMENTS.forEach((moment) => query.delete(moment));
    void post<ViewsAnswer>(path('views'), { name: name.trim(), query: query.toString() }).then(
      (answer) => {
        done(answer);
        if (answer.problem === undefined) form.reset();
      },
    );
  };
  const known = changed ?? data;
  const views = known?.views ?? [];
  return (
    <details className="views">
      <summary>Saved views{views.length > 0 && ` (${views.length})`}</summary>
      {known === undefined && (
        <NotTold what="Which views are saved is not known" problem={unread} />
      )}
      {known !== undefined && views.length === 0 && (
        <p className="dim">Ask something, give it a name, and it stands here for everyone.</p>
      )}
      <ul>
        {views.map((view) => (
          <li key={view.name}>
            <Link to={to('/explore', Object.fromEntries(new URLSearchParams(view.query)))} data-row>
              {view.name}
            </Link>{' '}
            <button
              type="button"
              className="copy"
              aria-label={`Remove ${view.name}`}
              onClick={() =>
                void remove<ViewsAnswer>(path(`views/${encodeURIComponent(view.name)}`)).then(done)
              }
            >
              remove
            </button>
          </li>
        ))}
      </ul>
      <form onSubmit={submit}>
        <label>
          <span className="hidden">Name of the view</span>
          <input type="text" name="name" required maxLength={100} placeholder="name of this view" />
        </label>
        <button type="submit" className="copy">
          Save this view
        </button>
      </form>
      {problem !== undefined && (
        <p className="broken" role="alert">
          {sentence(problem.detail)} {sentence(problem.hint)}
        </p>
      )}
    </details>
  );
}
