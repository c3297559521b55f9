/** Who is behind the gateway: how each member is, and its orders. */
import { useState } from 'react';

import type {
  GatewayMember,
  GatewayMemberDone,
  GatewayMemberOrder,
  GatewayService,
} from '../../api/types';
import { grouped } from '../../lib/format';
import { Confirm } from '../../ui/Confirm';
import { Said, type Order, type Orders } from './orders';
import { breakerText, isLast, levelOf, stateOf, weightOf } from './words';

interface MembersProps {
  services: GatewayService[];
  orders: Orders;
}

/** An order that takes the last member away, to be confirmed. */
interface Asked {
  service: string;
  order: Order<GatewayMemberDone>;
}

export function Members({ services, orders }: MembersProps) {
  const [asked, setAsked] = useState<Asked>();
  return (
    <section>
      <h2>Members</h2>
      <p className="dim">Requests and failures since it started.</p>
      <Said orders={orders} of="members" />
      <table className="rows members">
        <thead>
          <tr>
            <th>service</th>
            <th>member</th>
            <th>state</th>
            <th className="n">in flight</th>
            <th className="n p2">requests</th>
            <th className="n">failures</th>
            <th className="p3">breaker</th>
            <th className="orders">weight, orders</th>
          </tr>
        </thead>
        <tbody>
          {services.flatMap((service) =>
            service.members.map((member) => (
              <tr key={`${service.name} ${member.address}`}>
                <Figures service={service} member={member} />
                <OrdersCell service={service} member={member} orders={orders} ask={setAsked} />
              </tr>
            )),
          )}
        </tbody>
      </table>
      {asked !== undefined && (
        <Confirm
          title={`Take the last member of ${asked.service} away?`}
          does="Take it away"
          answer={(yes) => {
            setAsked(undefined);
            if (yes) void orders.give(asked.order);
          }}
        >
          <p>
            Nobody takes requests of {asked.service} then: they are answered with 503 until a member
            is put back.
          </p>
        </Confirm>
      )}
    </section>
  );
}

function Figures({ service, member }: { service: GatewayService; member: GatewayMember }) {
  return (
    <>
      <td title={`balanced by ${service.balance}`}>{service.name}</td>
      <td>
        <code>{member.address}</code>
        {member.zone != null && <span className="dim"> {member.zone}</span>}
        {member.added && (
          <span className="dim" title="By an order: the settings do not name it.">
            {' '}
            added
          </span>
        )}
      </td>
      <td className={levelOf(member)} title={member.trouble ?? ''}>
        {stateOf(member)}
      </td>
      <td
        className={member.waiting > 0 ? 'n broken' : 'n'}
        title={`${grouped(member.waiting)} more wait for a connection`}
      >
        {grouped(member.in_flight)}
      </td>
      <td className="n p2">{grouped(member.requests)}</td>
      <td className="n">{grouped(member.failures)}</td>
      <td className="p3 dim">{breakerText(service)}</td>
    </>
  );
}

interface OrdersCellProps {
  service: GatewayService;
  member: GatewayMember;
  orders: Orders;
  ask: (asked: Asked) => void;
}

function OrdersCell({ service, member, orders, ask }: OrdersCellProps) {
  const [typed, setTyped] = useState<string>();
  const { address, drained } = member;
  /** Gives it, unless it takes the last member away: then it is asked first. */
  const give = async (change: Pick<GatewayMemberOrder, 'order' | 'weight'>) => {
    const whole = { service: service.name, member: address, ...change };
    const takes = change.order === 'drain' || change.weight === 0;
    const force = takes && isLast(service, member);
    const order: Order<GatewayMemberDone> = {
      of: 'members',
      path: 'members',
      body: force ? { ...whole, force } : whole,
      words: (done) => saidOf(change.order, done),
    };
    if (force) ask({ service: service.name, order });
    else if (await orders.give(order)) setTyped(undefined);
  };
  const weigh = () => {
    const weight = weightOf(typed ?? String(member.weight));
    if (weight !== undefined) void give({ order: 'weight', weight });
    else {
      const hint = 'type a whole number from 0 to 1000; 1 is what a member has unless told';
      orders.refuse('members', { detail: `\`${typed ?? ''}\` is no weight`, hint });
    }
  };
  const isBusy = orders.busy !== undefined;
  return (
    <td className="orders">
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!drained) weigh();
        }}
      >
        <label>
          <span className="hidden">
            weight of {address} of {service.name}
          </span>
          <input
            type="number"
            min={0}
            max={1000}
            step={1}
            disabled={drained}
            placeholder="–"
            value={drained ? '' : (typed ?? String(member.weight))}
            onChange={(event) => setTyped(event.target.value)}
          />
        </label>
        <button type="submit" className="copy" aria-disabled={isBusy || drained}>
          Set<span className="hidden"> weight of {address}</span>
        </button>
        <button
          type="button"
          className="copy"
          aria-disabled={isBusy}
          onClick={() => void give({ order: drained ? 'undrain' : 'drain' })}
        >
          {drained ? 'Put back' : 'Drain'}
          <span className="hidden"> {address}</span>
        </button>
      </form>
    </td>
  );
}

function saidOf(order: GatewayMemberOrder['order'], { member, weight }: GatewayMemberDone): string {
  if (order === 'drain') return `${member} gets no new requests; what has begun there ends.`;
  if (order === 'undrain') return `${member} gets requests again.`;
  return `${member} has weight ${weight ?? 1} from now on.`;
}
