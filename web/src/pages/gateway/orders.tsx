/** Orders to the gateway: one at a time, and what became of the last one. */
import { useRef, useState } from 'react';

import { path, post } from '../../api/use';
import type { Problem } from '../../api/types';
import { sentence } from '../../lib/format';
import { Told } from '../../ui/Empty';

/** Where on the page it was given, and is told of. */
export type Part = 'members' | 'cache' | 'canaries';

export interface Order<T> {
  of: Part;
  /** What comes after `/api/v1/gateway/`. */
  path: string;
  body: object;
  /** What is told once it is done. */
  words: (done: T) => string;
}

type Trouble = Pick<Problem, 'detail' | 'hint'>;

interface Outcome {
  of: Part;
  words?: string;
  problem?: Trouble;
}

export interface Orders {
  /** Where one was given that is not done yet. */
  busy: Part | undefined;
  outcome: Outcome | undefined;
  /** Whether it was carried out. */
  give: <T>(order: Order<T>) => Promise<boolean>;
  /** Says why something is not even ordered. */
  refuse: (of: Part, problem: Trouble) => void;
}

/** `after` is called after each order, done or not: what is shown is what the gateway says. */
export function useOrders(after: () => void): Orders {
  const [busy, setBusy] = useState<Part>();
  const [outcome, setOutcome] = useState<Outcome>();
  // A second click may come before the page is drawn again.
  const isUnderWay = useRef(false);
  const give = async <T,>({ of, path: to, body, words }: Order<T>) => {
    if (isUnderWay.current) return false;
    isUnderWay.current = true;
    setBusy(of);
    setOutcome(undefined);
    const { data, problem } = await post<T>(path(`gateway/${to}`), body);
    isUnderWay.current = false;
    setBusy(undefined);
    if (problem !== undefined) setOutcome({ of, problem });
    else if (data !== undefined) setOutcome({ of, words: words(data) });
    after();
    return problem === undefined;
  };
  const refuse = (of: Part, problem: Trouble) => setOutcome({ of, problem });
  return { busy, outcome, give, refuse };
}

/** What became of the last order of a part of the page. */
export function Said({ orders: { busy, outcome }, of }: { orders: Orders; of: Part }) {
  const here = outcome?.of === of ? outcome : undefined;
  return (
    <div className="said">
      <p role="status">{busy === of ? 'One moment …' : here?.words}</p>
      {here?.problem !== undefined && (
        <p className="broken" role="alert">
          <Told text={`${sentence(here.problem.detail)} ${sentence(here.problem.hint)}`} />
        </p>
      )}
    </div>
  );
}
