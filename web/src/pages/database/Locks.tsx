/** Who waits for whom: holders with those who wait below them. */
import type { DatabaseDetail, DatabaseSession, LockNode } from '../../api/types';
import { durationText, plural } from '../../lib/format';
import { Heads } from '../../ui/Heads';
import { SqlLine } from '../../ui/Sql';

export function Locks({ data }: { data: DatabaseDetail }) {
  return (
    <>
      {data.locks.length === 0 ? (
        <p className="nothing">Nobody waits for anybody.</p>
      ) : (
        <table className="rows locks">
          <Heads columns={[['session'], ['waits for'], ['for', 'n'], ['statement', 'p2']]} />
          <tbody>
            {data.locks.map((node, place) => (
              <Row key={`${node.session.pid} ${place}`} node={node} />
            ))}
          </tbody>
        </table>
      )}
      <h2 className="apart">Open transactions that do nothing</h2>
      {data.idle_in_transaction.length === 0 ? (
        <p className="nothing">None: every transaction that is open works.</p>
      ) : (
        <table className="rows">
          <tbody>
            {data.idle_in_transaction.map((one) => (
              <tr key={one.pid}>
                <td>{who(one)}</td>
                <td className="n strong over">
                  {one.transaction_ms == null ? '–' : durationText(one.transaction_ms * 1e3)}
                </td>
                <td className="p2 mono">
                  {one.statement != null && (
                    <>
                      <span className="dim">last: </span>
                      <SqlLine text={one.statement} />
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Row({ node }: { node: LockNode }) {
  const { session } = node;
  return (
    <tr>
      <td style={{ paddingLeft: `${node.depth * 18}px` }}>
        {node.depth > 0 && <span aria-hidden="true">└ </span>}
        {who(session)}
        {node.blocks > 0 && (
          <span className="count high"> blocks {plural(node.blocks, 'session')}</span>
        )}
      </td>
      <td className={node.waits_for === '' ? 'dim' : ''}>
        {node.waits_for === '' ? session.state : node.waits_for}
      </td>
      <td className="n strong">
        {node.waits_for === '' ? '' : durationText(node.waited_ms * 1e3)}
      </td>
      <td className="p2 mono" title={session.statement ?? ''}>
        {session.statement != null && (
          <>
            {session.state.startsWith('idle') && <span className="dim">last: </span>}
            <SqlLine text={session.statement} />
          </>
        )}
      </td>
    </tr>
  );
}

function who(session: DatabaseSession) {
  const name = [session.user, session.application].filter((part) => part !== '').join(' · ');
  return (
    <>
      <strong>{session.pid === 0 ? 'a prepared transaction' : session.pid}</strong>{' '}
      <span className="dim">{name}</span>
    </>
  );
}
