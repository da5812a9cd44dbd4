import type { Session } from '../../../src/db/session.ts';

/**
 * A session inside a transaction that will be rolled back: its own transactions are savepoints.
 * That makes a case cost some milliseconds, and not a database.
 */
export function nested(session: Session): Session {
  const open: { name: string; readsOnly: boolean }[] = [];
  let count = 0;
  const translate = (sql: string) => {
    if (/^BEGIN\b/.test(sql)) {
      const name = `scene_${++count}`;
      open.push({ name, readsOnly: /^BEGIN[^;]*READ ONLY/.test(sql) });
      return sql.replace(/^BEGIN[^;]*/, `SAVEPOINT ${name}`);
    }
    if (sql !== 'COMMIT' && sql !== 'ROLLBACK') return sql;
    const { name = '', readsOnly = true } = open.pop() ?? {};
    // What is SET LOCAL ends with a transaction, and not with a savepoint that is released.
    return sql === 'COMMIT' && !readsOnly
      ? `RELEASE ${name}`
      : `ROLLBACK TO ${name}; RELEASE ${name}`;
  };
  return { ...session, script: (sql) => session.script(translate(sql)) };
}
