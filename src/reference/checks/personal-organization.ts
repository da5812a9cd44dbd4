import { formatCountOf } from '../../output/number.ts';
import type { Check } from '../../verify/definition.ts';

export const personalOrganization: Check = {
  name: 'personal-organization',
  group: 'data',
  summary: 'Every user owns a personal organization.',
  since: '0006_users_billing_usage',
  async run({ session }) {
    const [row] = await session.query<{ users: number; samples: string | null }>(
      `SELECT count(*)::int AS users, string_agg(id, ', ') FILTER (WHERE place <= 5) AS samples
         FROM (SELECT u.id, row_number() OVER (ORDER BY u.id) AS place FROM public.users u
                WHERE NOT EXISTS (SELECT FROM public.organizations o WHERE o.owner_id = u.id AND o.is_personal)) missing`,
    );
    if (!row || row.users === 0) return [];
    return [
      {
        code: 'personal-organization',
        severity: 'error',
        message: `${formatCountOf(row.users, 'user has', 'users have')} no personal organization: ${row.samples}${row.users > 5 ? ', …' : '.'}`,
        help: 'Create them: SELECT public.ensure_personal_organization(id) FROM public.users u WHERE NOT EXISTS (SELECT FROM public.organizations o WHERE o.owner_id = u.id AND o.is_personal);',
        where: { object: 'public.organizations', migration: '0006_users_billing_usage' },
        key: 'personal-organization',
      },
    ];
  },
};
