import { describe, expect, test } from 'vitest';

import { formatted, short } from './sql';

const lines = (sql: string) =>
  formatted(sql)
    .map((piece) => piece.text)
    .join('');

describe('statements', () => {
  test('each clause gets a line', () => {
    expect(lines('select a, b from t where a = ? and b > ? order by a desc limit ?')).toBe(
      'SELECT a, b\nFROM t\nWHERE a = ?\n  AND b > ?\nORDER BY a DESC\nLIMIT ?',
    );
  });

  test('words of the schema are keywords where it is changed, and names elsewhere', () => {
    const keywords = (sql: string) =>
      formatted(sql).flatMap(({ kind, text }) => (kind === 'keyword' ? [text] : []));
    expect(keywords('create unique index concurrently a_idx on a using btree (index)')).toEqual(
      ['CREATE', 'UNIQUE', 'INDEX', 'CONCURRENTLY', 'ON', 'USING'], // prettier-ignore
    );
    expect(keywords('select index, table from a')).toEqual(['SELECT', 'FROM']);
  });

  test('a join stays on one line', () => {
    expect(lines('select a from t left outer join u on t.id = u.id')).toBe(
      'SELECT a\nFROM t\nLEFT OUTER JOIN u ON t.id = u.id',
    );
  });

  test('texts and quoted names stay as they are', () => {
    expect(lines(`SELECT "from", 'where  x' FROM "select"`)).toBe(
      `SELECT "from", 'where  x'\nFROM "select"`,
    );
  });

  test('a cut statement is shown all the same', () => {
    expect(lines("select a from t where (x = 'unfinished")).toContain("'unfinished");
    expect(lines('')).toBe('');
  });

  test('a long list of columns is left out where there is no room, and nothing else', () => {
    const columns = '"t"."id", "t"."name", (select count(*) from u where u.id = t.id) as n';
    expect(short(`SELECT ${columns} FROM t WHERE id = ?`)).toBe('SELECT … FROM t WHERE id = ?');
    for (const sql of [
      'select a, b from t',
      'update t set a = ?',
      `select ${columns}`,
      `insert into t select ${columns} from t`,
      '',
    ]) {
      expect(short(sql)).toBe(sql);
    }
  });

  test('nothing but blanks and case is changed', () => {
    const sql = 'insert into t (a, b) values (?, ?) on conflict do nothing returning id';
    expect(lines(sql).replace(/\s+/g, ' ').toLowerCase()).toBe(sql);
  });
});
