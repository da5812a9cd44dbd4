import type { Check } from '../../verify/definition.ts';

const expected = 41;

export const usersColumns: Check = {
  name: 'users-columns',
  group: 'data',
  summary: `users has its full profile: at least ${expected} columns.`,
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
        message: `users has ${columns} columns; the applied migrations give it at least ${expected}.`,
        help: 'See which ones are gone: \\d users in psql, beside migrations/0006_users_billing_usage.up.sql',
        where: { object: 'public.users', migration: '0006_users_billing_usage' },
        key: 'users-columns',
      },
    ];
  },
  examples: [
    {
      breaks:
        'ALTER TABLE users DROP COLUMN bio, DROP COLUMN display_name, DROP COLUMN personal_title',
      mends:
        'ALTER TABLE users ADD COLUMN bio text, ADD COLUMN display_name text, ADD COLUMN personal_title text',
      finding: 'users-columns',
    },
  ],
};
