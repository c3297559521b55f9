/** Orders about the cache: forget, and ask for addresses before anybody else does. */
import { useState, type SubmitEvent } from 'react';

import type { GatewayForgotten, GatewayPurge, GatewayWarmed } from '../../api/types';
import { plural } from '../../lib/format';
import { Confirm } from '../../ui/Confirm';
import type { Order, Orders } from './orders';
import { forgottenText, purgeOf, urlsOf, warmedText, type Way } from './words';

const WAYS: { way: Way; name: string; example?: string }[] = [
  { way: 'url', name: 'the address', example: 'http://shop.example/items/1' },
  { way: 'prefix', name: 'what begins with', example: 'http://shop.example/items/' },
  { way: 'tag', name: 'what has the tag', example: 'item-1' },
  { way: 'all', name: 'everything' },
];

export function Forget({ entries, orders }: { entries: number; orders: Orders }) {
  const [way, setWay] = useState<Way>('url');
  const [asked, setAsked] = useState<Order<GatewayForgotten>>();
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const purge = purgeOf(way, textOf(form, 'what'), form.get('soft') !== null);
    if ('wrong' in purge) {
      orders.refuse('cache', { detail: purge.wrong, hint: 'name what is to be forgotten' });
      return;
    }
    const order = forget(purge.order);
    if (way === 'all') setAsked(order);
    else void orders.give(order);
  };
  const example = WAYS.find((known) => known.way === way)?.example;
  return (
    <details className="remark order">
      <summary>Forget answers</summary>
      <form noValidate aria-label="Forget answers" onSubmit={submit}>
        <label>
          <span className="dim">forget</span>
          <select value={way} onChange={(event) => setWay(event.target.value as Way)}>
            {WAYS.map((known) => (
              <option key={known.way} value={known.way}>
                {known.name}
              </option>
            ))}
          </select>
        </label>
        {example !== undefined && (
          <label className="wide">
            <span className="dim">which</span>
            <input
              type="text"
              name="what"
              maxLength={8000}
              placeholder={example}
              autoComplete="off"
              spellCheck={false}
            />
          </label>
        )}
        <label className="check">
          <input type="checkbox" name="soft" /> keep it for where members fail
        </label>
        <button type="submit" className="copy" aria-disabled={orders.busy !== undefined}>
          Forget
        </button>
      </form>
      {asked !== undefined && (
        <Confirm
          title="Forget everything?"
          does="Forget it all"
          answer={(yes) => {
            setAsked(undefined);
            if (yes) void orders.give(asked);
          }}
        >
          <p>
            {plural(entries, 'answer')} in memory, and all on disk, are computed again by members as
            they are asked for. That cannot be undone.
          </p>
        </Confirm>
      )}
    </details>
  );
}

function forget(body: GatewayPurge): Order<GatewayForgotten> {
  return { of: 'cache', path: 'purge', body, words: forgottenText };
}

export function Warm({ orders }: { orders: Orders }) {
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const listed = urlsOf(textOf(new FormData(event.currentTarget), 'urls'));
    if ('wrong' in listed) {
      const hint = 'write one address a line, with its host; paths may follow it';
      orders.refuse('cache', { detail: listed.wrong, hint });
      return;
    }
    const words = (done: GatewayWarmed) => warmedText(done);
    void orders.give({ of: 'cache', path: 'warm', body: listed, words });
  };
  return (
    <details className="remark order">
      <summary>Ask for addresses, so that their answers are kept</summary>
      <form noValidate aria-label="Ask for addresses" onSubmit={submit}>
        <label className="wide">
          <span className="dim">one a line, at most 1,000; they are asked for four at a time</span>
          <textarea
            name="urls"
            rows={4}
            spellCheck={false}
            placeholder={'http://shop.example/items/\n/items/1'}
          />
        </label>
        <button type="submit" className="copy" aria-disabled={orders.busy !== undefined}>
          Ask for them
        </button>
      </form>
    </details>
  );
}

function textOf(form: FormData, name: string): string {
  const text = form.get(name);
  return typeof text === 'string' ? text : '';
}
