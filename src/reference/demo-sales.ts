import type { Session } from '../db/session.ts';

/**
 * Inserts sales into the schema as it is after `0003_content`, when purchases had no organization.
 *
 * @returns how many purchases and access rows the database then has
 */
export async function sellForAWhile(
  session: Session,
): Promise<{ purchases: number; access: number }> {
  await session.script(rows);
  const [counts] = await session.query<{ purchases: number; access: number }>(
    'SELECT (SELECT count(*) FROM public.purchases)::int AS purchases, (SELECT count(*) FROM public.content_access)::int AS access',
  );
  return counts ?? { purchases: 0, access: 0 };
}

const rows = `
  INSERT INTO public.users (id, email, name) VALUES
    ('user_ada', 'ada@example.com', 'Ada'), ('user_ben', 'ben@example.com', 'Ben'), ('user_eve', 'eve@example.com', 'Eve');
  INSERT INTO public.organizations (id, name, owner_id)
    SELECT ('00000000-0000-4000-8000-00000000000' || n)::uuid, name, owner
      FROM (VALUES (1, 'Northwind Courses', 'user_ada'), (2, 'Blue Door Yoga', 'user_ben')) AS org (n, name, owner);
  INSERT INTO public.content (id, organization_id, creator_id, title, price_cents)
    SELECT ('00000000-0000-4000-9000-' || lpad(n::text, 12, '0'))::uuid,
           ('00000000-0000-4000-8000-00000000000' || 1 + n % 2)::uuid, 'user_ada', 'Lesson ' || n, 1500
      FROM generate_series(1, 50) AS n;
  INSERT INTO public.purchases (customer_id, content_id, status, amount_paid_cents, created_at)
    SELECT (ARRAY['user_ada', 'user_ben', 'user_eve'])[1 + n % 3],
           ('00000000-0000-4000-9000-' || lpad((1 + n % 50)::text, 12, '0'))::uuid, 'completed', 1500, now() - n * interval '1 hour'
      FROM generate_series(1, 3000) AS n;
  INSERT INTO public.content_access (user_id, content_id, access_type)
    SELECT DISTINCT customer_id, content_id, 'purchased' FROM public.purchases;
`;
