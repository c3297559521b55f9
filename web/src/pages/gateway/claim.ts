/** What the Gateway page says at its top. */
import type { Gateway, GatewayRouteCache } from '../../api/types';
import { digits, plural } from '../../lib/format';

export interface Claim {
  title: string;
  level: '' | 'over' | 'broken';
}

/** What is wrong comes first: a member, a breaker, a version that was taken back. */
export function claimOf(gateway: Gateway): Claim {
  const rate = `${digits(gateway.requests_per_second)} requests a second`;
  if (gateway.state === 'stopping') return { title: 'It is being stopped', level: 'over' };
  const members = gateway.services.flatMap((service) => service.members);
  const away = members.filter((member) => !member.drained && isAway(member));
  if (gateway.state === 'down') {
    const nobody = gateway.services.find((service) => service.members.every(isAway));
    const title =
      nobody === undefined
        ? 'It is not ready: memory is low, or a Redis that limits need is away'
        : `${nobody.name} has nobody who can answer`;
    return { title, level: 'broken' };
  }
  const open = gateway.services.find((service) =>
    service.threads.some((thread) => thread.breaker === 'open'),
  );
  if (open !== undefined) {
    return { title: `${open.name} fails, and is left alone for a while`, level: 'broken' };
  }
  if (away.length > 0) {
    const of = `${away.length} of ${plural(members.length, 'member')}`;
    return { title: `${of} cannot answer; the others do, ${rate}`, level: 'over' };
  }
  const reverted = gateway.canaries.find((canary) => canary.stage === 'reverted');
  if (reverted !== undefined) {
    return {
      title: `${reverted.new.service} was taken back from ${reverted.route}`,
      level: 'over',
    };
  }
  return { title: `It answers ${rate}`, level: '' };
}

export function isAway(member: { healthy: boolean; left_alone: boolean }): boolean {
  return !member.healthy || member.left_alone;
}

/** Requests that no member was asked for, and all that could have been. */
export function answeredByCache(cache: GatewayRouteCache): { without: number; all: number } {
  const without =
    cache.hit + cache.disk + cache.stale + cache.coalesced + cache.shared + cache.revalidated;
  return { without, all: without + cache.miss + cache.bypass + cache.failed };
}
