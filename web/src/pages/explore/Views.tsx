/** Saved views: questions with a name, for everyone who looks here. */
import { useState, type SubmitEvent } from 'react';

import { path, post, remove, useApi, type Answer } from '../../api/use';
import type { Problem, Views as ViewsAnswer } from '../../api/types';
import { sentence } from '../../lib/format';
import { to } from '../../lib/route';
import { Confirm } from '../../ui/Confirm';
import { Link } from '../../ui/Link';

/** What of the address is part of a view: the question, not the moment at which it was asked. */
const MOMENTS = ['from', 'to', 'tz'];

export function Views() {
  const { data, problem: unread } = useApi<ViewsAnswer>(path('views'), false);
  // What saving and removing answered is newer than what was asked for first.
  const [changed, setChanged] = useState<ViewsAnswer>();
  const [refused, setRefused] = useState<Problem>();
  const [leaving, setLeaving] = useState<string>();
  const done = (answer: Answer<ViewsAnswer>) => {
    setRefused(answer.problem);
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
  const known = (changed ?? data)?.views;
  const views = known ?? [];
  const problem = refused ?? (known === undefined ? unread : undefined);
  return (
    <details className="views">
      <summary>Saved views{views.length > 0 && ` (${views.length})`}</summary>
      {known?.length === 0 && (
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
              onClick={() => setLeaving(view.name)}
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
      {leaving !== undefined && (
        <Confirm
          title={`Remove the view ${leaving}?`}
          does="Remove it"
          answer={(yes) => {
            setLeaving(undefined);
            if (yes)
              void remove<ViewsAnswer>(path(`views/${encodeURIComponent(leaving)}`)).then(done);
          }}
        >
          <p>It is everyone’s: it goes for all who look here. That cannot be undone.</p>
        </Confirm>
      )}
      {problem !== undefined && (
        <p className="broken" role="alert">
          {sentence(problem.detail)} {sentence(problem.hint)}
        </p>
      )}
    </details>
  );
}
