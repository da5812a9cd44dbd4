import { sqlstate } from '../db/sqlstate.ts';
import type { Declarations } from '../declarations.ts';

/** Somebody who signs up, as the auth service does it. */
const signUp = `INSERT INTO public.users (id, email) VALUES ('dbops-probe', 'dbops-probe@example.com');`;

const content = `${signUp}
  INSERT INTO public.content (organization_id, creator_id, title)
  SELECT id, 'dbops-probe', 'Probe' FROM public.organizations WHERE owner_id = 'dbops-probe';`;

const ofContent = `FROM public.content WHERE creator_id = 'dbops-probe'`;

/** What the bundled application must accept and reject. */
export const probes: NonNullable<Declarations['probes']> = {
  'access-type': {
    severity: 'error',
    summary: 'An access_type that the application does not know is rejected.',
    since: '0008_tenancy_contract',
    given: content,
    sql: `INSERT INTO public.content_access (user_id, content_id, organization_id, access_type)
      SELECT 'dbops-probe', id, organization_id, 'stolen' ${ofContent}`,
    fails: sqlstate.checkViolation,
    constraint: 'check_access_type',
  },
  'negative-amount': {
    severity: 'error',
    summary: 'A purchase of a negative amount is rejected.',
    since: '0008_tenancy_contract',
    given: content,
    sql: `INSERT INTO public.purchases (customer_id, content_id, organization_id, status, amount_paid_cents, stripe_payment_intent_id)
      SELECT 'dbops-probe', id, organization_id, 'completed', -1, 'pi_dbops_probe' ${ofContent}`,
    fails: sqlstate.checkViolation,
    constraint: 'check_amount_positive',
  },
  'duplicate-session': {
    severity: 'error',
    summary: 'A payment session grants credits once.',
    since: '0009_credit_ledger',
    sql: `INSERT INTO public.credit_transactions (user_id, type, amount, stripe_session_id)
      SELECT 'dbops-probe', 'purchase', 10, 'cs_dbops_probe' FROM generate_series(1, 2)`,
    fails: sqlstate.uniqueViolation,
    constraint: 'credit_transactions_stripe_session_id_key',
  },
  'sign-up': {
    severity: 'error',
    summary: 'A user who signs up owns a personal organization with an active free plan.',
    since: '0006_users_billing_usage',
    given: signUp,
    sql: `SELECT o.is_personal, m.role, s.plan, s.status
      FROM public.organizations o
      JOIN public.organization_members m ON m.organization_id = o.id AND m.user_id = o.owner_id
      JOIN public.org_subscriptions s ON s.organization_id = o.id
      WHERE o.owner_id = 'dbops-probe'`,
    returns: [{ is_personal: true, role: 'owner', plan: 'free', status: 'active' }],
  },
  'feature-access': {
    severity: 'error',
    summary: 'A member gets the limit of the plan, and nobody else gets an answer.',
    since: '0006_users_billing_usage',
    given: signUp,
    sql: `SELECT public.check_feature_access('dbops-probe', 'max_seats', id) AS own,
        public.check_feature_access('dbops-stranger', 'max_seats', id) AS stranger
      FROM public.organizations WHERE owner_id = 'dbops-probe'`,
    returns: [{ own: '{"limit": 1}', stranger: null }],
  },
  'audit-update': {
    severity: 'error',
    summary: 'No row of audit_logs can be changed.',
    since: '0010_platform',
    given: `INSERT INTO public.audit_logs (action, entity_type) VALUES ('probe', 'dbops');`,
    sql: `UPDATE public.audit_logs SET action = 'changed' WHERE entity_type = 'dbops'`,
    fails: sqlstate.insufficientPrivilege,
  },
  'audit-delete': {
    severity: 'error',
    summary: 'No row of audit_logs can be deleted.',
    since: '0010_platform',
    given: `INSERT INTO public.audit_logs (action, entity_type) VALUES ('probe', 'dbops');`,
    sql: `DELETE FROM public.audit_logs WHERE entity_type = 'dbops'`,
    fails: sqlstate.insufficientPrivilege,
  },
};
