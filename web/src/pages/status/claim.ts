/** What the Status page says at its top, and when it warns. */
import type { Status, StoreUsage } from '../../api/types';
import { bytes, plural } from '../../lib/format';

export interface Claim {
  title: string;
  /** `broken` where something is gone, `over` where senders have to try again. */
  level: '' | 'over' | 'broken';
}

/** Less than this, and a busy hour fills the disk. */
const FREE_BYTES_MIN = 1e9;

export function claimOf(
  status: Pick<Status, 'lately' | 'since_start' | 'losses' | 'lately_minutes'>,
): Claim {
  const { lately, since_start: all } = status;
  const minutes = `in the last ${status.lately_minutes} minutes`;
  const latelyGone = status.losses.find((loss) => loss.gone && loss.lately > 0);
  const latelyRefused = status.losses.find((loss) => !loss.gone && loss.lately > 0);
  if (lately.dropped > 0) {
    return { title: `${plural(lately.dropped, 'span')} were lost ${minutes}`, level: 'broken' };
  }
  if (latelyGone !== undefined) {
    return { title: `Something was lost ${minutes}`, level: 'broken' };
  }
  if (lately.refused > 0 || latelyRefused !== undefined) {
    return { title: `Senders had to try again ${minutes}`, level: 'over' };
  }
  if (all.received === 0) return { title: 'No spans have come since it started', level: '' };
  if (status.losses.some((loss) => loss.gone)) {
    return { title: 'Everything is kept now; something was lost before', level: '' };
  }
  return { title: 'Every span that came is kept', level: '' };
}

/** A warning while there is little room on the disk. */
export function roomLeft(
  store: Pick<StoreUsage, 'bytes' | 'bytes_max' | 'free_bytes'>,
): string | undefined {
  if (store.free_bytes == null) return undefined;
  const wanted = Math.max(0, store.bytes_max - store.bytes);
  const free = bytes(store.free_bytes);
  if (store.free_bytes < FREE_BYTES_MIN) {
    return `Only ${free.value} ${free.unit} are free. Once the disk is full, new spans are refused. Free some space, or lower store.bytes-max.`;
  }
  if (store.free_bytes < wanted) {
    const more = bytes(wanted);
    return `The store may grow by ${more.value} ${more.unit}, more than the ${free.value} ${free.unit} that are free. Lower store.bytes-max, or free some space.`;
  }
  return undefined;
}
