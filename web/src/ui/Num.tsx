/** A figure with its unit small and grey beside it. */
import { duration, days, digits, hoursPerDay, percent, rate, type Figure } from '../lib/format';

export function Num({ of, title }: { of: Figure; title?: string }) {
  return (
    <span className="num" title={title}>
      {of.value}
      {of.unit !== '' && <small>{`\u2009${of.unit}`}</small>}
    </span>
  );
}

export function Duration({ micros, title }: { micros: number; title?: string }) {
  return <Num of={duration(micros)} {...(title === undefined ? {} : { title })} />;
}

export function Hours({ hours }: { hours: number }) {
  return <Num of={hoursPerDay(hours)} title={`${digits(hours, 4)} hours a day`} />;
}

export function Percent({ share }: { share: number }) {
  return <Num of={percent(share)} />;
}

export function Rate({ perSecond }: { perSecond: number }) {
  return <Num of={rate(perSecond)} />;
}

export function Days({ count }: { count: number }) {
  return <Num of={days(count)} title={`${digits(count)} person-days`} />;
}

/** Now and after: `384 → 3 q`. */
export function Change({ now, after }: { now: Figure; after: Figure }) {
  const same = now.unit === after.unit;
  return (
    <span className="num">
      {now.value}
      {!same && now.unit !== '' && <small>{`\u2009${now.unit}`}</small>}
      <span className="arrow" aria-label="to">
        {' → '}
      </span>
      {after.value}
      {after.unit !== '' && <small>{`\u2009${after.unit}`}</small>}
    </span>
  );
}
