import type { Check } from '../../verify/definition.ts';

const expected = 41;

export const usersColumns: Check = {
  name: 'users-columns',
  group: 'data',
  summary: `users has at least ${expected} columns.`,
  since: '0009_credit_ledger',
  async run({ session }) {
    const [row] = await session.query<{ columns: number }>(
      `SELECT count(*)::int AS columns FROM pg_attribute WHERE attrelid = to_regclass('public.users') AND attnum > 0 AND NOT attisdropped`,
    );
    const columns = row?.columns ?? 0;
    if (columns >= expected) return [];
    return [
      {
        code: 'users-columns',
        severity: 'error',
        message: `users has ${columns} columns, expected at least ${expected}.`,
        help: 'Compare \\d users in psql with migrations/0006_users_billing_usage.up.sql',
        where: { object: 'public.users', migration: '0006_users_billing_usage' },
        key: 'users-columns',
      },
    ];
  },
};
