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
    const why = gateway.not_ready.join('; ');
    return { title: why === '' ? 'It is not ready' : `It is not ready: ${why}`, level: 'broken' };
  }
  const drained = gateway.services.find((service) => !service.members.some(takesRequests));
  if (drained !== undefined) {
    return {
      title: `Nobody takes requests of \`${drained.name}\`: put a member back`,
      level: 'broken',
    };
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

/** Whether the gateway is to send it any, well or not. */
export function takesRequests(member: { drained: boolean; weight: number }): boolean {
  return !member.drained && member.weight > 0;
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
