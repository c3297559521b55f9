/** The question: what, which rows, grouped by what, which figures. Enter asks it. */
import { useState } from 'react';

import { path, useApi } from '../../api/use';
import type { Fields } from '../../api/types';
import { DEFAULTS, EXAMPLES } from '../../lib/question';
import { setParams } from '../../lib/route';
import { NotTold } from '../../ui/Empty';
import type { Question } from './ExplorePage';
import { OfWhat } from './OfWhat';

const FIGURES = [
  'count',
  'rate',
  'errors',
  'error_rate',
  'p50',
  'p95',
  'p99',
  'avg(duration)',
  'max(duration)',
  'sum(duration)',
];

export function Form({ question }: { question: Question }) {
  const { of, range } = question;
  const { data: fields, problem } = useApi<Fields>(path('fields', { of, ...range }), false);
  return (
    <>
      <form
        className="question"
        role="search"
        aria-label="Question"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const text = (name: string) => {
            const value = form.get(name);
            return typeof value === 'string' ? value.trim() : '';
          };
          const changed = (name: 'group' | 'show') =>
            text(name) === DEFAULTS[of][name] ? '' : text(name);
          setParams(
            { where: text('where'), group: changed('group'), show: changed('show') },
            'push',
          );
        }}
      >
        <OfWhat of={of} />
        <TextField
          name="where"
          label="where"
          value={question.where}
          placeholder='service.name = "shop" and duration > 200ms'
          wide
        />
        <TextField name="group" label="grouped by" value={question.group} list="fields" />
        <TextField name="show" label="show" value={question.show} list="figures" />
        <button type="submit">Ask</button>
        <datalist id="fields">
          {fields?.fields.map((field) => (
            <option key={field} value={field} />
          ))}
        </datalist>
        <datalist id="figures">
          {FIGURES.map((figure) => (
            <option key={figure} value={figure} />
          ))}
        </datalist>
      </form>
      <p className="examples dim">
        Such as{' '}
        {EXAMPLES[of].map(({ words, filter }, place) => (
          <span key={filter}>
            {place > 0 && ', '}
            <button type="button" className="link" onClick={() => setParams({ where: filter })}>
              {words}
            </button>
          </span>
        ))}
        .{' '}
        {fields !== undefined && (
          <details>
            <summary>Fields</summary>
            <code>{fields.fields.join(' ')}</code>
          </details>
        )}
      </p>
      <NotTold what="Which fields there are is not known" problem={problem} />
    </>
  );
}

interface FieldProps {
  name: string;
  label: string;
  value: string;
  placeholder?: string;
  list?: string;
  wide?: boolean;
}

/** A text that is asked with once it is sent; until then it is one's own. */
function TextField({ name, label, value, placeholder, list, wide }: FieldProps) {
  const [text, setText] = useState(value);
  const [asked, setAsked] = useState(value);
  // The address may change without us: an example, a group, the way back.
  if (asked !== value) {
    setAsked(value);
    setText(value);
  }
  return (
    <label className={wide === true ? 'wide' : ''}>
      <span>{label}</span>
      <input
        type="text"
        name={name}
        value={text}
        onChange={(event) => setText(event.target.value)}
        maxLength={4000}
        spellCheck={false}
        autoComplete="off"
        {...(placeholder === undefined ? {} : { placeholder })}
        {...(list === undefined ? {} : { list })}
      />
    </label>
  );
}
