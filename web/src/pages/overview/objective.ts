/** Why a service meets its objective or misses it: which of its parts, and by how much. */
import type { ServiceSigns, Targets } from '../../api/types';
import { durationText, percent } from '../../lib/format';

/** Share of the requests that are meant to take no longer than the p95 that is aimed at. */
const QUICK = 0.95;

type Signed = Pick<ServiceSigns, 'objective' | 'now' | 'within_target'>;

/** In a few words: what is missed, or how much is within the target. */
export function reason(one: Signed, targets: Targets): string {
  const { duration, error_share: errors } = one.now;
  if (one.objective === 'failing') return `${apart(errors, targets.error_share)} fail`;
  if (one.objective === 'slow') {
    return duration.p95_micros > targets.p95_micros
      ? `p95 ${above(duration.p95_micros, targets.p95_micros)}`
      : `p99 ${above(duration.p99_micros, targets.p99_micros)}`;
  }
  return `${apart(within(one, targets), QUICK)} within`;
}

/** Every part of it, beside what is aimed at. */
export function reasons(one: Signed, targets: Targets): string {
  const { duration, error_share: errors } = one.now;
  return [
    `${apart(within(one, targets), QUICK)} of its requests take no longer than ${durationText(targets.p95_micros)}; ${text(QUICK)} are meant to.`,
    `Its p99 is ${durationText(duration.p99_micros)}; ${durationText(targets.p99_micros)} is aimed at.`,
    `${apart(errors, targets.error_share)} of its requests fail; ${text(targets.error_share)} may.`,
  ].join(' ');
}

/** Counted by classes of durations, of which one may lie across the target; the p95 says on which side the share is. */
function within({ now, within_target: share }: Signed, targets: Targets): number {
  return now.duration.p95_micros > targets.p95_micros
    ? Math.min(share, QUICK)
    : Math.max(share, QUICK);
}

function above(micros: number, target: number): string {
  const [now, aimed] = [durationText(micros), durationText(target)];
  return now === aimed ? `just over ${aimed}` : `${now} > ${aimed}`;
}

/** A share in so many digits that it is told from what it is held against. */
function apart(share: number, bound: number): string {
  if (share === bound || text(share) !== text(bound)) return text(share);
  for (let places = 1; places <= 4; places += 1) {
    const [told, other] = [share, bound].map((value) => (value * 100).toFixed(places));
    if (told !== undefined && told !== other) return `${told}\u2009%`;
  }
  return text(share);
}

function text(share: number): string {
  const { value, unit } = percent(share);
  return `${value}\u2009${unit}`;
}
